"""The health of one server: a circuit breaker, and a thread for health checks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum

# Errors a server may answer in a row; that it cannot be reached, or does not answer, is enough at once.
MOST_REFUSALS = 3
# Between a trial that failed and the next; doubled with each.
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 10.0


class BreakerState(Enum):
    """What a server gets."""

    CLOSED = 'closed'  # requests
    OPEN = 'open'  # none
    HALF_OPEN = 'half-open'  # one request on trial at a time


class Breaker:
    """Opens when requests fail; half-opens when a health check passes; closes when a trial succeeds.

    A server that is dead for long costs no trial: only its health checks go on, and the first that passes
    half-opens. One that looks healthy and fails its trials is asked ever more seldom.
    """

    def __init__(self) -> None:
        self.state = BreakerState.CLOSED
        self._refusals = 0
        self._trials_failed = 0
        self._open_until_s = 0.0

    def succeeded(self) -> None:
        """A request had its result."""
        if self.state is not BreakerState.OPEN:  # an old answer says nothing of now
            self.state = BreakerState.CLOSED
            self._trials_failed = 0
        self._refusals = 0

    def failed(self, now_s: float) -> None:
        """The server cannot be reached, or did not answer in good time."""
        if self.state is BreakerState.OPEN:
            return
        if self.state is BreakerState.HALF_OPEN:
            self._trials_failed += 1
        self.state = BreakerState.OPEN
        self._refusals = 0
        # Nothing but a failed trial says that health checks tell too little.
        wait_s = FIRST_WAIT_S * 2**self._trials_failed if self._trials_failed else 0.0
        self._open_until_s = now_s + min(wait_s, LONGEST_WAIT_S)

    def refused(self, now_s: float) -> None:
        """The server answered with an error."""
        self._refusals += 1
        if self.state is BreakerState.HALF_OPEN or self._refusals >= MOST_REFUSALS:
            self.failed(now_s)

    def checked(self, now_s: float) -> None:
        """A health check passed."""
        if self.state is BreakerState.OPEN and now_s >= self._open_until_s:
            self.state = BreakerState.HALF_OPEN


class Watch:
    """Calls `look` now and then; it returns how many seconds until the next time."""

    def __init__(self, name: str, look: Callable[[], float]) -> None:
        self._look = look
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Look now."""
        self._wake.set()

    def stop(self) -> None:
        """No look begins after this."""
        self._stopped = True
        self._wake.set()

    def join(self) -> None:
        """Wait for its end."""
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
