"""`stream_infer replay`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from stream_infer_ros.cli.setting_options import with_config
from stream_infer_ros.cli.writable import check_new
from stream_infer_ros.config import Config
from stream_infer_ros.errors import MessageError
from stream_infer_ros.graph import BagGraph
from stream_infer_ros.graph.recordings import BagReader, RecordingProblem
from stream_infer_ros.pipeline.assembly import Assembly, assemble
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.inputs.camera_search import describe_found
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.runtime.replay import replay as replay_recording


@with_config(
    'settings',
    'cameras',
    'model.file',
    'model.family',
    'model.card',
    'model.class_names_file',
    'engine.kind',
)
def replay(
    bag: Annotated[
        Path,
        typer.Argument(
            help='A recording: the folder of a bag, an .mcap, .db3 or .bag, or several in a folder.'
        ),
    ],
    settings: Config,
    out: Annotated[Path | None, typer.Option(help='Write detections and maps to this new bag.')] = None,
    realtime: Annotated[bool, typer.Option(help='Keep the pace of the recording.')] = False,
    explain_sync: Annotated[
        bool,
        typer.Option(
            '--explain-sync', help='Print how well the frames of the cameras matched, and suggest a slop.'
        ),
    ] = False,
) -> None:
    """Run the pipeline on a recording. The same recording always gives the same result.

    The exit code is 1 if no image was usable.
    """
    check_new(out, '--out')
    detections: Counter[str] = Counter()

    recording = BagReader(bag)
    told = recording.problems
    _warn(told)
    found = recording.topics()
    topics = camera_topics(settings, found)
    for line in [] if settings.cameras else describe_found(settings, topics, found):
        typer.echo(line)
    with closing(recording), Network(settings) as network:
        if network.choice.words:
            typer.echo(network.choice.words)
        for note in network.notes(settings.map.enabled):
            typer.echo(note)
        # Created only now, so that a run that cannot start does not leave an empty recording.
        graph = BagGraph(recording, out)
        try:
            assembly = assemble(settings, topics, graph, network)
            for result in replay_recording(graph, assembly, realtime):
                detections.update({camera: len(found) for camera, found in result.detections.items()})
            problems = [f'{p.topic}: {p.remedy}' for p in graph.qos_problems()]
            problems += [problem] if (problem := assembly.health.inputs.why_no_transforms()) else []
            problems += [problem] if (problem := assembly.health.view_watch.ground_level_problem()) else []
            problems += [nonsense] if (nonsense := assembly.health.nonsense()) else []
            clock = assembly.steps.read.transform_clock_problem(graph.now_ns())
            problems += [clock] if clock else []
            explanation = str(assembly.health.explain_sync(graph.now_ns()))
        finally:
            graph.close()
    _tell(assembly, detections, problems)
    _warn([problem for problem in recording.problems if problem not in told])
    if explain_sync:
        typer.echo(explanation)
    if out is not None:
        Console(highlight=False).print(f'written to {escape(str(out))}')
    if nothing := assembly.health.cameras.none_usable():
        raise MessageError(f'the recording has no usable image: {nothing}')


def _warn(problems: Sequence[RecordingProblem]) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for problem in problems:
        console.print(f'[yellow]warning:[/] {escape(str(problem))}')


def _tell(assembly: Assembly, detections: Counter[str], problems: list[str]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    statistics = assembly.statistics
    console.print(f'{statistics.sets_published} sets, {statistics.sets_partial} of them partial')
    for camera in assembly.cameras:
        note = f'  [yellow]{escape(problem)}[/]' if (problem := _problem(camera)) else ''
        console.print(f'  {camera.name}: {camera.images} images, {detections[camera.name]} detections{note}')
    images = {camera.topics.image for camera in assembly.cameras}
    for topic, refusals in assembly.steps.read.refusals().items():
        if topic not in images:
            console.print(f'  [yellow]{escape(refusals)}[/]')
    for cause, by_camera in assembly.health.losses.drops().items():
        console.print(f'  lost, {cause}: {", ".join(f"{name} {n}" for name, n in by_camera.items())}')
    for reason, by_camera in statistics.views_missed().items():
        counts = ', '.join(f'{name} {n}' for name, n in by_camera.items())
        console.print(f'  detected but not mapped, {reason}: {counts}')
    for problem in problems:
        console.print(f'  [yellow]{escape(problem)}[/]')


def _problem(camera: CameraState) -> str:
    """Return what was wrong with a camera, at the end or before."""
    if not camera.image_log.received:
        return f'no image came on {camera.topics.image}'
    earlier = '' if camera.refusing else camera.image_log.refusals
    return '; '.join(filter(None, [camera.problem, earlier]))
