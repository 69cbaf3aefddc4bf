"""Waiting for servers that are always too slow, and the log messages about it. Time is passed in."""

from __future__ import annotations

import logging
import math
from enum import Enum

# Only this many misses in a row, and this long without a result, show that the servers are too slow.
MOST_MISSES = 3
AFTER_S = 0.9
# The longest wait for a result that is late anyway.
LONGEST_S = 5.0
# A miss that took a smaller share of the waiting time had another cause than slowness.
_NEARLY = 0.9


class Pace(Enum):
    """Timeliness of results."""

    IN_TIME = 'in time'
    LATE = 'late'  # they arrive after the deadline, and are waited for
    NONE = 'none'  # they do not arrive within the longest wait either


class Patience:
    """Decide how long to wait for a run.

    Normally a run is waited for until its deadline. If no result ever arrives by then, late results are
    waited for until one is in time again, as with a local engine, whose runs cannot be cancelled. From late
    results the pipeline learns how long a run takes. It then drops frames early and reports the reason.
    Without any result it would keep sending requests in vain.

    Call `ended` once after each `wait_s`.

    Args:
        longest_s: the longest wait for late results.
    """

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self.pace = Pace.IN_TIME
        self._longest_s = min(longest_s, LONGEST_S)
        self._misses = 0
        self._began_s: float | None = None  # start of the last run with a result, or of the first run
        self._patient = False
        self._run_s = 0.0
        self._left_s = 0.0
        self._wait_s = 0.0

    def wait_s(self, left_s: float, now_s: float) -> float:
        """Return how long to wait for a run that begins now and has `left_s` until its deadline.

        The result may be 0 or negative: no time is left.
        """
        if self._began_s is None:
            self._began_s = now_s
        nothing_came = self._misses >= MOST_MISSES and now_s - self._began_s >= AFTER_S
        self._patient = self.pace is not Pace.IN_TIME or nothing_came
        self._run_s, self._left_s = now_s, left_s
        self._wait_s = max(left_s, self._longest_s) if self._patient else left_s
        return self._wait_s

    def ended(self, answered: bool, now_s: float) -> None:
        """Record the end of a run. `answered` is true if it has a result."""
        taken_s = now_s - self._run_s
        if answered:
            late = self._patient and taken_s > self._left_s
            self.pace = Pace.LATE if late else Pace.IN_TIME
            self._misses, self._began_s = 0, self._run_s
            return
        self._misses += 1
        if self._patient and taken_s >= _NEARLY * self._wait_s:
            self.pace = Pace.NONE


# The shortest time between two messages. Servers close to the bound change their pace often.
SILENCE_S = 10.0

_log = logging.getLogger(__name__)


class PaceLog:
    """Log when the pace of results changes, with the measured time, the limit and the remedy.

    Args:
        timeout_ms: `engine.kserve.timeout_ms`; 0 for no timeout.
    """

    def __init__(self, timeout_ms: float = 0.0) -> None:
        self._timeout_ms = timeout_ms
        self._said = Pace.IN_TIME
        self._said_s = -math.inf

    def note(
        self, pace: Pace, n: int, taken_s: float, left_s: float, rehearsed_s: float, now_s: float
    ) -> None:
        """Record the end of a run.

        Args:
            pace: the current pace.
            n: number of images of the run.
            taken_s: the duration of the run or of the wait for it.
            left_s: the time until its deadline when it began.
            rehearsed_s: the duration of a warm-up run; 0 if it is not known.
        """
        if pace is self._said or now_s - self._said_s < SILENCE_S:
            return
        self._said, self._said_s = pace, now_s
        if pace is Pace.IN_TIME:
            _log.warning('results of the servers arrive in time again')
        elif pace is Pace.LATE:
            _log.warning(
                'results of the servers arrive late: a run of %d images took %.0f ms, with %.0f ms left of '
                'bound_ms; raise it by %.0f ms or more, or use a faster server, or fewer or smaller images',
                n,
                taken_s * 1e3,
                max(0.0, left_s * 1e3),
                (taken_s - left_s) * 1e3,
            )
        else:
            by_us = taken_s * 1e3 >= 0.5 * self._timeout_ms > 0.0
            _log.warning(
                'no results arrive from the servers: none came within %.0f ms%s%s; %suse a faster server, or '
                'fewer or smaller images',
                taken_s * 1e3,
                ', which engine.kserve.timeout_ms allows' if by_us else '',
                f', a warm-up run took {rehearsed_s * 1e3:.0f} ms' if rehearsed_s else '',
                'raise it, or ' if by_us else '',
            )
