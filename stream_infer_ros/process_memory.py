"""Peak memory of this process, and settings of its allocator and garbage collector."""

import ctypes
import gc
import os
import resource
import sys

# Parameters of glibc's mallopt (malloc.h) and their values. An allocation larger than the mmap threshold
# always goes back to the kernel when it is freed; 32 MiB is the largest threshold that glibc accepts. Free
# memory at the top of the heap goes back, too, as soon as it exceeds the trim threshold.
_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES = -3, 32 << 20
_M_TRIM_THRESHOLD, _TRIM_THRESHOLD_BYTES = -1, 64 << 20


def peak_rss_mb() -> float:
    """Return the largest resident set size of this process so far, in mebibytes."""
    return _peak_rss_mb(resource.RUSAGE_SELF)


def peak_rss_of_children_mb() -> float:
    """Return the largest resident set size that any one ended child process had, in mebibytes."""
    return _peak_rss_mb(resource.RUSAGE_CHILDREN)


def _peak_rss_mb(who: int) -> float:
    # ru_maxrss is in kibibytes on Linux and in bytes on macOS.
    return resource.getrusage(who).ru_maxrss / (1024 * 1024 if sys.platform == 'darwin' else 1024)


def freeze_garbage_collector() -> None:
    """Exclude all objects that exist now from future garbage collections of this process.

    A full collection visits every object, and most objects belong to imported modules. Without this call,
    full collections delayed one set in a hundred by 25 ms or more (measured on 2 busy cores). `gc.unfreeze`
    undoes it.
    """
    gc.collect()
    gc.freeze()


def keep_freed_memory() -> bool:
    """Let malloc keep the memory of freed images for the next images of this process.

    By default, glibc returns most of this memory to the kernel and requests it again page by page. This costs
    up to half a millisecond of CPU time for each 640x480 image that comes through DDS
    (benchmarks/rclpy_cost.py, 2 busy cores).

    Returns:
        True if the settings were changed. They are not changed if the C library is not glibc, or if
        environment variables configure malloc.
    """
    configured_by = ('MALLOC_TRIM_THRESHOLD_', 'MALLOC_MMAP_THRESHOLD_', 'GLIBC_TUNABLES')
    if any(name in os.environ for name in configured_by) or not sys.platform.startswith('linux'):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl
        return False
    return bool(
        mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)
        and mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD_BYTES)
    )
