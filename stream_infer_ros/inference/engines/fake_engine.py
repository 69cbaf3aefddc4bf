"""An engine without a runtime: it returns the same scene for every picture, after a configurable time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.inference.engines.base_engine import BaseEngine
from stream_infer_ros.inference.engines.engine import Outputs
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.network_io import EngineIo
from stream_infer_ros.inference.surround_contract import surround_io, surround_scene


class FakeEngine(BaseEngine):
    """Return the outputs of one scene for every picture. A batch takes `base_ms + n * per_image_ms`.

    It serves tests, and measurements of everything around the engine.
    """

    def __init__(
        self,
        io: EngineIo | None = None,
        scene: Mapping[str, NDArray[Any]] | None = None,
        base_ms: float = 0.0,
        per_image_ms: float = 0.0,
        wait: Callable[[float], None] = time.sleep,
        spec: EngineSpec | None = None,
    ) -> None:
        """Create an engine for tests and measurements.

        Args:
            io: description of the network; by default that of the surround network.
            scene: each output for one picture, without the batch dimension; by default an empty yard.
            base_ms: duration of a run, whatever its pictures.
            per_image_ms: additional duration for each picture.
            wait: called with the duration of a run, seconds.
            spec: only its `input_size` is used.
        """
        super().__init__(spec or EngineSpec(EngineConfig(kind='fake'), Path('fake.onnx')))
        self._described = io or surround_io()
        self._scene = dict(scene if scene is not None else surround_scene(io=self._described))
        self._base_ms = base_ms
        self._per_image_ms = per_image_ms
        self._wait = wait

    @classmethod
    def of(cls, spec: EngineSpec) -> FakeEngine:
        """Create an engine that plays the surround network, whatever the model file."""
        config = spec.config
        return cls(base_ms=config.fake_latency_ms, per_image_ms=config.fake_latency_per_image_ms, spec=spec)

    def _open(self) -> tuple[EngineIo, ImageInput]:
        return self._described, ImageInput.of(self._described)

    def _infer(self, batch: NDArray[np.uint8], within_s: float) -> Iterable[Outputs]:
        duration_ms = self._base_ms + len(batch) * self._per_image_ms
        if duration_ms > 0.0:
            self._wait(duration_ms * 1e-3)
        return ({name: array[None].copy() for name, array in self._scene.items()} for _ in batch)

    def _free(self) -> None:
        pass
