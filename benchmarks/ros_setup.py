"""Finding a ROS 2 that this Python can use."""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from stream_infer_ros.graph.cyclone_for_images import uri_for_images

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK = (
    '<CycloneDDS><Domain><General><Interfaces><NetworkInterface name="lo" multicast="false"/></Interfaces>'
    '<AllowMulticast>false</AllowMulticast></General></Domain></CycloneDDS>'
)
NEEDED = ('rclpy', 'message_filters', 'cv_bridge', 'sensor_msgs.msg', 'vision_msgs.msg')


@functools.cache
def find_ros() -> Path | None:
    """The setup.bash of a ROS 2 whose rclpy, message_filters, cv_bridge and messages this Python imports."""
    tried = [f'import {name}' for name in NEEDED]
    for setup in sorted(Path('/opt/ros').glob('*/setup.bash')):
        command = in_ros(setup, [sys.executable, '-c', '; '.join(tried)])
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return setup
    return None


def in_ros(setup: Path, command: list[str]) -> list[str]:
    """The same command in a sourced shell; every packet stays on this machine, in sizes that suit images."""
    sourced = [f'source {shlex.quote(str(setup))}']
    settings = on_this_machine(setup.parent.name)
    if (setup.parent / 'lib' / 'librmw_cyclonedds_cpp.so').exists():
        settings['RMW_IMPLEMENTATION'] = 'rmw_cyclonedds_cpp'
    sourced += [f'export {name}={shlex.quote(value)}' for name, value in settings.items()]
    return ['bash', '-c', ' && '.join([*sourced, f'exec {shlex.join(command)}'])]


def on_this_machine(distro: str) -> dict[str, str]:
    """The environment that keeps the packets of a ROS here: all of them, and rmw_cyclonedds its own way."""
    settings = {
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
    }
    # Not `domain_xml`, which contains a setting that the older Cyclone DDS of ROS 2 refuses.
    settings['CYCLONEDDS_URI'] = uri_for_images({**settings, 'CYCLONEDDS_URI': LOOPBACK})
    if distro == 'humble':
        settings['ROS_LOCALHOST_ONLY'] = '1'  # later ones warn about it
    return settings


def start_again_in_ros() -> None:
    """Replace this process by itself in a sourced shell, unless rclpy is here; returns if there is no ROS."""
    setup = find_ros()
    if find_spec('rclpy') is None and setup is not None:
        command = in_ros(setup, [sys.executable, *sys.argv])
        os.execvp(command[0], command)
