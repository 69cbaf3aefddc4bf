"""A local engine that is used while no server answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import InferenceMissed, ModelError
from stream_infer_ros.inference.engines.engine import Engine, Outputs
from stream_infer_ros.inference.engines.kserve.balancer import SLACK, Latency
from stream_infer_ros.inference.engines.kserve.served_model import ServedModel
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.network_io import EngineIo


class Fallback:
    """A local engine that is loaded and warmed up in advance, so that it can be used at once."""

    def __init__(
        self, spec: EngineSpec, make_engine: Callable[[EngineSpec], Engine], config: EngineConfig
    ) -> None:
        self._engine = make_engine(replace(spec, config=config))
        self._spec = spec
        self._latency = Latency()

    @property
    def io(self) -> EngineIo:
        return self._engine.io

    def load(self) -> None:
        """Raises ModelError (the file) or EngineError (the runtime)."""
        self._engine.load()
        image_input = self._spec.image_input(self._engine.io)
        blank = np.zeros((1, image_input.height, image_input.width, 3), np.uint8)
        for _ in self._engine.run(blank):  # the first run is much slower than the next
            pass

    def agreed(self, served: EngineIo) -> EngineIo:
        """Return the description of the served model, with the metadata of our file if the server has none.

        Raises ModelError unless the file contains the served model.
        """
        difference = ServedModel(self._spec.sized(served), 0).difference(ServedModel(self.io, 0))
        if difference:
            raise ModelError(
                f'expected {self._spec.model} to be the served model, because it is the fallback, '
                f'got {difference}; set model.file to that model, or engine.kserve.fallback to none'
            )
        return served if served.metadata else replace(served, metadata=self.io.metadata)

    def makes_it(self, deadline_s: float) -> bool:
        """True if it usually gives a result by `deadline_s` on the monotonic clock."""
        return time.monotonic() + self._latency.p99_s * SLACK < deadline_s

    def run(self, batch: NDArray[np.uint8], deadline_s: float) -> list[Outputs]:
        """Return the outputs of each picture of a batch (n, height, width, 3).

        Raises InferenceMissed if no time is left, and EngineError if the engine fails.
        """
        start_s = time.monotonic()
        if start_s >= deadline_s:
            raise InferenceMissed(
                'expected a result from the fallback, and no time is left for it; raise bound_ms'
            )
        outputs = list(self._engine.run(batch, deadline_s - start_s))
        self._latency.add(time.monotonic() - start_s)
        return outputs

    def close(self) -> None:
        self._engine.close()
