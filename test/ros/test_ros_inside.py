"""Runs each file of `inside/`, the tests that need rclpy in their own process, in a sourced shell."""

import os
import re
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from loopback import LOOPBACK

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = sorted((HERE / 'inside').glob('ros_*.py'))
SETUPS = sorted(Path('/opt/ros').glob('*/setup.bash'))
PATIENCE_S = 240
# Plugins of ROS that a sourced shell brings along; launch_testing's does not start under pytest 9.
WITHOUT = ['launch_testing', 'launch_ros', 'launch_pytest', 'launch_testing_ros_pytest_entrypoint']


def pythons_of(prefix: Path) -> set[str]:
    """The versions of Python that a ROS has rclpy for: {'3.12'}."""
    found = [*prefix.glob('lib/python3*/*-packages/rclpy'), *prefix.glob('local/lib/python3*/*/rclpy')]
    return {path.parents[1].name.removeprefix('python') for path in found}


def why_not() -> str | None:
    """What stands against running them; None: nothing."""
    if not SETUPS:
        return 'no ROS 2 at /opt/ros/*/setup.bash'
    ours = f'{sys.version_info.major}.{sys.version_info.minor}'
    theirs = pythons_of(SETUPS[0].parent)
    if ours not in theirs:
        versions = ', '.join(sorted(theirs)) or 'none'
        return f'the rclpy of {SETUPS[0].parent} is for Python {versions}, this is {ours}'
    return None


def environment(domain_id: int) -> dict[str, str]:
    """Of a sourced shell to be: on a domain of its own, every packet kept on this machine."""
    prefix = SETUPS[0].parent
    settings = {
        'ROS_DOMAIN_ID': str(domain_id),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'CYCLONEDDS_URI': LOOPBACK,
        'PYTHONWARNINGS': 'default',
    }
    if prefix.name == 'humble':
        settings['ROS_LOCALHOST_ONLY'] = '1'  # later ones warn about it
    if (prefix / 'lib' / 'librmw_cyclonedds_cpp.so').exists():
        settings['RMW_IMPLEMENTATION'] = 'rmw_cyclonedds_cpp'
    # `colcon test` gives pytest its arguments by PYTEST_ADDOPTS: they are for the outer one.
    ours = ('PYTHONPATH', 'PYTEST_ADDOPTS')
    return {name: value for name, value in os.environ.items() if name not in ours} | settings


def run(file: Path, domain_id: int) -> tuple[int, str]:
    """Exit code and output of pytest on one file; it and all it started are gone afterwards."""
    plugins = ' '.join(f'-p no:{plugin}' for plugin in WITHOUT)
    pytest_here = f'exec {sys.executable} -m pytest -q -rs {plugins} -p no:cacheprovider {file}'
    process = subprocess.Popen(
        ['bash', '-c', f'source {SETUPS[0]} && {pytest_here}'],
        cwd=ROOT,
        env=environment(domain_id),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=PATIENCE_S)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return -1, f'{output}\nnot done within {PATIENCE_S} s'


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.stem)
def test_inside_ros(file):
    reason = why_not()
    if reason is not None:
        pytest.skip(f'{reason}: not tested {file.stem}: {file.read_text().splitlines()[0]}')
    # Below 101, as the ports of higher domains lie among those the kernel hands out.
    code, output = run(file, domain_id=1 + (os.getpid() + 11 * FILES.index(file)) % 100)
    assert code == 0, output
    skipped = [line for line in output.splitlines() if line.startswith('SKIPPED')]
    if not re.search(r'\d+ passed', output):
        pytest.skip('; '.join(skipped))
    for line in skipped:
        warnings.warn(f'{file.stem}: {line}', stacklevel=1)
