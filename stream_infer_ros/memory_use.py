"""How much memory this process takes, and what becomes of what it frees."""

import ctypes
import gc
import os
import resource
import sys

# glibc's names (malloc.h) and what they are set to. Larger allocations than the first always go back to the
# kernel; 32 MB is the most it accepts. Free memory beyond the second goes back, too.
_M_MMAP_THRESHOLD, _LARGEST_KEPT = -3, 32 << 20
_M_TRIM_THRESHOLD, _MOST_KEPT = -1, 64 << 20


def peak_rss_mb() -> float:
    """Most memory this process ever held, megabytes (ru_maxrss: kilobytes on Linux, bytes on macOS)."""
    return _peak_rss_mb(resource.RUSAGE_SELF)


def peak_rss_of_children_mb() -> float:
    """Most memory that any one of its ended children held, megabytes."""
    return _peak_rss_mb(resource.RUSAGE_CHILDREN)


def _peak_rss_mb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / (1024 * 1024 if sys.platform == 'darwin' else 1024)


def spare_what_is_there() -> None:
    """Have the garbage collector look only at what is made from now on, in this process.

    A full collection visits every object, most of them of modules that were imported: it held up one set in a
    hundred for 25 ms and more (2 busy cores). `gc.unfreeze` takes it back.
    """
    gc.collect()
    gc.freeze()


def keep_freed_images() -> bool:
    """Have the memory of freed images stay for the next ones, in this process; whether that could be had.

    By default glibc gives most of it back to the kernel, and takes it again page by page: up to half a
    millisecond of CPU for each 640x480 image that comes through DDS (benchmarks/rclpy_cost.py, 2 busy cores).
    With another C library, or where the environment says how malloc is to work, nothing is changed.
    """
    told = ('MALLOC_TRIM_THRESHOLD_', 'MALLOC_MMAP_THRESHOLD_', 'GLIBC_TUNABLES')
    if any(name in os.environ for name in told) or not sys.platform.startswith('linux'):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT) and mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT))
