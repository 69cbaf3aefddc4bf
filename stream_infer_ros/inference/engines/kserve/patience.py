"""How long to wait for servers that are always too slow, and the log messages about it. Time is passed in."""

from __future__ import annotations

import logging
import math
from enum import Enum

# So many misses in a row, and so long without a result, are no accident.
MOST_MISSES = 3
AFTER_S = 0.9
# What is waited for a result that is late anyway.
LONGEST_S = 5.0
# Of what was waited for: a miss that took less was no matter of time.
_NEARLY = 0.9


class Pace(Enum):
    """How results come."""

    IN_TIME = 'in time'
    LATE = 'late'  # they are waited for all the same
    NONE = 'none'  # not even then


class Patience:
    """How long a run is waited for.

    As long as its result is worth it, as a rule. If nothing ever comes by then it is waited for as for an
    engine of this machine, which cannot give up a run, until a result is in time again: with late results the
    pipeline learns what a run costs, gives up what would be late before it costs anything, and says so.
    Without any it would ask for ever, in vain.

    Each `wait_s` is followed by one `ended`.

    Args:
        longest_s: that a run is waited for in any case.
    """

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self.pace = Pace.IN_TIME
        self._longest_s = min(longest_s, LONGEST_S)
        self._misses = 0
        self._began_s: float | None = None  # the last run that had a result, at first the first run
        self._patient = False
        self._run_s = 0.0
        self._left_s = 0.0
        self._wait_s = 0.0

    def wait_s(self, left_s: float, now_s: float) -> float:
        """How long to wait for a run that begins now and is worth `left_s`; none or less: no time is left."""
        if self._began_s is None:
            self._began_s = now_s
        nothing_came = self._misses >= MOST_MISSES and now_s - self._began_s >= AFTER_S
        self._patient = self.pace is not Pace.IN_TIME or nothing_came
        self._run_s, self._left_s = now_s, left_s
        self._wait_s = max(left_s, self._longest_s) if self._patient else left_s
        return self._wait_s

    def ended(self, answered: bool, now_s: float) -> None:
        """The run is over; `answered`: it has a result."""
        taken_s = now_s - self._run_s
        if answered:
            late = self._patient and taken_s > self._left_s
            self.pace = Pace.LATE if late else Pace.IN_TIME
            self._misses, self._began_s = 0, self._run_s
            return
        self._misses += 1
        if self._patient and taken_s >= _NEARLY * self._wait_s:
            self.pace = Pace.NONE


# Servers that are at the edge of the bound change often.
SILENCE_S = 10.0

_log = logging.getLogger(__name__)


class PaceLog:
    """Logs a warning with what was measured, the limit, and what helps.

    Args:
        timeout_ms: `engine.kserve.timeout_ms`; 0: there is none.
    """

    def __init__(self, timeout_ms: float = 0.0) -> None:
        self._timeout_ms = timeout_ms
        self._said = Pace.IN_TIME
        self._said_s = -math.inf

    def note(
        self, pace: Pace, n: int, taken_s: float, left_s: float, rehearsed_s: float, now_s: float
    ) -> None:
        """A run has ended.

        Args:
            pace: how results come now.
            n: images of the run.
            taken_s: how long it took, or was waited for.
            left_s: what was left of the bound when it began.
            rehearsed_s: what a run took that nobody waited for; 0: not known.
        """
        if pace is self._said or now_s - self._said_s < SILENCE_S:
            return
        self._said, self._said_s = pace, now_s
        if pace is Pace.IN_TIME:
            _log.warning('served results come in time again')
        elif pace is Pace.LATE:
            _log.warning(
                'served results come late: a run of %d images took %.0f ms, and %.0f ms were left of '
                'bound_ms; raise it by %.0f ms or more, or use a faster server, or fewer or smaller images',
                n,
                taken_s * 1e3,
                max(0.0, left_s * 1e3),
                (taken_s - left_s) * 1e3,
            )
        else:
            by_us = taken_s * 1e3 >= 0.5 * self._timeout_ms > 0.0
            _log.warning(
                'no served results at all: none came within %.0f ms%s%s; %suse a faster server, or fewer or '
                'smaller images',
                taken_s * 1e3,
                ', which engine.kserve.timeout_ms allows' if by_us else '',
                f', a rehearsal took {rehearsed_s * 1e3:.0f} ms' if rehearsed_s else '',
                'raise it, or ' if by_us else '',
            )
