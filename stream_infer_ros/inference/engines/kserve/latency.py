"""How long requests to one server take."""

from __future__ import annotations

from collections import deque

WINDOW = 128


class Latency:
    """The last WINDOW durations, seconds."""

    def __init__(self) -> None:
        self._taken_s: deque[float] = deque(maxlen=WINDOW)
        self._p99_s = 0.0

    def add(self, taken_s: float) -> None:
        self._taken_s.append(taken_s)
        self._p99_s = sorted(self._taken_s)[int(0.99 * (len(self._taken_s) - 1))]

    @property
    def p99_s(self) -> float:
        """0 while nothing is known."""
        return self._p99_s
