"""How results of servers come, said once when it changes."""

from __future__ import annotations

import logging
import math

from stream_infer_ros.inference.engines.kserve.patience import Pace

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
