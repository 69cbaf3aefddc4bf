"""Install the wheels of ROS into a prefix."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from tools.ros_prefix.unavailable import Unavailable

WHEELS = [
    'rclpy[fastrtps]',
    'sensor-msgs', 'nav-msgs', 'diagnostic-msgs', 'visualization-msgs', 'std-srvs',
    # These generate code from message definitions.
    'rosidl-adapter', 'rosidl-generator-type-description', 'rosidl-generator-c', 'rosidl-generator-py',
    'rosidl-typesupport-c', 'rosidl-typesupport-fastrtps-c', 'rosidl-typesupport-introspection-c',
]  # fmt: skip
ATTEMPTS = 3


def why_no_wheels() -> str | None:
    """Return why there are no ROS wheels for this machine; None if there are."""
    machine = f'{platform.system()} {platform.machine()}'
    if machine != 'Linux x86_64':
        return f'there are wheels for Linux x86_64 only, this is {machine}'
    python = f'{platform.python_implementation()} {sys.version_info.major}.{sys.version_info.minor}'
    if python not in ('CPython 3.10', 'CPython 3.11', 'CPython 3.12', 'CPython 3.13'):
        return f'it is tested with CPython 3.10 to 3.13, this is {python}; use make PYTHON=python3.12'
    return None


def install_wheels(distribution: str, folder: Path) -> Path:
    """Install into `folder`; return its site-packages. Packages that this Python already has are skipped.

    Raises:
        Unavailable: pip failed `ATTEMPTS` times; the text ends with pip's output.
    """
    version = f'python{sys.version_info.major}.{sys.version_info.minor}'
    site_packages = folder / 'lib' / version / 'site-packages'
    pip = [sys.executable, '-m', 'pip', 'install', '--disable-pip-version-check', '--only-binary', ':all:']
    wanted = [f'ros-{distribution}-{name}' for name in WHEELS]
    # site_packages is on PYTHONPATH, so that an attempt continues where the last one stopped.
    environment = os.environ | {'PYTHONPATH': str(site_packages), '_ROS_WHEELS_BOOTSTRAP_COMPLETE': '1'}
    for _ in range(ATTEMPTS):
        done = subprocess.run(
            [*pip, '--prefix', str(folder), *wanted],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return site_packages
    raise Unavailable(
        f'pip could not install the wheels in {ATTEMPTS} attempts; is PyPI reachable? pip said: '
        f'{done.stderr.strip()[-1000:]}'
    )
