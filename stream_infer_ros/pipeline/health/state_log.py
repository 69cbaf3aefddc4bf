"""Log lines made from /diagnostics: one when a problem begins, one when a component has no problem left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from stream_infer_ros.messages.diagnostics import DiagnosticLevel, DiagnosticStatus

# A problem is logged after it has lasted this many periods, and is over after it has been absent this many
# periods, so that an intermittent problem is logged once.
BEGUN_AFTER = 2
OVER_AFTER = 5
# The key of the value that names the problem of a status. Messages contain numbers that change.
PROBLEM = 'problem'


class LogLine(NamedTuple):
    """One line; `level` is WARN or ERROR when a problem begins, OK when it is over."""

    level: DiagnosticLevel
    text: str


class _Problem(NamedTuple):
    """The problems of a component that were named so far, and their highest level."""

    level: DiagnosticLevel
    kinds: frozenset[str]

    def includes(self, other: _Problem) -> bool:
        return other.level <= self.level and other.kinds <= self.kinds


@dataclass(slots=True)
class _Part:
    """The last logged state of one component, and its state now; None means no problem."""

    logged: _Problem | None = None
    now: _Problem | None = None
    periods: int = 0
    message: str = ''


@dataclass(slots=True)
class StateLog:
    """Takes the statuses of each period and returns the lines to log.

    STALE is not a problem: it means that nothing is known yet.
    """

    _parts: dict[str, _Part] = field(default_factory=dict)

    def lines(self, statuses: Sequence[DiagnosticStatus]) -> list[LogLine]:
        """Return the new lines of this period; equal lines of several cameras are merged."""
        there = {status.name: status for status in statuses}
        changed: dict[LogLine, list[str]] = {}
        for name in [*there, *(name for name in self._parts if name not in there)]:
            part = self._parts.setdefault(name, _Part())
            if self._has_changed(part, there.get(name)):
                changed.setdefault(_line(part), []).append(name.partition(': ')[2])
        return [LogLine(line.level, f'{_joined(names)}: {line.text}') for line, names in changed.items()]

    def _has_changed(self, part: _Part, status: DiagnosticStatus | None) -> bool:
        """Update the state of a component; return True if it must be logged."""
        found = _problem(status)
        part.periods = part.periods + 1 if found == part.now else 1
        part.now = found
        part.message = status.message if status else 'no longer reported'
        if found == part.logged or part.periods < (OVER_AFTER if found is None else BEGUN_AFTER):
            return False
        if found is not None and part.logged is not None:
            if part.logged.includes(found):  # one of several problems comes and goes
                return False
            found = _Problem(max(found.level, part.logged.level), found.kinds | part.logged.kinds)
        part.logged = found
        return True


def _problem(status: DiagnosticStatus | None) -> _Problem | None:
    if status is None or status.level in (DiagnosticLevel.OK, DiagnosticLevel.STALE):
        return None
    return _Problem(status.level, frozenset(status.values.get(PROBLEM, '').split(', ')))


def _line(part: _Part) -> LogLine:
    if part.logged is None:
        return LogLine(DiagnosticLevel.OK, f'resolved: {part.message}')
    return LogLine(part.logged.level, part.message)


def _joined(names: Sequence[str]) -> str:
    """['camera front', 'camera left'] -> 'cameras front, left'."""
    if len(names) > 1 and all(name.startswith('camera ') for name in names):
        return 'cameras ' + ', '.join(name.removeprefix('camera ') for name in names)
    return ', '.join(names)
