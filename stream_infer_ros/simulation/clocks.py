"""Waiting for the stamp of an exposure, on a real clock and on the clock of a recording."""

from __future__ import annotations

import time
from collections.abc import Callable


class SteadyWait:
    """A `wait_until` for a clock that runs as fast as the system clock, and that may be set.

    If the clock is set forward, all exposures that it has passed are due at once. If it is set back, the
    cameras do not wait for it, because they would be silent for as long as it was set back (an hour, with a
    wrong time zone). Their stamps go on at the same pace, ahead of the clock. This is also so after the clock
    was set forward for a moment only.

    Args:
        now_ns: the clock.
        steady_ns: a monotonic clock.
        sleep: sleeps for a number of seconds.
    """

    def __init__(
        self,
        now_ns: Callable[[], int],
        steady_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._now_ns = now_ns
        self._steady_ns = steady_ns
        self._sleep = sleep
        # Difference between the stamps and the steady clock, from the most punctual frame so far. It does not
        # follow `now_ns`, which may be wrong for a moment.
        self._ahead_ns = now_ns() - steady_ns()

    def __call__(self, due_ns: int) -> None:
        """Return when the clock shows at least `due_ns`, or would if it had not been set back."""
        while True:
            now_ns = self._now_ns()
            steady_ns = self._steady_ns()
            left_ns = min(due_ns - now_ns, due_ns - self._ahead_ns - steady_ns)
            if left_ns <= 0:
                self._ahead_ns = max(self._ahead_ns, due_ns - steady_ns)
                return
            self._sleep(left_ns * 1e-9)


class JumpingClock:
    """The clock of a recording, nanoseconds from `start_ns` on: a wait takes no time, it sets the clock."""

    def __init__(self, start_ns: int) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        return self._now_ns

    def wait_until(self, due_ns: int) -> None:
        """Set the clock to `due_ns`, unless it is later already."""
        self._now_ns = max(self._now_ns, due_ns)
