"""Two processes with a graph between them: a receiver, then whoever sends to it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from machine import parser

from stream_infer_ros.config import GraphConfig, ZenohConfig
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import Publisher, Qos
from stream_infer_ros.messages.typestore import typestore

IMAGE = 'sensor_msgs/msg/Image'
RELIABLE_5 = Qos('reliable', 'volatile', 5)
DOMAIN_ID = 1 + os.getpid() % 100
Kind = Literal['dds', 'zenoh']
# Name, package, adapter, shared memory, the package's own calls instead of ours.
CROSSINGS: tuple[tuple[str, str, Kind, bool, bool], ...] = (
    ('dds', 'cyclonedds', 'dds', False, False),
    ('dds, binding', 'cyclonedds', 'dds', False, True),
    ('zenoh', 'zenoh', 'zenoh', False, False),
    ('zenoh, shared memory', 'zenoh', 'zenoh', True, False),
)


def image(width: int, height: int) -> bytes:
    """An rgb8 sensor_msgs/msg/Image of noise; 640x480 is 0.92 MB."""
    made = typestore().types
    stamp = made['builtin_interfaces/msg/Time'](sec=0, nanosec=0)
    message = made[IMAGE](
        header=made['std_msgs/msg/Header'](stamp=stamp, frame_id='camera'),
        height=height,
        width=width,
        encoding='rgb8',
        is_bigendian=0,
        step=3 * width,
        data=np.random.default_rng(0).integers(0, 256, 3 * width * height, np.uint8),
    )
    return bytes(typestore().serialize_cdr(message, IMAGE))


def ends_parser(doc: str | None) -> argparse.ArgumentParser:
    """With the options of every benchmark, and those that make this script its own receiver."""
    made = parser(doc)
    made.add_argument('--receive', choices=get_args(Kind), help=argparse.SUPPRESS)
    made.add_argument('--shared-memory', action='store_true', help=argparse.SUPPRESS)
    made.add_argument('--domain', type=int, default=DOMAIN_ID, help=argparse.SUPPRESS)
    return made


def start_receiver(script: str, kind: Kind, shared_memory: bool, *more: str) -> subprocess.Popen[str]:
    """The script as its own receiver, once it has printed a line: that it listens. Raises GraphError."""
    arguments = ['--receive', kind, '--domain', str(DOMAIN_ID), *more]
    arguments += ['--shared-memory'] if shared_memory else []
    receiver = subprocess.Popen(
        [sys.executable, script, *arguments], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert receiver.stdout is not None
    if not receiver.stdout.readline():
        raise GraphError(
            f'the receiver of {kind} ended with exit code {receiver.wait()}; see its messages above'
        )
    return receiver


def settle(publishers: Sequence[Publisher]) -> None:
    """Wait until each has its subscriber, and either side is quiet."""
    tick = threading.Event()
    while any(publisher.subscribers() == 0 for publisher in publishers):
        tick.wait(0.01)
    tick.wait(0.5)


def graph_config(kind: Kind, domain: int, shared_memory: bool, name: str = 'sender') -> GraphConfig:
    zenoh = ZenohConfig(shared_memory=shared_memory)
    return GraphConfig(kind=kind, domain_id=domain, loopback=True, zenoh=zenoh, node_name=name)
