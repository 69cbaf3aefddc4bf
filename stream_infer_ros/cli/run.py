"""`stream_infer run`."""

from __future__ import annotations

import math
import threading
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from stream_infer_ros.cli.ending import Ending
from stream_infer_ros.cli.setting_options import with_config
from stream_infer_ros.cli.stopping import GRACE_S, stop_on_signal
from stream_infer_ros.config import Config
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph import Graph, make_graph
from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.pipeline.assembly import Assembly, assemble
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.health.state_log import LogLine
from stream_infer_ros.pipeline.inputs.camera_search import describe_found, wait_for_cameras
from stream_infer_ros.pipeline.inputs.camera_topics import CameraTopics, camera_topics, image_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.runtime.live import LiveRunner
from stream_infer_ros.report.live_table import live_table

DISCOVERY_S = 10.0  # the longest wait for the first camera
REDRAW_S = 0.5
LOG_PERIOD_S = 10.0


@with_config(
    'settings',
    'cameras',
    'model.file',
    'model.family',
    'model.card',
    'model.class_names_file',
    'engine.kind',
    'engine.device',
    'engine.precision',
    'bound_ms',
    'graph.kind',
    'graph.domain_id',
    'graph.loopback',
)
def run(
    settings: Config,
    seconds: Annotated[
        float,
        typer.Option(min=0.0, show_default=False, help='Duration in seconds. Without it, until Ctrl-C.'),
    ] = math.inf,
    plain: Annotated[bool, typer.Option(help='Print lines of text instead of a live table.')] = False,
    explain_sync: Annotated[
        bool,
        typer.Option('--explain-sync', help='Print at the end how well the frames of the cameras matched.'),
    ] = False,
) -> None:
    """Run the pipeline on the live graph until Ctrl-C.

    The exit code is 1 if no usable image has arrived after --seconds.
    """
    with stop_on_signal(grace_s=GRACE_S) as stop:
        graph = make_graph(settings.graph)
        try:
            topics = _find_cameras(settings, graph, stop)
            if stop.is_set():
                return
            assembly = _run(settings, graph, topics, Ending(stop, seconds), plain)
            typer.echo(_summary(assembly))
            if not any(camera.images for camera in assembly.cameras):
                problem = _why_no_image(settings, assembly, graph)
                if not stop.is_set():
                    raise ConfigError(problem)
                typer.echo(problem)
            if explain_sync:
                typer.echo(str(assembly.health.explain_sync(graph.now_ns())))
        finally:
            graph.close()


def _find_cameras(config: Config, graph: Graph, stop: threading.Event) -> tuple[CameraTopics, ...]:
    if config.cameras:
        return camera_topics(config, ())
    typer.echo('looking for image topics, as no cameras are named ...')
    found = wait_for_cameras(graph.topics, config, stop.wait, DISCOVERY_S)
    if stop.is_set():
        return ()
    cameras = camera_topics(config, found)
    for line in describe_found(config, cameras, found):
        typer.echo(line)
    return cameras


def _run(
    config: Config, graph: Graph, topics: tuple[CameraTopics, ...], ending: Ending, plain: bool
) -> Assembly:
    with Network(config, len(topics), ending.not_yet) as network:
        if network.choice.words:
            typer.echo(network.choice.words)
        for note in network.notes(config.map.enabled):
            typer.echo(note)
        assembly = assemble(config, topics, graph, network)
        # The live table is redrawn in place, which needs a terminal.
        plain = plain or not Console().is_terminal
        runner = LiveRunner(graph, assembly, on_log=_echo if plain else None)
        try:
            runner.start()
            ending.begin()
            follow = _follow_plain if plain else _follow_live
            follow(runner, assembly, graph, ending)
        finally:
            runner.stop()
        runner.wait(0)  # raises the error of a thread that failed while stopping
    return assembly


def _follow_live(runner: LiveRunner, assembly: Assembly, graph: Graph, ending: Ending) -> None:
    with Live(console=Console(), refresh_per_second=4) as live:
        while not ending.reached() and not runner.wait(REDRAW_S):
            live.update(live_table(assembly, graph.now_ns(), ending.elapsed_s))


def _follow_plain(runner: LiveRunner, assembly: Assembly, graph: Graph, ending: Ending) -> None:
    """Print the state every LOG_PERIOD_S. The runner prints changes in between."""
    printed_s = 0.0
    while not ending.reached() and not runner.wait(REDRAW_S):
        if ending.elapsed_s - printed_s >= LOG_PERIOD_S:
            pipeline, *others = assembly.health.diagnostics.statuses(graph.now_ns())
            words = '; '.join(f'{status.name}: {status.message}' for status in others if status.level)
            typer.echo(f'{pipeline.message}; {words or "all cameras streaming"}')
            printed_s = ending.elapsed_s


def _echo(line: LogLine) -> None:
    typer.echo(line.text if line.level is DiagnosticLevel.OK else f'{line.level.name}: {line.text}')


def _summary(assembly: Assembly) -> str:
    statistics = assembly.statistics
    images = ', '.join(_count(camera) for camera in assembly.cameras)
    return f'{statistics.sets_published} sets, {statistics.sets_partial} of them partial; images: {images}'


def _count(camera: CameraState) -> str:
    refused = camera.image_log.refused
    return f'{camera.name} {camera.images}' + (f' ({refused} refused)' if refused else '')


def _why_no_image(config: Config, assembly: Assembly, graph: Graph) -> str:
    if any(camera.image_log.received for camera in assembly.cameras):
        return f'expected images, none was usable: {assembly.health.cameras.none_usable()}'
    expected = ', '.join(camera.topics.image for camera in assembly.cameras)
    present = ', '.join(topic.name for topic in image_topics(config, graph.topics())) or 'none'
    return (
        f'no image has arrived. Expected images on: {expected}. Image topics on the graph: {present}. '
        'Check the camera names, that the camera drivers run, and ROS_DOMAIN_ID'
    )
