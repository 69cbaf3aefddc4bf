"""Measure the images and sets that our pipeline receives through each middleware of ROS 2.

    python benchmarks/middleware.py [--cameras 6] [--rate 10] [--seconds 30] [--json FILE]

The benchmark uses every ROS 2 on this machine: those built from wheels by `python -m tools.ros_prefix`, and
/opt/ros/*. Cameras publish 640x480 rgb8 through rclpy (peers/ros_rig.py), all at once, each with CameraInfo
and a transform. Our pipeline receives them in another process (peers/ros_pipeline.py), with a network that
costs nothing.

- default: the cameras run without any configuration of the middleware.
- profile: the cameras use config/fastdds.xml, or the CYCLONEDDS_URI of docs/how-to/fast-dds.md.

The receiver configures itself in both cases, as our nodes do. The exit code is 1 if images or sets are
incomplete with a profile, or if the p99 of Fast DDS is more than 20 % above that of Cyclone DDS.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import Results, Table, parser

from stream_infer_ros.capacity.child_events import ChildEvents
from stream_infer_ros.graph.cyclone_for_images import uri_for_images
from stream_infer_ros.graph.fastdds_for_images import profile_file, profile_variable

ROOT = Path(__file__).resolve().parents[1]
PEERS = Path(__file__).resolve().parent / 'peers'
WIDTH, HEIGHT = 640, 480
ALLOWED = 1.2
# Limits for the start and the end of a process, and the wait for messages that are still on their way.
START_S, END_S, LEFT_S = 60.0, 20.0, 2.0
ISOLATED = 'STREAM_INFER_BENCHMARK_ISOLATED'
LIBRARIES = {'rmw_fastrtps_cpp': 'Fast DDS', 'rmw_cyclonedds_cpp': 'Cyclone DDS'}


@dataclass(frozen=True, slots=True)
class Contender:
    """A middleware of a ROS 2, and the environment of its camera drivers."""

    setup: Path
    middleware: str
    advised: bool

    @property
    def distro(self) -> str:
        return self.setup.parent.name

    @property
    def name(self) -> str:
        return f'{LIBRARIES[self.middleware]}, {self.distro}, {"profile" if self.advised else "default"}'

    def shared_variables(self) -> dict[str, str]:
        """Return variables of both processes. On loopback, Cyclone needs discovery to be local."""
        local = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'ROS_LOCALHOST_ONLY': '1'}
        name = 'ROS_LOCALHOST_ONLY' if self.distro == 'humble' else 'ROS_AUTOMATIC_DISCOVERY_RANGE'
        reach = {name: local[name]} if self.middleware == 'rmw_cyclonedds_cpp' else {}
        return {'RMW_IMPLEMENTATION': self.middleware, 'ROS_DISTRO': self.distro, **reach}

    def camera_variables(self) -> dict[str, str]:
        shared = self.shared_variables()
        if not self.advised:
            return shared
        if self.middleware == 'rmw_cyclonedds_cpp':
            return shared | {'CYCLONEDDS_URI': uri_for_images(shared)}
        return shared | {profile_variable(shared): str(profile_file(shared))}


def main() -> int:
    options = _arguments()
    start_again_isolated()
    results = Results('middleware', 'Images through each middleware of ROS 2', options)
    contenders = list(found())
    if not contenders:
        results.missing('rclpy: no ROS 2 for this Python (python -m tools.ros_prefix jazzy kilted)')
        return results.finish()
    sent = options.cameras * round(options.rate * options.seconds)
    table = Table(
        f'{options.cameras} cameras, {WIDTH}x{HEIGHT} rgb8, {options.rate:g} Hz, {options.seconds:g} s',
        (
            *('', f'images, of {sent}', f'sets, of {sent // options.cameras}', 'partial sets'),
            *('wire p50, ms', 'wire p99, ms', 'views without transform'),
        ),
        note='wire: header stamp to receipt, of the slowest camera.',
    )
    told = {}
    for contender in contenders:
        got = told[contender] = measure(contender, options)
        keys = ('images', 'sets', 'partial', 'p50_ms', 'p99_ms', 'no_transform')
        table.row(contender.name, *(got[key] for key in keys))
    results.show(table)
    check(results, told, sent)
    return results.finish()


def check(results: Results, told: dict[Contender, dict[str, Any]], sent: int) -> None:
    """Check the results with a profile."""
    cyclone = [
        got['p99_ms'] for one, got in told.items() if one.middleware == 'rmw_cyclonedds_cpp' and one.advised
    ]
    for one, got in told.items():
        if not one.advised:
            continue
        results.check(f'{one.name}: images', got['images'], sent, most=False)
        results.check(f'{one.name}: partial sets', got['partial'], 0)
        if one.middleware == 'rmw_fastrtps_cpp':
            ratio = got['p99_ms'] / min(cyclone) if cyclone else None
            results.check(f'{one.name}: p99 / Cyclone DDS', ratio, ALLOWED, 'x')


def found() -> Iterator[Contender]:
    """Yield every middleware of every ROS 2 here whose rclpy works with this Python."""
    built = Path(sys.prefix) / 'ros'
    for setup in [*sorted(built.glob('*/setup.bash')), *sorted(Path('/opt/ros').glob('*/setup.bash'))]:
        if subprocess.run(_sourced(setup, '-c', 'import rclpy'), capture_output=True, check=False).returncode:
            continue
        for middleware in LIBRARIES:
            if (setup.parent / 'lib' / f'lib{middleware}.so').exists():
                yield Contender(setup, middleware, advised=False)
                yield Contender(setup, middleware, advised=True)


def measure(contender: Contender, options: argparse.Namespace) -> dict[str, Any]:
    """Return the counts and times of the receiver of one contender."""
    sizes = [options.rate, WIDTH, HEIGHT, options.seconds]
    pause = threading.Event()
    processes = [
        _start(contender.setup, contender.shared_variables(), 'ros_pipeline.py', options.cameras),
    ]
    try:
        receiver = ChildEvents(processes[0], f'the receiver of {contender.name}')
        receiver.wait('ready', START_S)
        processes.append(
            _start(contender.setup, contender.camera_variables(), 'ros_rig.py', options.cameras, *sizes)
        )
        rig = ChildEvents(processes[1], f'the rig of {contender.name}')
        rig.wait('ready', START_S)
        _go_on(processes[1])
        rig.wait('sent', options.seconds + END_S)
        pause.wait(LEFT_S)
        _go_on(processes[0])
        got: dict[str, Any] = receiver.wait('received', END_S)
        return got
    finally:
        for process in reversed(processes):
            assert process.stdin is not None
            process.stdin.close()
            process.wait(END_S)


def start_again_isolated() -> None:
    """Restart this process in new namespaces: only a loopback interface, and an empty /dev/shm.

    Otherwise packets of Fast DDS could leave the machine, and other processes would share the segments.
    """
    if ISOLATED in os.environ or shutil.which('unshare') is None:
        return
    for options in (['--net', '--mount'], ['--map-root-user', '--net', '--mount']):
        start = ['unshare', *options, sys.executable, str(ROOT / 'tools' / 'isolated.py')]
        if subprocess.run([*start, 'true'], capture_output=True, check=False).returncode == 0:
            os.environ[ISOLATED] = '1'
            os.execvp(start[0], [*start, sys.executable, *sys.argv])
    raise SystemExit('a network namespace is needed (unshare --net --mount), and is not allowed here')


def _sourced(setup: Path, *arguments: str) -> list[str]:
    return ['bash', '-c', f'source {setup} && exec {sys.executable} {shlex.join(arguments)}']


def _start(setup: Path, variables: dict[str, str], script: str, *arguments: object) -> subprocess.Popen[str]:
    command = _sourced(setup, str(PEERS / script), *map(str, arguments))
    # Set after the setup file, which also names a middleware.
    exports = ' '.join(f'{name}={shlex.quote(value)}' for name, value in variables.items())
    command[-1] = command[-1].replace('&& exec ', f'&& exec env {exports} ', 1)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(('FAST', 'CYCLONE'))
    }
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write('\n')
    process.stdin.flush()


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument('--cameras', type=int, default=6)
    made.add_argument('--rate', type=float, default=10.0, help='images a second of each camera')
    made.add_argument('--seconds', type=float, metavar='S', help='(30; quick: 8)')
    options = made.parse_args()
    options.seconds = options.seconds or (8.0 if options.quick else 30.0)
    return options


if __name__ == '__main__':
    sys.exit(main())
