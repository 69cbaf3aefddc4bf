"""An engine whose network leaves the size of its pictures open, and whose user has said it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.engines.engine import Engine
from stream_infer_ros.inference.engines.image_by_image import infer_each
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.network_io import EngineIo


class SizedEngine:
    """Passes on to another engine of the same spec, and tells the size as if the file did."""

    def __init__(self, engine: Engine, spec: EngineSpec) -> None:
        self._engine = engine
        self._spec = spec

    @property
    def io(self) -> EngineIo:
        """See Engine."""
        return self._spec.sized(self._engine.io)

    def load(self) -> None:
        """See Engine."""
        self._engine.load()

    def infer(self, batch: NDArray[np.uint8], n: int, within_s: float = math.inf) -> dict[str, NDArray[Any]]:
        """See Engine."""
        return self._engine.infer(batch, n, within_s)

    def infer_each(
        self, batch: NDArray[np.uint8], filling: Iterable[int], within_s: float = math.inf
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """See ImageByImage; as lazy as the other engine."""
        yield from infer_each(self._engine, batch, filling, within_s)

    def close(self) -> None:
        """See Engine."""
        self._engine.close()
