"""This machine: versions of packages, folders, memory."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from stream_infer_ros.config import Config
from stream_infer_ros.doctor.findings import Finding, error, warning
from stream_infer_ros.inference.engines.cache_folder import cache_folder
from stream_infer_ros.resources import PACKAGE

LEAST_FREE_BYTES = 500_000_000
MEMORY = Path('/proc/meminfo')
# The cv_bridge of these distributions is compiled for NumPy 1.
NUMPY_1_DISTRIBUTIONS = ('humble', 'iron', 'jazzy')
# Distributions that install a module under another name than the one that is required.
SAME_MODULE = {'opencv-python-headless': 'cv2'}


def check_folders(config: Config) -> Iterator[Finding]:
    """Check that the cache folder can be written and has space."""
    folder = cache_folder(config.engine.cache_dir)
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield warning(
            'cache_not_writable',
            f'folder {folder}',
            f'the cache cannot be written, because {existing} is not a folder that this user may write',
            'correct its owner (chown), or set engine.cache_dir to another folder',
        )
    free = shutil.disk_usage(existing).free
    if free < LEAST_FREE_BYTES:
        yield warning(
            'disk_full',
            f'folder {folder}',
            f'{free / 1e6:.0f} MB are free on its disk',
            'free some space, or set engine.cache_dir to a folder on another disk',
        )


def check_memory(memory: Path = MEMORY) -> Iterator[Finding]:
    """Check that there is memory for images and the network."""
    try:
        lines = memory.read_text().splitlines()
    except OSError:
        return
    values = {line.partition(':')[0]: int(line.split()[1]) * 1024 for line in lines if len(line.split()) > 1}
    free = values.get('MemAvailable')
    if free is not None and free < LEAST_FREE_BYTES:
        yield warning(
            'memory_low',
            'machine',
            f'{free / 1e6:.0f} MB of memory are available',
            'close other programs, or use smaller images or a smaller network',
        )


def check_versions(
    environ: Mapping[str, str] = os.environ,
    path: Sequence[str] = sys.path,
    required: Sequence[str] | None = None,
) -> Iterator[Finding]:
    """Check the packages that are installed, and that Python and NumPy are those of ROS.

    Args:
        required: requirements as in setup.py; None: those of this package.
    """
    for text in _own_requirements() if required is None else required:
        finding = _requirement(text)
        if finding is not None:
            yield finding
    yield from _numpy(environ)
    yield from _python(path)


def _own_requirements() -> Sequence[str]:
    try:
        return metadata.requires(PACKAGE) or ()
    except metadata.PackageNotFoundError:  # used from the source tree
        return ()


def _requirement(text: str) -> Finding | None:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    if requirement.marker is not None and not requirement.marker.evaluate({'extra': ''}):
        return None
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        if find_spec(SAME_MODULE.get(requirement.name, requirement.name.replace('-', '_'))) is not None:
            return None
        return error(
            'package_missing',
            f'package {requirement.name}',
            f'{requirement.name} is not installed in {sys.executable}',
            f"pip install '{requirement.name}{requirement.specifier}'",
        )
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return warning(
        'package_version',
        f'package {requirement.name}',
        f'{requirement.name} {version} is installed, and {requirement.specifier} is required',
        f"pip install '{requirement.name}{requirement.specifier}'",
    )


def _numpy(environ: Mapping[str, str]) -> Iterator[Finding]:
    version = metadata.version('numpy')
    distribution = environ.get('ROS_DISTRO', '')
    if distribution in NUMPY_1_DISTRIBUTIONS and int(version.split('.')[0]) >= 2 and find_spec('cv_bridge'):
        yield warning(
            'numpy_2',
            'package numpy',
            f'NumPy {version} is installed, and the cv_bridge of ROS {distribution} is compiled for '
            'NumPy 1: it crashes Python nodes that use it. This package does not use it',
            "for those nodes, pip install 'numpy<2' in this environment",
        )


def _python(path: Sequence[str]) -> Iterator[Finding]:
    here = f'python{sys.version_info.major}.{sys.version_info.minor}'
    folders = [Path(entry) for entry in path if (Path(entry) / 'rclpy').is_dir()]
    versions = {part for folder in folders for part in folder.parts if part.startswith('python3.')}
    if versions and here not in versions:
        yield warning(
            'python_version',
            'ROS',
            f'the ROS in this shell is for {", ".join(sorted(versions))}, and this is {here}: its '
            'modules cannot be '
            'loaded, so graph.kind ros and the nodes do not work',
            'use the Python of the ROS distribution (docs/how-to/install-on-ros2.md), or graph.kind dds',
        )
