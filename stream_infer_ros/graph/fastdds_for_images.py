"""The Fast DDS profile for images, for processes that use rmw_fastrtps."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

from stream_infer_ros.graph.domain import is_local_only
from stream_infer_ros.resources import share_directory

_log = logging.getLogger(__name__)

# Fast DDS 2 (Humble to Jazzy) and Fast DDS 3 (Kilted and later) read a profile from different variables, and
# Kilted warns about the older one.
_FAST_DDS_2 = ('humble', 'iron', 'jazzy')
_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
# Fast DDS loads these from the working directory without being asked to.
_DEFAULT_FILES = ('DEFAULT_FASTRTPS_PROFILES.xml', 'DEFAULT_FASTDDS_PROFILES.xml')
_TRANSPORTS = 'FASTDDS_BUILTIN_TRANSPORTS'
# In addition to its segment, a participant keeps a port of 50 KB for each of its locators.
_OVERHEAD_BYTES = 1 << 20

SHARED_MEMORY = Path('/dev/shm')
# File names of segments. A default segment has 549,408 bytes.
_SEGMENT = re.compile('(fastrtps|fastdds)_[0-9a-f]+')
_SMALL_BYTES = 1 << 20


def profile_variables(
    middleware: str, environ: Mapping[str, str], directory: Path, shared_memory: Path = SHARED_MEMORY
) -> dict[str, str]:
    """Return the environment variables that give this process our profile; set them before rclpy starts.

    The result is empty for another middleware, and if the user has configured Fast DDS with a profile (by
    either variable, or in the working directory) or with its transports. It is also empty, and a warning is
    logged, if the profile's segment does not fit into shared memory. Fast DDS would then continue without
    shared memory, which is worse than its default segment.

    Args:
        middleware: what `rclpy.utilities.get_rmw_implementation_identifier` returns.
        environ: the environment of the process.
        directory: its working directory.
        shared_memory: the folder of the segments.
    """
    if not middleware.startswith('rmw_fastrtps') or is_configured(environ, directory):
        return {}
    file = profile_file(environ)
    needed = segment_bytes(file) + _OVERHEAD_BYTES
    free = shutil.disk_usage(shared_memory).free if shared_memory.is_dir() else 0
    if free < needed:
        _log.warning(
            'Fast DDS keeps its small default segment, which loses images: %s has %.1f MB free, but the '
            'profile %s needs %.1f MB; give a container more (docker run --shm-size=512m, or --ipc=host)',
            *(shared_memory, free / 1e6, file.name, needed / 1e6),
        )
        return {}
    return {profile_variable(environ): str(file)}


def why_lost(middleware: str, environ: Mapping[str, str], shared_memory: Path = SHARED_MEMORY) -> str:
    """Return why Fast DDS probably loses images here, and the remedy; empty if there is no sign of a reason.

    The segments in shared memory belong to the processes on this machine. A segment of the default size
    suggests that a camera driver has no profile. (A segment does not show which process it belongs to.)

    Args:
        middleware: what `rclpy.utilities.get_rmw_implementation_identifier` returns.
        environ: the environment that the middleware was started with.
        shared_memory: the folder of the segments.
    """
    if not middleware.startswith('rmw_fastrtps'):
        return ''
    sizes = _segment_sizes(shared_memory)
    small = sum(size < _SMALL_BYTES for size in sizes)
    # If discovery is limited to this machine, each process with a profile also has a default segment.
    others = len(sizes) - small if is_local_only(environ) else 0
    if small <= others:
        return ''
    return (
        'Fast DDS drops messages that do not fit into the shared-memory segment of the sending process, and '
        'a process here has the default segment of 512 KiB; unless you already do, start your camera drivers '
        f'with {profile_variable(environ)}={profile_file(environ)} (docs/how-to/fast-dds.md)'
    )


def _segment_sizes(shared_memory: Path) -> list[int]:
    sizes = []
    for path in shared_memory.glob('fast*'):
        with suppress(FileNotFoundError):  # the process has just ended
            if _SEGMENT.fullmatch(path.name):
                sizes.append(path.stat().st_size)
    return sizes


def is_configured(environ: Mapping[str, str], directory: Path) -> bool:
    """True if the user has configured the profile or the transports of Fast DDS."""
    if any(name in environ for name in (*_VARIABLES, _TRANSPORTS)):
        return True
    skips_files = environ.get('SKIP_DEFAULT_XML_FILE', '').startswith('1')
    return not skips_files and any((directory / name).is_file() for name in _DEFAULT_FILES)


def profile_file(environ: Mapping[str, str]) -> Path:
    """Return the shipped profile that matches the discovery range in the environment."""
    name = 'fastdds_localhost.xml' if is_local_only(environ) else 'fastdds.xml'
    return share_directory() / 'config' / name


def profile_variable(environ: Mapping[str, str]) -> str:
    """Return the name of the variable that the Fast DDS of this ROS distribution reads."""
    older, newer = _VARIABLES
    return older if environ.get('ROS_DISTRO') in _FAST_DDS_2 else newer


def segment_bytes(file: Path) -> int:
    """Return the size of the shared-memory segment that a profile asks for."""
    sizes = [
        int(element.text or 0)
        for element in ElementTree.parse(file).iter()
        if element.tag.endswith('segment_size')
    ]
    return max(sizes, default=0)
