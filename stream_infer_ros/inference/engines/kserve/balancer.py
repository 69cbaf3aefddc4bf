"""The choice of a server for each request, and how long to wait for its answer. Time is passed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from stream_infer_ros.inference.engines.kserve.client import Cause
from stream_infer_ros.inference.engines.kserve.health import Breaker, BreakerState

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


# What a request may take beyond the p99 that was measured, and still count as usual.
SLACK = 1.2
# What is kept for a second attempt, in units of what it usually takes: giving up takes a moment, too.
KEPT = 1.5
# Where so many times the usual fits into half of the time that is left, the other half is kept.
AMPLE = 4.0
# Results in a row that came too late, from a server that had its usual time: one may be the machine's noise.
MOST_LATE = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """A server, by index, and how long its answer is to be waited for, seconds."""

    server: int
    within_s: float


@dataclass(slots=True)
class _Server:
    breaker: Breaker = field(default_factory=Breaker)
    latency: Latency = field(default_factory=Latency)
    outstanding: int = 0
    turn: int = 0  # when it was chosen last, counted in choices
    reason: str = ''  # of its last failure
    late: int = 0  # results in a row
    suspect: bool = False  # it was late, and no health check has passed since

    @property
    def usual_s(self) -> float:
        return self.latency.p99_s * SLACK

    def is_free(self) -> bool:
        if self.breaker.state is BreakerState.HALF_OPEN:
            return self.outstanding == 0
        return self.breaker.state is BreakerState.CLOSED


class Balancer:
    """Least outstanding requests, then the one that was not asked for longest; suspects only without others.

    Each `choose` that gives a server is followed by one `succeeded` or `failed` for it. Servers are numbered
    from 0. Not safe for several threads: the caller holds a lock.
    """

    def __init__(self, servers: int) -> None:
        self._servers = [_Server() for _ in range(servers)]
        self._turn = 0

    def choose(self, left_s: float, tried: Collection[int] = ()) -> Choice | None:
        """The server for a request that is worth `left_s` seconds more; None if none is to be had.

        `tried` have failed with this request: another is chosen only if it usually answers in the time that
        is left. Where there is another to go on with, a part of the time is kept for it.
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
        # Nothing is kept for a server whose pace is not known, nor if the chosen one then could not make it.
        if kept_s > 0.0 and chosen.usual_s > 0.0 and left_s - kept_s >= chosen.usual_s:
            within_s = left_s - kept_s
        self._turn += 1
        chosen.turn = self._turn
        chosen.outstanding += 1
        return Choice(number, within_s)

    def succeeded(self, server: int, taken_s: float) -> None:
        """It answered."""
        told = self._servers[server]
        told.outstanding -= 1
        told.latency.add(taken_s)
        told.breaker.succeeded()
        told.late, told.suspect = 0, False

    def failed(self, choice: Choice, cause: Cause, reason: str, now_s: float) -> None:
        """It gave no result. That it was late counts only if it had the time it usually takes."""
        told = self._servers[choice.server]
        told.outstanding -= 1
        told.reason = reason
        if cause == 'refused':
            told.breaker.refused(now_s)
            return
        if cause == 'late':
            if choice.within_s < told.usual_s:
                return
            told.late, told.suspect = told.late + 1, True
            if told.late < MOST_LATE and told.breaker.state is BreakerState.CLOSED:
                return
        told.late = 0
        told.breaker.failed(now_s)

    def checked(self, server: int, reason: str, now_s: float) -> None:
        """A health check ended: an empty `reason` says it passed."""
        told = self._servers[server]
        if reason:
            told.reason = reason
            told.breaker.failed(now_s)
        else:
            told.breaker.checked(now_s)
            told.suspect = False

    def usable(self) -> bool:
        """Whether any server may get a request."""
        return any(server.breaker.state is not BreakerState.OPEN for server in self._servers)

    def states(self) -> Sequence[BreakerState]:
        """Of every server."""
        return [server.breaker.state for server in self._servers]

    def reason(self, server: int) -> str:
        """Why it failed last; empty if it never did."""
        return self._servers[server].reason

    def usual_s(self, server: int) -> float:
        """What a request there takes at most, as a rule; 0 while nothing is known."""
        return self._servers[server].usual_s
