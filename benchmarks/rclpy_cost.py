"""CPU time per 640x480 image from topic to engine slot on ROS 2, compared with the usual node.

    python benchmarks/rclpy_cost.py [--cameras 4] [--rate 15] [--json FILE]

Without a sourced ROS 2 it restarts itself in a shell with a ROS 2 of /opt/ros.

A publisher in another process sends to one receiver at a time, on loopback (peers/slot_receivers.py):

- ours: RosGraph, LiveRunner with matching and letterbox. `executor` is the same with subscriptions with
  raw=True on the executor of rclpy. The difference is what the receiver thread of RosGraph saves.
- usual: typed rclpy subscriptions, message_filters.ApproximateTimeSynchronizer, cv_bridge to rgb8, and the
  same letterbox.

All threads of the receiving process count, including diagnostics and timers, after a second of warm-up. The
exit code is 1 if ours takes more than half of the time of the usual node.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from machine import Results, Table, parser
from ros_setup import on_this_machine, start_again_in_ros

from stream_infer_ros.capacity.child_events import ChildEvents

PEERS = Path(__file__).resolve().parent / 'peers'
WIDTH, HEIGHT = 640, 480
ALLOWED = 0.5
KINDS = ('ours', 'executor', 'usual')
# To import and be ready; to tell at the end.
START_S, END_S = 60.0, 20.0


def main() -> int:
    options = _arguments()
    start_again_in_ros()
    results = Results('rclpy_cost', 'From topic to engine slot on ROS 2', options)
    if find_spec('rclpy') is None:
        results.missing('rclpy: no ROS 2 for this Python (/opt/ros/*/setup.bash)')
        return results.finish()
    # As docs/how-to/fast-dds.md advises, for all of them.
    os.environ.update(on_this_machine(os.environ.get('ROS_DISTRO', '')))
    os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
    compare(options, results)
    return results.finish()


def compare(options: argparse.Namespace, results: Results) -> None:
    """Measure all kinds in turns."""
    found: dict[str, list[tuple[float, int]]] = {kind: [] for kind in KINDS}
    for _ in range(options.rounds):
        for kind in KINDS:
            found[kind].append(measure(kind, options))
    sent = round(options.cameras * options.rate * options.seconds)
    usual = median(ms for ms, _ in found['usual'])
    table = Table(
        f'{options.cameras} cameras, {WIDTH}x{HEIGHT} rgb8, {options.rate:g} Hz, {options.rounds} rounds',
        ('', 'CPU, ms an image', 'x usual', f'in the slot, of {sent}'),
    )
    for kind, rounds in found.items():
        ms = median(ms for ms, _ in rounds)
        table.row(kind, ms, ms / usual, ', '.join(str(images) for _, images in rounds))
    results.show(table)
    results.check('ours / usual', median(ms for ms, _ in found['ours']) / usual, ALLOWED, 'x')


def measure(kind: str, options: argparse.Namespace) -> tuple[float, int]:
    """CPU per image of one receiver, ms, and how many images reached its slot."""
    offered = [str(options.cameras), str(options.rate)]
    pause = threading.Event()
    processes = [_start('slot_receivers.py', kind, *offered)]
    receiver = processes[0]
    try:
        told = ChildEvents(receiver, f'the receiver {kind!r}')
        told.wait('ready', START_S)
        processes.append(_start('rclpy_cameras.py', *offered, str(WIDTH), str(HEIGHT)))
        pause.wait(options.settle)
        _say(receiver, 'begin')
        pause.wait(options.seconds)
        _say(receiver, 'end')
        cpu_ms, images = told.wait('cpu_ms', END_S), told.wait('images', END_S)
        if not images:
            raise SystemExit(f'{kind} received no image; see its messages above')
        return float(cpu_ms), int(images)
    finally:
        for process in reversed(processes):
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


def _start(script: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(PEERS / script), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _say(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f'{word}\n')
    process.stdin.flush()


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument('--cameras', type=int, default=4)
    made.add_argument('--rate', type=float, default=15.0, help='images a second of each camera')
    made.add_argument('--seconds', type=float, metavar='S', help='measured in each turn (6; quick: 2)')
    made.add_argument('--settle', type=float, metavar='S', help='before each measurement (3; quick: 2)')
    made.add_argument('--rounds', type=int, metavar='N', help='(3; quick: 1)')
    options = made.parse_args()
    options.seconds = options.seconds or (2.0 if options.quick else 6.0)
    options.settle = options.settle or (2.0 if options.quick else 3.0)
    options.rounds = options.rounds or (1 if options.quick else 3)
    return options


if __name__ == '__main__':
    sys.exit(main())
