"""Time for a world that nobody watches: it stands until somebody waits, and is then where they wanted."""

from __future__ import annotations


class JumpingClock:
    """Nanoseconds from `start_ns` on; what is done between two waits takes no time."""

    def __init__(self, start_ns: int) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        return self._now_ns

    def wait_until(self, due_ns: int) -> None:
        """It is `due_ns`, or later already."""
        self._now_ns = max(self._now_ns, due_ns)
