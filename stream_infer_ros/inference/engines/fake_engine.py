"""An engine without a runtime: the same scene in every image, after a settable time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.engines.runtime import not_loaded
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.network_io import EngineIo
from stream_infer_ros.inference.surround_contract import surround_io, surround_scene


class FakeEngine:
    """Answers with one image's outputs, repeated; a batch takes `base_ms + n * per_image_ms`.

    For tests, and for measuring everything around the engine.
    """

    def __init__(
        self,
        io: EngineIo | None = None,
        scene: Mapping[str, NDArray[Any]] | None = None,
        base_ms: float = 0.0,
        per_image_ms: float = 0.0,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """`scene` holds each output of one image, without the batch dimension; by default an empty yard.

        `io` describes the network it plays, by default the surround network; `wait` is handed seconds.
        """
        self._described = io or surround_io()
        self._scene = dict(scene if scene is not None else surround_scene(io=self._described))
        self._base_ms = base_ms
        self._per_image_ms = per_image_ms
        self._wait = wait
        self._input: ImageInput | None = None

    @classmethod
    def of(cls, spec: EngineSpec) -> FakeEngine:
        """It plays the surround network, whatever the file."""
        return cls(base_ms=spec.config.fake_latency_ms, per_image_ms=spec.config.fake_latency_per_image_ms)

    @property
    def io(self) -> EngineIo:
        """See Engine."""
        if self._input is None:
            raise not_loaded()
        return self._described

    def load(self) -> None:
        """See Engine."""
        self._input = ImageInput.of(self._described)

    def infer(self, batch: NDArray[np.uint8], n: int, within_s: float = math.inf) -> dict[str, NDArray[Any]]:
        """See Engine."""
        if self._input is None:
            raise not_loaded()
        self._input.check(batch, n)
        duration_ms = self._base_ms + n * self._per_image_ms
        if duration_ms > 0.0:
            self._wait(duration_ms * 1e-3)
        return {name: np.repeat(array[None], n, axis=0) for name, array in self._scene.items()}

    def close(self) -> None:
        """See Engine."""
        self._input = None
