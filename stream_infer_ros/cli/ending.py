"""The end of a command that runs for some time."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable


class Ending:
    """Ends a command on a signal, or some seconds after `begin`. Preparation before `begin` does not count.

    Args:
        stop: set by a signal.
        seconds: the duration; infinite: until a signal.
        clock_s: returns the seconds of a monotonic clock.
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
        """Start to count the seconds."""
        self._began_s = self._clock_s()

    @property
    def elapsed_s(self) -> float:
        """Seconds since `begin`; 0 before."""
        return 0.0 if self._began_s is None else self._clock_s() - self._began_s

    def reached(self) -> bool:
        """True if the command must end."""
        return self._stop.is_set() or self.elapsed_s >= self._seconds

    def not_yet(self, _step: str, _share: float) -> bool:
        """True if a long build may continue. Only a signal ends it."""
        return not self._stop.is_set()
