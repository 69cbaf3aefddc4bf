"""The choice of a server for each request, and how long to wait for its answer. Time is passed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from stream_infer_ros.inference.engines.kserve.client import Cause
from stream_infer_ros.inference.engines.kserve.health import Breaker, BreakerState

WINDOW = 128


class Latency:
    """The durations of the last WINDOW requests, seconds."""

    def __init__(self) -> None:
        self._taken_s: deque[float] = deque(maxlen=WINDOW)
        self._p99_s = 0.0

    def add(self, taken_s: float) -> None:
        self._taken_s.append(taken_s)
        self._p99_s = sorted(self._taken_s)[int(0.99 * (len(self._taken_s) - 1))]

    @property
    def p99_s(self) -> float:
        """The 99th percentile; 0 if nothing is known yet."""
        return self._p99_s


# A request that takes up to this many times the measured p99 counts as usual.
SLACK = 1.2
# The time reserved for a second attempt, in units of its usual duration. Cancelling takes a moment, too.
KEPT = 1.5
# If half of the remaining time holds this many usual durations, the other half is reserved.
AMPLE = 4.0
# The number of late results in a row, from a server that had its usual time, that opens its circuit breaker.
# A single one may be noise of the machine.
MOST_LATE = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """A server, by index, and how long to wait for its answer, seconds."""

    server: int
    within_s: float


@dataclass(slots=True)
class _Server:
    breaker: Breaker = field(default_factory=Breaker)
    latency: Latency = field(default_factory=Latency)
    outstanding: int = 0
    turn: int = 0  # the number of its last choice
    reason: str = ''  # of its last failure
    late: int = 0  # late results in a row
    suspect: bool = False  # it was late, and no health check has succeeded since

    @property
    def usual_s(self) -> float:
        return self.latency.p99_s * SLACK

    def is_free(self) -> bool:
        if self.breaker.state is BreakerState.HALF_OPEN:
            return self.outstanding == 0
        return self.breaker.state is BreakerState.CLOSED


class Balancer:
    """Choose the server with the fewest outstanding requests, then the one whose last request is longest ago.

    Suspect servers are chosen only if there is no other. Call `succeeded` or `failed` once for each choice.
    Servers are numbered from 0. The caller must hold a lock if several threads use a balancer.
    """

    def __init__(self, servers: int) -> None:
        self._servers = [_Server() for _ in range(servers)]
        self._turn = 0

    def choose(self, left_s: float, tried: Collection[int] = ()) -> Choice | None:
        """Return the server for a request that has `left_s` seconds left; None if there is no usable server.

        The servers in `tried` have failed with this request. Another one is then chosen only if it usually
        answers in the remaining time. A part of the time is reserved for a second attempt if that is
        possible.
        """
        free = [
            (server, number)
            for number, server in enumerate(self._servers)
            if number not in tried and server.is_free() and not (tried and server.latency.p99_s > left_s)
        ]
        if not free or left_s <= 0.0:
            return None
        chosen, number = min(free, key=lambda pair: (pair[0].suspect, pair[0].outstanding, pair[0].turn))
        within_s = left_s
        kept_s = KEPT * min((server.usual_s for server, _ in free if server is not chosen), default=0.0)
        if kept_s > 0.0 and left_s / 2 >= AMPLE * chosen.usual_s:
            kept_s = max(kept_s, left_s / 2)
        # Nothing is reserved for a server of unknown speed, or if the chosen one would then be too slow.
        if kept_s > 0.0 and chosen.usual_s > 0.0 and left_s - kept_s >= chosen.usual_s:
            within_s = left_s - kept_s
        self._turn += 1
        chosen.turn = self._turn
        chosen.outstanding += 1
        return Choice(number, within_s)

    def succeeded(self, server: int, taken_s: float) -> None:
        """Record that a server answered."""
        entry = self._servers[server]
        entry.outstanding -= 1
        entry.latency.add(taken_s)
        entry.breaker.succeeded()
        entry.late, entry.suspect = 0, False

    def failed(self, choice: Choice, cause: Cause, reason: str, now_s: float) -> None:
        """Record a failure. Being late counts only if the server had its usual time."""
        entry = self._servers[choice.server]
        entry.outstanding -= 1
        entry.reason = reason
        if cause == 'refused':
            entry.breaker.refused(now_s)
            return
        if cause == 'late':
            if choice.within_s < entry.usual_s:
                return
            entry.late, entry.suspect = entry.late + 1, True
            if entry.late < MOST_LATE and entry.breaker.state is BreakerState.CLOSED:
                return
        entry.late = 0
        entry.breaker.failed(now_s)

    def checked(self, server: int, reason: str, now_s: float) -> None:
        """Record the end of a health check; an empty `reason` means success."""
        entry = self._servers[server]
        if reason:
            entry.reason = reason
            entry.breaker.failed(now_s)
        else:
            entry.breaker.checked(now_s)
            entry.suspect = False

    def usable(self) -> bool:
        """True if at least one server may get a request."""
        return any(server.breaker.state is not BreakerState.OPEN for server in self._servers)

    def states(self) -> Sequence[BreakerState]:
        """Return the state of every server."""
        return [server.breaker.state for server in self._servers]

    def reason(self, server: int) -> str:
        """Return why a server failed last; empty if it never did."""
        return self._servers[server].reason

    def usual_s(self, server: int) -> float:
        """Return the usual longest duration of a request; 0 if it is not known yet."""
        return self._servers[server].usual_s
