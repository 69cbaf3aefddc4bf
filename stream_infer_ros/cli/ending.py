"""When a command that runs for a while is over."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable


class Ending:
    """When a signal came, or so many seconds after `begin`: what is made ready before does not count.

    Args:
        stop: what signals set.
        seconds: of running; infinite: until a signal.
        clock_s: seconds, of a clock that nobody sets.
    """

    def __init__(
        self,
        stop: threading.Event,
        seconds: float = math.inf,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stop = stop
        self._seconds = seconds
        self._clock_s = clock_s
        self._began_s: float | None = None

    def begin(self) -> None:
        """The time counts from now on."""
        self._began_s = self._clock_s()

    @property
    def elapsed_s(self) -> float:
        """Since `begin`; 0 before."""
        return 0.0 if self._began_s is None else self._clock_s() - self._began_s

    def reached(self) -> bool:
        """Whether it is over."""
        return self._stop.is_set() or self.elapsed_s >= self._seconds

    def not_yet(self, _step: str, _share: float) -> bool:
        """Whether a long build is to go on: it ends with a signal only."""
        return not self._stop.is_set()
