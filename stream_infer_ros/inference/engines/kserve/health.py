"""The health of one server: a circuit breaker, and a thread for health checks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum

# The number of error responses in a row that opens the breaker. A server that cannot be reached, or does not
# answer, opens it at once.
MOST_REFUSALS = 3
# The time between a failed trial and the next one. It doubles with each failure.
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 10.0


class BreakerState(Enum):
    """State of a circuit breaker."""

    CLOSED = 'closed'  # the server gets requests
    OPEN = 'open'  # it gets none
    HALF_OPEN = 'half-open'  # it gets one request at a time, as a trial


class Breaker:
    """A circuit breaker for one server. The time is passed in.

    It opens when requests fail, half-opens when a health check succeeds, and closes when a trial succeeds. A
    server that stays down gets no trials, only health checks. A server that passes its health checks but
    fails its trials gets fewer and fewer trials.
    """

    def __init__(self) -> None:
        self.state = BreakerState.CLOSED
        self._refusals = 0
        self._trials_failed = 0
        self._open_until_s = 0.0

    def succeeded(self) -> None:
        """Record a result."""
        if self.state is not BreakerState.OPEN:  # the answer may be to a request from before the failure
            self.state = BreakerState.CLOSED
            self._trials_failed = 0
        self._refusals = 0

    def failed(self, now_s: float) -> None:
        """Record that the server could not be reached or did not answer in time."""
        if self.state is BreakerState.OPEN:
            return
        if self.state is BreakerState.HALF_OPEN:
            self._trials_failed += 1
        self.state = BreakerState.OPEN
        self._refusals = 0
        # Only a failed trial shows that the health checks are not sufficient.
        wait_s = FIRST_WAIT_S * 2**self._trials_failed if self._trials_failed else 0.0
        self._open_until_s = now_s + min(wait_s, LONGEST_WAIT_S)

    def refused(self, now_s: float) -> None:
        """Record an error response."""
        self._refusals += 1
        if self.state is BreakerState.HALF_OPEN or self._refusals >= MOST_REFUSALS:
            self.failed(now_s)

    def checked(self, now_s: float) -> None:
        """Record a successful health check."""
        if self.state is BreakerState.OPEN and now_s >= self._open_until_s:
            self.state = BreakerState.HALF_OPEN


class Watch:
    """A thread that calls `look` periodically. `look` returns the seconds until the next call."""

    def __init__(self, name: str, look: Callable[[], float]) -> None:
        self._look = look
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Call `look` now."""
        self._wake.set()

    def stop(self) -> None:
        """Prevent further calls of `look`."""
        self._stopped = True
        self._wake.set()

    def join(self) -> None:
        """Wait until the thread has ended."""
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        wait_s = 0.0
        while True:
            self._wake.wait(wait_s)
            self._wake.clear()
            if self._stopped:
                return
            wait_s = self._look()
