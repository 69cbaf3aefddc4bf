"""The parts of /diagnostics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from stream_infer_ros.messages.diagnostics import DiagnosticLevel


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one part of the pipeline.

    Attributes:
        level: OK, WARN, ERROR, or STALE while nothing is known yet.
        part: the name of the part, e.g. 'camera front'.
        message: one line for the user; with the remedy, if there is a problem.
        values: further values by name.
        problem: the name of the problem, without the numbers of the message, which change; empty if none.
    """

    level: DiagnosticLevel
    part: str
    message: str
    values: dict[str, str] = field(default_factory=dict)
    problem: str = ''


class StatusSource(Protocol):
    """Reports the state of a part of the pipeline."""

    def statuses(self, now_ns: int) -> Sequence[Status]:
        """Return the statuses at `now_ns`."""
        ...
