"""The ROS 2 environments of this machine, and functions to run commands in them.

These are the prefixes that `python -m tools.ros_prefix` builds from wheels, and every /opt/ros/*/setup.bash.
A command runs in a network namespace with a loopback interface only, so that no packet can leave the machine.
If namespaces are not allowed, ROS is configured for this machine only. Each command gets a separate domain.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from loopback import LOOPBACK

ROOT = Path(__file__).resolve().parents[2]
BUILT = Path(sys.prefix) / 'ros'
DISTRIBUTIONS_FROM_WHEELS = ('jazzy', 'kilted')
ISOLATED = ROOT / 'tools' / 'isolated.py'
# The user's settings for ROS and DDS must not reach the tests.
# Variables that `colcon test` sets for the outer pytest must not reach the inner one.
NOT_INHERITED = re.compile(
    'PYTHONPATH|PYTEST_ADDOPTS|PYTEST_XDIST.*|(FASTRTPS|FASTDDS|CYCLONEDDS|ROS|RMW|AMENT)_.*'
)
# lark, which rclpy imports, uses deprecated modules of Python.
WARNINGS = 'default,ignore::DeprecationWarning:lark.utils'
_domains = count()


@dataclass(frozen=True)
class RosEnvironment:
    """One ROS 2 on this machine, or the location of a missing one.

    Attributes:
        name: as in test ids: 'jazzy' for /opt/ros/jazzy, 'jazzy-wheels' for the prefix from wheels.
        setup: the file to source.
    """

    name: str
    setup: Path

    @property
    def distribution(self) -> str:
        return self.setup.parent.name

    @property
    def from_wheels(self) -> bool:
        return self.setup.is_relative_to(BUILT)

    def why_not(self) -> str | None:
        """Return why commands cannot run in it, and what to do; None if they can."""
        if not self.setup.is_file():
            if not self.from_wheels:
                return f'there is no ROS 2 at {self.setup}'
            reason = BUILT / f'{self.distribution}.why_not.txt'
            told = reason.read_text().strip() if reason.is_file() else 'run python -m tools.ros_prefix'
            return f'ROS 2 {self.distribution} was not built from wheels ({told})'
        ours = f'{sys.version_info.major}.{sys.version_info.minor}'
        theirs = self._pythons()
        if ours not in theirs:
            versions = ', '.join(sorted(theirs)) or 'none'
            return f'the rclpy of {self.setup.parent} is for Python {versions}, this is {ours}'
        return None

    def _pythons(self) -> set[str]:
        """Return the Python versions of its rclpy, e.g. {'3.12'}."""
        found = [
            *self.setup.parent.glob('lib/python3*/*-packages/rclpy'),
            *self.setup.parent.glob('local/lib/python3*/*/rclpy'),
        ]
        return {path.parents[1].name.removeprefix('python') for path in found}

    def command(self, script: str) -> list[str]:
        """Return the argv that runs a bash script in the sourced environment."""
        return [*isolation(), 'bash', '-c', f'source {self.setup} && {script}']

    def variables(self) -> dict[str, str]:
        """Return the environment variables to run `command` with."""
        inherited = {name: v for name, v in os.environ.items() if not NOT_INHERITED.fullmatch(name)}
        settings = {
            'ROS_DOMAIN_ID': str(new_domain()),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'CYCLONEDDS_URI': LOOPBACK,
            'PYTHONWARNINGS': WARNINGS,
        }
        if self.distribution == 'humble':
            settings['ROS_LOCALHOST_ONLY'] = '1'  # later distributions warn about it
        if (self.setup.parent / 'lib' / 'librmw_cyclonedds_cpp.so').exists():
            settings['RMW_IMPLEMENTATION'] = 'rmw_cyclonedds_cpp'
        return inherited | settings


def new_domain() -> int:
    """Return a domain id for one more command.

    It is below 101, because the ports of higher domains may be taken by the kernel for other connections.
    """
    return 1 + (os.getpid() + 11 * next(_domains)) % 100


@functools.cache
def isolation() -> tuple[str, ...]:
    """Return a command prefix that leaves only a loopback interface; empty if this is not allowed.

    The command also gets a separate /dev/shm.
    """
    if shutil.which('unshare') is None:
        return ()
    for options in (['--net', '--mount'], ['--map-root-user', '--net', '--mount']):
        start = ('unshare', *options, sys.executable, str(ISOLATED))
        if subprocess.run([*start, 'true'], capture_output=True, check=False).returncode == 0:
            return start
    return ()


def without_this_venv() -> dict[str, str]:
    """Return the variables for a ros2 command, which runs with the Python that its ROS was built for."""
    folders = os.environ['PATH'].split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if not folder.startswith(sys.prefix))
    inherited = {name: v for name, v in os.environ.items() if name not in ('VIRTUAL_ENV', 'PYTHONPATH')}
    return inherited | {'PATH': path, 'PYTHONWARNINGS': 'ignore'}


# The file that was sourced, for tests that run inside an environment.
SOURCED = Path(os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)[-1]) / 'setup.bash'
WHEELS = [RosEnvironment(f'{name}-wheels', BUILT / name / 'setup.bash') for name in DISTRIBUTIONS_FROM_WHEELS]
INSTALLED = [
    RosEnvironment(setup.parent.name, setup) for setup in sorted(Path('/opt/ros').glob('*/setup.bash'))
]
