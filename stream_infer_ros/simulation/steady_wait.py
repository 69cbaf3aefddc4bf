"""Waiting for a moment of a clock that somebody may set."""

from __future__ import annotations

import time
from collections.abc import Callable


class SteadyWait:
    """A `wait_until` for a clock that runs as fast as the system's.

    Set forward, the clock is followed: what it has passed is due at once. Set back, it is not: cameras that
    waited for it would be silent for as long as it was set back, an hour with the wrong time zone. Their
    stamps go on at the pace they had, ahead of the clock: also where it was set forward for a moment only,
    from the last frame that was out by then.

    Args:
        now_ns: the clock.
        steady_ns: one that nobody sets.
        sleep: is handed seconds.
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
        # Of what is due before the steady clock, as the promptest frame so far shows; not of the clock, which
        # may be anywhere for a moment.
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
