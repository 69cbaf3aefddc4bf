"""Checking a network: load it, recognise its family, and measure the time per image."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.inference.batch import Batch
from stream_infer_ros.inference.box_watch import NOTHING, BoxWatch, selects_boxes_itself
from stream_infer_ros.inference.class_name_hint import unnamed_classes
from stream_infer_ros.inference.decoders import Decoder, Thresholds, make_decoder, network_card
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.inference.engines import Engine, EngineSpec, choose_engine, make_engine
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.letterbox import fit
from stream_infer_ros.inference.model_card import ModelCard, user_card
from stream_infer_ros.inference.network_io import TensorInfo


@dataclass(frozen=True, slots=True)
class PictureReport:
    """The boxes of one picture: their classes and scores, best first, and the best score of all boxes."""

    path: Path
    boxes: tuple[tuple[str, float], ...]
    best_score: float


@dataclass(frozen=True, slots=True)
class ModelReport:
    """The results of checking a network on this machine.

    Attributes:
        path, size_bytes: the file.
        engine: kind of the engine.
        card: preprocessing and family of the network.
        inputs, outputs: tensors; -1 stands for a dynamic dimension.
        class_names: in order of class_id.
        invalid: number of boxes that were left out in a run on noise because their values are invalid.
        batch: images per run in the timing.
        frame_ms: time per image of such a batch for inference and decoding, median of the runs.
        fastest_frame_ms: the same of the fastest run, which other programs disturbed least.
        trial: what was measured to choose the engine; empty without a trial.
        unnamed: what to do about classes without names; empty if they have names.
        pictures: the boxes of each picture of the user.
        nonsense: what is odd about these boxes; empty if nothing is.
    """

    path: Path
    size_bytes: int
    engine: str
    card: ModelCard
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    class_names: tuple[str, ...]
    invalid: int
    batch: int
    frame_ms: float
    fastest_frame_ms: float
    trial: str = ''
    unnamed: str = ''
    pictures: tuple[PictureReport, ...] = ()
    nonsense: str = ''


def check_model(
    path: Path,
    engine_config: EngineConfig,
    model_config: ModelConfig | None = None,
    batch: int = 6,
    pictures: Sequence[Path] = (),
    runs: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> ModelReport:
    """Load a network, find its decoder, and run both a few times on noise, and once on each picture.

    `clock` returns seconds. Raises ModelError, EngineError or ConfigError, with the remedy.
    """
    config = model_config or ModelConfig()
    spec = EngineSpec(
        engine_config,
        path,
        batch,
        normalisation_of=lambda io: network_card(config, io).normalisation,
        input_size=user_card(config).input_size,
    )
    choice = choose_engine(spec)
    engine = make_engine(replace(spec, config=engine_config.model_copy(update={'kind': choice.kind})))
    try:
        engine.load()
        io = engine.io
        decoder = make_decoder(config, io)
        image_input = ImageInput.of(io)
        shape = (batch, image_input.height, image_input.width, 3)
        images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        whole_picture = [fit(image_input.width, image_input.height, image_input.width, image_input.height)]
        thresholds = Thresholds.of(config, decoder.class_names)

        def perceive() -> list[Perception]:
            return [
                perception
                for outputs in engine.run(images)
                for perception in decoder.decode(outputs, whole_picture, thresholds)
            ]

        invalid = sum(perception.invalid for perception in perceive())  # the first run allocates
        times_s = []
        for _ in range(runs):
            start_s = clock()
            perceive()
            times_s.append(clock() - start_s)
        watch = BoxWatch()
        reports = tuple(_perceive(path, engine, decoder, thresholds, watch) for path in pictures)
    finally:
        engine.close()
    return ModelReport(
        path=path,
        size_bytes=path.stat().st_size if path.is_file() else 0,
        engine=choice.kind,
        trial=choice.words,
        card=decoder.card,
        inputs=io.inputs,
        outputs=io.outputs,
        class_names=decoder.class_names,
        invalid=invalid,
        batch=batch,
        frame_ms=statistics.median(times_s) / batch * 1e3,
        fastest_frame_ms=min(times_s) / batch * 1e3,
        unnamed=unnamed_classes(decoder, path.name),
        pictures=reports,
        nonsense=_nonsense(reports, decoder, watch, thresholds),
    )


def _perceive(
    path: Path, engine: Engine, decoder: Decoder, thresholds: Thresholds, watch: BoxWatch
) -> PictureReport:
    """Run the network on a picture file. Raises ConfigError if it cannot be read."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ConfigError(
            f'expected a picture in {path}, cannot read it; give JPEG or PNG files, or a folder'
        )
    pixels = np.asarray(image, np.uint8)
    batch = Batch.of(1, ImageInput.of(engine.io), decoder.card)
    picture = batch.write(Frame(path.name, 0, 0, pixels, 'bgr8', ''))
    (outputs,) = engine.run([picture])
    (seen,) = decoder.decode(outputs, batch.letterboxes, thresholds)
    (everything,) = decoder.decode(outputs, batch.letterboxes, Thresholds(0.0, 1.0))
    watch.add(path.name, seen, batch.letterboxes[0], thresholds.lowest)
    found = seen.detections
    boxes = [
        (found.class_names[class_id], score)
        for class_id, score in zip(found.class_id.tolist(), found.score.tolist(), strict=True)
    ]
    return PictureReport(path, tuple(boxes), float(everything.detections.score.max(initial=0.0)))


def _nonsense(
    reports: Sequence[PictureReport], decoder: Decoder, watch: BoxWatch, thresholds: Thresholds
) -> str:
    if not reports or not decoder.gives_boxes:
        return ''
    best = max(report.best_score for report in reports)
    is_silent = best < NOTHING and not (best == 0.0 and selects_boxes_itself(decoder))
    if is_silent and not any(report.boxes for report in reports):
        return f'no picture has a box, and the best score of all boxes is {best:.2g}'
    return watch.judge(thresholds.lowest)
