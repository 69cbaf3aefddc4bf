"""`stream_infer simulate`."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from stream_infer_ros.cli.setting_options import with_config, with_section
from stream_infer_ros.cli.stopping import GRACE_S, stop_on_signal
from stream_infer_ros.config import Config, WorldConfig
from stream_infer_ros.errors import WorldError
from stream_infer_ros.graph import BagGraph, Graph, make_graph
from stream_infer_ros.process_memory import peak_rss_mb, peak_rss_of_children_mb
from stream_infer_ros.simulation import PaceReport, options_of
from stream_infer_ros.simulation import simulate as publish_world
from stream_infer_ros.simulation.clocks import JumpingClock

# The time between the announcement of the epoch and the epoch. It is needed for building the world, discovery
# and rendering in advance.
LEAD_NS = 6_000_000_000
# All recordings start on 14 November 2023, so that recordings of the same seed are identical.
BAG_EPOCH_NS = 1_700_000_000_000_000_000


@with_section('world', WorldConfig)
@with_config(
    'settings',
    'graph.kind',
    'graph.domain_id',
    'graph.loopback',
    file_help='Parameter file. Its section `graph` selects where to publish.',
)
def simulate(
    world: WorldConfig,
    settings: Config,
    bag: Annotated[
        Path | None,
        typer.Option(help='Write this new bag as fast as possible, instead of publishing. Needs --seconds.'),
    ] = None,
    as_json: Annotated[bool, typer.Option('--json', help='Print the report as JSON lines.')] = False,
    lifeline: Annotated[bool, typer.Option(hidden=True, help='End when standard input ends.')] = False,
) -> None:
    """Publish the cameras of a simulated robot in a yard: images, camera_info, /tf and /tf_static."""
    options = options_of(world)
    if bag is not None and not world.seconds:
        raise WorldError('a recording must have an end; set its duration with --seconds')
    clock_of_bag = JumpingClock(BAG_EPOCH_NS)
    graph: Graph
    if bag is not None:
        graph = BagGraph(write=bag, clock_ns=clock_of_bag.now_ns)
    else:
        graph = make_graph(settings.graph.model_copy(update={'node_name': 'camera_world'}))
    try:
        with stop_on_signal(grace_s=GRACE_S) as stop:
            if lifeline:
                threading.Thread(target=_stop_at_end_of_input, args=(stop,), daemon=True).start()
            epoch_ns = graph.now_ns() + (LEAD_NS if bag is None else 0)
            words = f'seed {world.seed}, {world.cameras} cameras at {world.rate:g} Hz'
            _tell(as_json, 'started', words, epoch_ns=epoch_ns)
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
