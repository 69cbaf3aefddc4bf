"""The middleware: QoS that cannot match, losses, and settings that are known to lose images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from stream_infer_ros.doctor.findings import Finding, error, note, warning
from stream_infer_ros.doctor.observation import Observation

RMEM_MAX = Path('/proc/sys/net/core/rmem_max')
RMEM_REMEDY = (
    'sudo sysctl -w net.core.rmem_max=8388608, and in /etc/sysctl.d to keep it (docs/how-to/fast-dds.md)'
)


def check_middleware(
    seen: Observation, environ: Mapping[str, str] = os.environ, rmem_max: Path = RMEM_MAX
) -> Iterator[Finding]:
    """Check that the middleware delivers what is published."""
    for problem in seen.qos_problems:
        yield error(
            f'qos_{problem.policy}',
            f'topic {problem.topic}',
            f'incompatible {problem.policy}, so no message arrives',
            problem.remedy,
        )
    if not seen.is_live:
        return
    missing = sum(camera.stream.missed for camera in seen.cameras)
    lost = ', '.join(f'{topic} {count}' for topic, count in seen.losses.items())
    if lost:
        yield warning(
            'messages_lost',
            'middleware',
            f'the middleware reports lost messages: {lost}',
            seen.why_lost or 'see docs/how-to/fast-dds.md for the settings of the middleware',
        )
    elif seen.why_lost:
        yield warning('fastdds_segment', 'middleware', *_halves(seen.why_lost))
    yield from _socket_buffer(seen, bool(lost) or missing > 2, rmem_max)
    yield from _other_middleware(seen, environ)


def _halves(text: str) -> tuple[str, str]:
    what, _, remedy = text.partition('; ')
    return what, remedy


def _socket_buffer(seen: Observation, loses: bool, rmem_max: Path) -> Iterator[Finding]:
    """Compare the buffer of the kernel with the images, which DDS and zenoh receive over sockets."""
    if seen.config.graph.kind != 'dds':
        return
    largest = max((camera.message_bytes for camera in seen.cameras), default=0)
    try:
        limit = int(rmem_max.read_text())
    except (OSError, ValueError):
        return
    if largest <= limit:
        return
    what = (
        f'the socket buffer of the kernel has at most {limit / 1e6:.2f} MB (net.core.rmem_max), and an '
        'image has '
        f'{largest / 1e6:.2f} MB'
    )
    if loses:
        yield warning('socket_buffer', 'machine', f'{what}; images are missing', RMEM_REMEDY)
    else:
        yield note('socket_buffer', 'machine', f'{what}; no image is missing now', RMEM_REMEDY)


def _other_middleware(seen: Observation, environ: Mapping[str, str]) -> Iterator[Finding]:
    rmw, kind = environ.get('RMW_IMPLEMENTATION', ''), seen.config.graph.kind
    zenoh = 'zenoh' in rmw
    if rmw and ((kind == 'dds' and zenoh) or (kind == 'zenoh' and not zenoh)):
        yield warning(
            'middleware_differs',
            'middleware',
            f'RMW_IMPLEMENTATION is {rmw}, and graph.kind is {kind}: ROS nodes started in this shell '
            'use another '
            'middleware',
            f'set graph.kind to {"zenoh" if zenoh else "dds"} (--graph)',
        )
