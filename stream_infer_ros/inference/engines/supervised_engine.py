"""An engine that fails while it runs is started again once; if that does not help, it is down."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EngineDown, EngineError, InferenceMissed, ModelError
from stream_infer_ros.inference.engines.engine import Engine
from stream_infer_ros.inference.engines.image_by_image import Counting, infer_each, one_by_one
from stream_infer_ros.inference.engines.runtime import not_loaded
from stream_infer_ros.inference.network_io import EngineIo

# A failure this long after the last one is a new story, and is worth a new start.
FORGIVEN_AFTER_S = 60.0


class EngineState(Enum):
    """How an engine does."""

    READY = 'ready'
    RESTARTED = 'restarted'  # it failed and was started again, less than FORGIVEN_AFTER_S ago
    DOWN = 'down'  # it failed again: nothing is run any more


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """How an engine does, and why.

    Attributes:
        state: now.
        reason: what the runtime said when it failed last; empty if it never did.
        restarts: since it was made.
    """

    state: EngineState
    reason: str = ''
    restarts: int = 0


class SupervisedEngine:
    """Passes on to another engine.

    A failure is kept for `health`, the engine is closed, loaded and given the same batch again, with what is
    then left of its time. If it fails again within FORGIVEN_AFTER_S it is down until the next `load`: every
    `infer` raises EngineDown at once.
    """

    def __init__(self, engine: Engine, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock_s = clock_s
        self._loaded = False
        self._failed_s = -math.inf
        self._down = False
        self._reason = ''
        self._restarts = 0

    @property
    def io(self) -> EngineIo:
        """See Engine."""
        return self._engine.io

    def health(self) -> EngineHealth:
        """From any thread."""
        if self._down:
            return EngineHealth(EngineState.DOWN, self._reason, self._restarts)
        recent = self._clock_s() - self._failed_s < FORGIVEN_AFTER_S
        state = EngineState.RESTARTED if recent else EngineState.READY
        return EngineHealth(state, self._reason, self._restarts)

    def load(self) -> None:
        """See Engine. It is up again, whatever was before."""
        self._engine.load()
        self._loaded, self._down, self._failed_s = True, False, -math.inf

    def infer(self, batch: NDArray[np.uint8], n: int, within_s: float = math.inf) -> dict[str, NDArray[Any]]:
        """See Engine. Raises EngineDown if the engine failed and a new start did not help."""
        self._check()
        until_s = self._clock_s() + within_s
        try:
            return self._engine.infer(batch, n, within_s)
        except InferenceMissed:
            raise
        except EngineError as error:
            self._restart(error)
        return self._again(batch, n, until_s)

    def infer_each(
        self, batch: NDArray[np.uint8], filling: Iterable[int], within_s: float = math.inf
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """See ImageByImage, and `infer`. After a failure the images without a result are run again."""
        self._check()
        until_s = self._clock_s() + within_s
        counting = Counting(filling)
        given = 0
        try:
            for outputs in infer_each(self._engine, batch, counting, within_s):
                yield outputs
                given += 1
            return
        except InferenceMissed:
            raise
        except EngineError as error:
            self._restart(error)
        n = counting.all() - given
        yield from one_by_one(self._again(batch[given:], n, until_s), n)

    def close(self) -> None:
        """See Engine."""
        self._loaded = False
        self._engine.close()

    def _check(self) -> None:
        if not self._loaded:
            raise not_loaded()
        if self._down:
            raise self._is_down()

    def _again(self, batch: NDArray[np.uint8], n: int, until_s: float) -> dict[str, NDArray[Any]]:
        try:
            return self._engine.infer(batch, n, until_s - self._clock_s())
        except InferenceMissed:
            raise
        except EngineError as error:
            raise self._give_up(error) from error

    def _restart(self, error: EngineError) -> None:
        failed_before_s, self._failed_s = self._failed_s, self._clock_s()
        if self._failed_s - failed_before_s < FORGIVEN_AFTER_S:
            raise self._give_up(error) from error
        self._reason = str(error)
        self._restarts += 1
        try:
            self._engine.close()
            self._engine.load()
        except (EngineError, ModelError) as failure:
            raise self._give_up(failure) from failure

    def _give_up(self, error: EngineError | ModelError) -> EngineDown:
        self._reason, self._down = str(error), True
        return self._is_down()

    def _is_down(self) -> EngineDown:
        return EngineDown(f'the engine was started again, failed again, and is down: {self._reason}')
