"""`stream_infer eval-map`."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.cli.setting_options import option
from stream_infer_ros.cli.writable import check_writable
from stream_infer_ros.config import Config, EngineConfig, EngineKind, ModelConfig
from stream_infer_ros.evaluation.map_drive import Perceive
from stream_infer_ros.evaluation.map_trial import MapTrialResult, run_map_trials
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.inputs.camera_topics import CameraTopics
from stream_infer_ros.pipeline.live_settings import CurrentSettings
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.steps.perceive import NetworkPerceiver

# Training uses the seeds below 900000.
FIRST_UNSEEN_SEED = 900100


def eval_map(
    seeds: Annotated[int, typer.Option(min=1, help='Number of worlds.')] = 6,
    first_seed: Annotated[int, typer.Option(min=0, help='Seed of the first world.')] = FIRST_UNSEEN_SEED,
    seconds: Annotated[float, typer.Option(min=5.0, help='Seconds of driving in each world.')] = 20.0,
    model: Annotated[Path | None, typer.Option(help='ONNX file. By default the surround model.')] = None,
    engine: Annotated[EngineKind, option('engine.kind')] = 'auto',
    truth_only: Annotated[bool, typer.Option(help='Only evaluate a perfect network.')] = False,
    out: Annotated[Path | None, typer.Option(help='Write the table as JSON.')] = None,
) -> None:
    """Score the fused map in simulated worlds: with the network, with a perfect network, and with faults."""
    check_writable(out, '--out')
    config = Config(engine=EngineConfig(kind=engine), model=ModelConfig(file=str(model) if model else ''))
    console = Console(highlight=False)
    chosen = range(first_seed, first_seed + seeds)

    def report(seed: int) -> None:
        console.print(f'  world {seed} done')

    console.print(f'{seeds} worlds from seed {first_seed}, {seconds:g} s each, six cameras at 10 Hz')
    if truth_only:
        results = run_map_trials(chosen, seconds, None, config.map, progress=report)
    else:
        with Network(config) as network:
            results = run_map_trials(chosen, seconds, _perceive(network, config), config.map, progress=report)
    console.print(_table(results))
    console.print(_LEGEND)
    if out is not None:
        rows = {result.name: _known(dataclasses.asdict(result.scores)) for result in results}
        out.write_text(json.dumps(rows, indent=2, allow_nan=False) + '\n')


def _known(scores: dict[str, float]) -> dict[str, float | None]:
    """Return the scores with None for NaN, which JSON does not have: nothing could be measured."""
    return {name: None if math.isnan(score) else score for name, score in scores.items()}


def _perceive(network: Network, config: Config) -> Perceive:
    """Return a function that takes pictures of one moment through the steps of the data path.

    The function raises EngineError: a node goes on with the next set, but a score needs every result.
    """
    settings, statistics = CurrentSettings(config), Statistics()

    def perceive(images: Sequence[NDArray[np.uint8]]) -> Sequence[Perception]:
        cameras = [
            CameraState(CameraTopics(str(number), '', '', compressed=False)) for number in range(len(images))
        ]
        perceiver = NetworkPerceiver(network, 0, cameras, settings, statistics)
        frames = [
            Frame(camera.name, 0, 0, image, 'rgb8', '') for camera, image in zip(cameras, images, strict=True)
        ]
        pictures = perceiver.letterbox(frames)
        outputs = perceiver.run(pictures, math.inf)
        return [image.perception for image in perceiver.decode(outputs, pictures)]

    return perceive


_LEGEND = (
    'P precision and R recall of occupied cells; called free: share of obstacles; moving: recall of what '
    'moves, wherever ground was ever seen; in view: of what moves in sight now'
)

# Heading of each score, in the order of MapScores' fields.
_HEADINGS = {
    'occupied_precision': 'P',
    'occupied_recall': 'R',
    'occupied_f1': 'F1',
    'free_precision': 'free\nP',
    'free_recall': 'free\nR',
    'missed_as_free': 'called\nfree',
    'moving_recall': 'moving',
    'moving_recall_in_view': 'in\nview',
}


def _table(results: Sequence[MapTrialResult]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column('map from', min_width=18)
    for heading in _HEADINGS.values():
        table.add_column(heading, justify='right')
    for result in results:
        scores = dataclasses.asdict(result.scores)
        table.add_row(result.name, *(f'{scores[column]:.3f}' for column in _HEADINGS))
    return table
