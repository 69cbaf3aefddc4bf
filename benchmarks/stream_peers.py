"""The peers of our pipeline, ready for trials: the node that everybody writes, and a Triton."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator

from machine import Results
from peer_bench import HERE, PeerBench
from ros_setup import find_ros
from served import lacking, serving

from stream_infer_ros.capacity import Bench

TRITON_MOST_BATCH = 8


def usual_node(bench: Bench) -> PeerBench:
    """With the network of ours; on a ROS where there is one."""
    setup = find_ros()
    module = 'usual_ros' if setup else 'usual_dds'
    return PeerBench(module, bench.network.file, bench.network.kind, setup)


@contextlib.contextmanager
def usual(bench: Bench, options: argparse.Namespace, results: Results) -> Iterator[PeerBench | None]:
    """It, telling on what it runs."""
    setup = find_ros()
    if setup is None:
        results.missing('the usual node on a real ROS 2 (no /opt/ros/*/setup.bash for this Python): on DDS')
    results.figures(usual_on=str(setup.parent) if setup else 'dds and rosbags')
    yield usual_node(bench)


@contextlib.contextmanager
def triton(bench: Bench, options: argparse.Namespace, results: Results) -> Iterator[PeerBench | None]:
    """Start a server for the duration of the search. None if it cannot run, with a message."""
    wanting = lacking()
    if bench.network.kind != 'openvino':
        wanting.append('openvino as the engine')
    if wanting:
        results.missing(f'Triton: needs {", ".join(wanting)}')
        yield None
        return
    model, io = bench.network.file, bench.network.engines[0].io
    with serving(
        model,
        io,
        threads=options.cores,
        runtime='openvino',
        max_batch=TRITON_MOST_BATCH,
        program=HERE / 'peers' / 'triton_model.py',
    ) as (server,):
        endpoint = server.grpc.removeprefix('grpc://')
        yield PeerBench('triton_clients', model, 'openvino', endpoint=endpoint, also_cpu_s=server.cpu_s)


Peer = Callable[[Bench, argparse.Namespace, Results], contextlib.AbstractContextManager[PeerBench | None]]
PEERS: dict[str, Peer] = {'usual': usual, 'triton': triton}
