"""Checking a network: load it, recognise its family, and measure the time per image."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.inference.decoders import Thresholds, make_decoder, network_card
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.inference.engines import EngineSpec, engine_kind, make_engine
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.letterbox import fit
from stream_infer_ros.inference.model_card import ModelCard, user_card
from stream_infer_ros.inference.network_io import TensorInfo


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


def check_model(
    path: Path,
    engine_config: EngineConfig,
    model_config: ModelConfig | None = None,
    batch: int = 6,
    runs: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> ModelReport:
    """Load a network, find its decoder, and run both a few times on noise.

    `clock` returns seconds. Raises ModelError, EngineError or ConfigError, with the remedy.
    """
    config = model_config or ModelConfig()
    engine = make_engine(
        EngineSpec(
            engine_config,
            path,
            batch,
            normalisation_of=lambda io: network_card(config, io).normalisation,
            input_size=user_card(config).input_size,
        )
    )
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
    finally:
        engine.close()
    return ModelReport(
        path=path,
        size_bytes=path.stat().st_size if path.is_file() else 0,
        engine=engine_kind(engine_config, path),
        card=decoder.card,
        inputs=io.inputs,
        outputs=io.outputs,
        class_names=decoder.class_names,
        invalid=invalid,
        batch=batch,
        frame_ms=statistics.median(times_s) / batch * 1e3,
        fastest_frame_ms=min(times_s) / batch * 1e3,
    )
