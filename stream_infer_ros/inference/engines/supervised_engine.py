"""Restart an engine that fails while it runs. If it fails again, it is down."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import tee

from stream_infer_ros.errors import EngineDown, EngineError, InferenceMissed, ModelError
from stream_infer_ros.inference.engines.engine import Engine, Outputs, Picture
from stream_infer_ros.inference.engines.runtime import not_loaded
from stream_infer_ros.inference.network_io import EngineIo

# A failure this long after the previous one has another cause, and the engine is restarted again.
FORGIVEN_AFTER_S = 60.0


class EngineState(Enum):
    """State of a supervised engine."""

    READY = 'ready'
    RESTARTED = 'restarted'  # it failed less than FORGIVEN_AFTER_S ago and was restarted
    DOWN = 'down'  # it failed again and does not run any more


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """State of an engine and its cause.

    Attributes:
        state: the current state.
        reason: the message of the last failure; empty if there was none.
        restarts: number of restarts since the engine was created.
    """

    state: EngineState
    reason: str = ''
    restarts: int = 0


class SupervisedEngine:
    """Run another engine, and start it again after a failure.

    After a failure the engine is closed and loaded again. It then runs the pictures that have no outputs yet,
    within what is left of their time. If it fails again within FORGIVEN_AFTER_S, it is down until the next
    `load`: every `run` raises EngineDown at once. `health` says what has happened.
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
        return self._engine.io

    def health(self) -> EngineHealth:
        """Return the current state. Any thread may call this."""
        if self._down:
            return EngineHealth(EngineState.DOWN, self._reason, self._restarts)
        recent = self._clock_s() - self._failed_s < FORGIVEN_AFTER_S
        state = EngineState.RESTARTED if recent else EngineState.READY
        return EngineHealth(state, self._reason, self._restarts)

    def load(self) -> None:
        self._engine.load()
        self._loaded, self._down, self._failed_s = True, False, -math.inf

    def run(self, pictures: Iterable[Picture], within_s: float = math.inf) -> Iterator[Outputs]:
        if not self._loaded:
            raise not_loaded()
        if self._down:
            raise self._is_down()
        until_s = self._clock_s() + within_s
        pulled, unanswered = tee(pictures)
        try:
            for outputs in self._engine.run(pulled, within_s):
                next(unanswered)
                yield outputs
            return
        except InferenceMissed:
            raise
        except EngineError as error:
            self._restart(error)
        try:
            yield from self._engine.run(unanswered, until_s - self._clock_s())
        except InferenceMissed:
            raise
        except EngineError as error:
            raise self._give_up(error) from error

    def close(self) -> None:
        self._loaded = False
        self._engine.close()

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
