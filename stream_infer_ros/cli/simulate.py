"""`stream_infer simulate`."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from stream_infer_ros.cli.settings import configured
from stream_infer_ros.cli.stopping import GRACE_S, stop_on_signal
from stream_infer_ros.config import GraphKind
from stream_infer_ros.errors import WorldError
from stream_infer_ros.graph import BagGraph, Graph, make_graph
from stream_infer_ros.memory_use import peak_rss_mb, peak_rss_of_children_mb
from stream_infer_ros.simulation import PaceReport, SimulationOptions, Timing
from stream_infer_ros.simulation import simulate as publish_world
from stream_infer_ros.simulation.jumping_clock import JumpingClock

# From the announcement of the epoch to the epoch: building the world, being discovered, rendering ahead.
LEAD_NS = 6_000_000_000
# Recordings of one seed are alike to the byte: they all begin on 14 November 2023.
BAG_EPOCH_NS = 1_700_000_000_000_000_000


def simulate(
    seed: Annotated[int, typer.Option(min=0, help='Of the world, its cameras and their timing.')] = 1,
    cameras: Annotated[int, typer.Option(min=1, max=12, help='Cameras around the robot.')] = 6,
    width: Annotated[int, typer.Option(min=64, help='Image width, pixels.')] = 640,
    height: Annotated[int, typer.Option(min=48, help='Image height, pixels.')] = 480,
    rate: Annotated[float, typer.Option(help='Images a second of each camera.')] = 10.0,
    phase_ms: Annotated[float, typer.Option(help='Phases of the cameras spread within +- this.')] = 12.0,
    jitter_ms: Annotated[float, typer.Option(help='Standard deviation of the stamps.')] = 1.5,
    drop: Annotated[float, typer.Option(min=0.0, max=1.0, help='Probability that an image is lost.')] = 0.0,
    speed: Annotated[float, typer.Option(min=0.0, help='Of the robot, metres a second.')] = 1.0,
    seconds: Annotated[float, typer.Option(min=0.0, help='How long; 0: until Ctrl-C.')] = 0.0,
    jpeg: Annotated[int, typer.Option(min=0, max=100, help='JPEG quality; 0: raw rgb8.')] = 0,
    clock: Annotated[bool, typer.Option(help='Publish /clock.')] = False,
    bag: Annotated[
        Path | None, typer.Option(help='Write this new bag, as fast as it goes, instead of publishing.')
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help='Parameter file; its graph section says where to publish.')
    ] = None,
    graph_kind: Annotated[GraphKind | None, typer.Option('--graph', help='Middleware.')] = None,
    domain_id: Annotated[int | None, typer.Option(help='ROS domain; -1: ROS_DOMAIN_ID.')] = None,
    loopback: Annotated[bool | None, typer.Option(help='Keep every packet on this machine.')] = None,
    as_json: Annotated[
        bool, typer.Option('--json', help='Report on standard output, as JSON lines.')
    ] = False,
    lifeline: Annotated[bool, typer.Option(hidden=True, help='End when standard input ends.')] = False,
) -> None:
    """Publish a synthetic yard seen from a robot: images, camera_info, /tf, /tf_static."""
    options = SimulationOptions(
        seed=seed,
        cameras=cameras,
        width=width,
        height=height,
        timing=Timing(rate, phase_ms, jitter_ms, drop),
        duration_s=seconds,
        speed_m_s=speed,
        jpeg_quality=jpeg,
        with_clock=clock,
    )
    if bag is not None and not seconds:
        raise WorldError('a recording needs an end: say --seconds as well')
    clock_of_bag = JumpingClock(BAG_EPOCH_NS)
    graph: Graph
    if bag is not None:
        graph = BagGraph(write=bag, clock_ns=clock_of_bag.now_ns)
    else:
        settings = configured(
            config, graph__kind=graph_kind, graph__domain_id=domain_id, graph__loopback=loopback
        )
        graph = make_graph(settings.graph.model_copy(update={'node_name': 'camera_world'}))
    try:
        with stop_on_signal(grace_s=GRACE_S) as stop:
            if lifeline:
                threading.Thread(target=_stop_at_end_of_input, args=(stop,), daemon=True).start()
            epoch_ns = graph.now_ns() + (LEAD_NS if bag is None else 0)
            _tell(as_json, 'started', f'seed {seed}, {cameras} cameras at {rate:g} Hz', epoch_ns=epoch_ns)
            wait_until = clock_of_bag.wait_until if bag is not None else None
            report = publish_world(graph, options, epoch_ns, stop.is_set, wait_until, apart=bag is None)
    finally:
        graph.close()
    _tell_end(as_json, report)


def _tell_end(as_json: bool, report: PaceReport) -> None:
    late_ms = report.lateness.p99 if report.lateness else 0.0
    _tell(
        as_json,
        'finished',
        f'{report.published} images, {report.missed} missed, published {late_ms:.1f} ms late (p99)',
        report={
            'frames': report.published,
            'missed': report.missed,
            'late_ms_p99': late_ms,
            # The process that renders has ended by now.
            'cpu_s': sum(os.times()[:4]),
            'peak_rss_mb': peak_rss_mb() + peak_rss_of_children_mb(),
        },
    )


def _stop_at_end_of_input(stop: threading.Event) -> None:
    """Set `stop` when standard input ends, because the process that started this one has ended."""
    sys.stdin.read()
    stop.set()


def _tell(as_json: bool, event: str, words: str, **details: Any) -> None:
    typer.echo(json.dumps({'event': event, **details}) if as_json else f'{event}: {words}')
