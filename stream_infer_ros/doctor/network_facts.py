"""The network and a short measurement of its engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stream_infer_ros.config import Config
from stream_infer_ros.doctor.observation import Observation
from stream_infer_ros.errors import ModelError, StreamInferError
from stream_infer_ros.inference.check_model import check_model
from stream_infer_ros.inference.engines import engine_kind
from stream_infer_ros.resources import default_model

# The number of images in a batch if no camera was seen.
USUAL_BATCH = 6
# Enough for a run that no other program disturbs.
RUNS = 12
# Building a TensorRT plan takes minutes, which nobody expects of a check.
SLOW_TO_LOAD = ('tensorrt',)


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """A model on its engine.

    Attributes:
        file: the model file.
        engine: kind of the engine; empty if there is none.
        family: model family; empty if it is not known.
        class_names: in order of class_id.
        unnamed: what to do about classes without names; empty if they have names.
        invalid: boxes with invalid values in a run on noise.
        frame_ms: time per image in batches of the number of cameras, including decoding, of the fastest run;
            0 if not measured.
        instances: engines that work in parallel.
        problem: why it cannot be used; empty if it can.
        problem_kind: 'model' or 'engine', if there is a problem.
    """

    file: str
    engine: str = ''
    family: str = ''
    class_names: tuple[str, ...] = ()
    unnamed: str = ''
    invalid: int = 0
    frame_ms: float = 0.0
    instances: int = 1
    problem: str = ''
    problem_kind: str = ''

    def offered_hz(self, seen: Observation) -> float:
        """Return the images per second that all cameras send."""
        return sum(camera.rate_hz for camera in seen.heard)

    def load(self, seen: Observation) -> float:
        """Return the share of the engine's time that the cameras need; above 1 if it is too slow."""
        return self.offered_hz(seen) * self.frame_ms / 1e3 / self.instances

    def expected_streams(self, seen: Observation) -> int:
        """Return how many images of one moment the network can process within the bound and one period.

        The bound is what remains of `bound_ms` after the usual time from stamp to arrival. Decoding is part
        of the measured time, fusing and publishing are not.
        """
        if not self.frame_ms:
            return 0
        rates = [camera.rate_hz for camera in seen.heard if camera.rate_hz]
        wires = [float(np.median(c.latencies_ns())) / 1e6 for c in seen.heard if len(c.latencies_ns())]
        usual_ms = float(np.median(wires)) if wires and seen.is_live else 0.0
        if not 0.0 <= usual_ms < seen.config.bound_ms:  # another clock, which another check reports
            usual_ms = 0.0
        within_ms = min(seen.config.bound_ms - usual_ms, 1e3 / max(rates, default=1e-3))
        return int(within_ms * self.instances / self.frame_ms)


def examine_network(config: Config, cameras: int) -> NetworkFacts:
    """Load the model on its engine and measure it on noise. A TensorRT plan is not built, and not measured.

    Args:
        cameras: number of images in a batch; 0 if it is not known.
    """
    file, kind, what = Path(config.model.file) if config.model.file else default_model(), '', 'engine'
    try:
        kind = engine_kind(config.engine, file)
        if kind in SLOW_TO_LOAD:
            return NetworkFacts(str(file), kind)
        report = check_model(file, config.engine, config.model, cameras or USUAL_BATCH, runs=RUNS)
    except StreamInferError as problem:
        what = 'model' if isinstance(problem, ModelError) else 'engine'
        return NetworkFacts(str(file), kind, problem=str(problem), problem_kind=what)
    return NetworkFacts(
        str(file),
        report.engine,
        report.card.family,
        report.class_names,
        report.unnamed,
        report.invalid,
        report.fastest_frame_ms,
        config.engine.instances,
    )
