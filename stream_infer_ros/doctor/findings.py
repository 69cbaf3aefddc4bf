"""The findings of the doctor: problems with their remedies, worst first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Severity(str, Enum):
    """The importance of a finding.

    An ERROR prevents results or makes them wrong. A WARNING makes them worse or less reliable. A NOTE is
    worth knowing, and nothing is wrong.
    """

    ERROR = 'error'
    WARNING = 'warning'
    NOTE = 'note'

    def __str__(self) -> str:
        return self.value


_ORDER = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem.

    Attributes:
        severity: how much it matters.
        problem: the name of the kind of problem, e.g. 'camera_absent'. It does not change between versions.
        subject: what the problem concerns: 'camera front', 'topic /tf', 'model', 'machine', ...
        what: what was expected and what was found.
        remedy: what to do.
    """

    severity: Severity
    problem: str
    subject: str
    what: str
    remedy: str


def error(problem: str, subject: str, what: str, remedy: str) -> Finding:
    """Return a finding that prevents results or makes them wrong."""
    return Finding(Severity.ERROR, problem, subject, what, remedy)


def warning(problem: str, subject: str, what: str, remedy: str) -> Finding:
    """Return a finding that makes results worse or less reliable."""
    return Finding(Severity.WARNING, problem, subject, what, remedy)


def note(problem: str, subject: str, what: str, remedy: str = '') -> Finding:
    """Return a finding that is worth knowing, although nothing is wrong."""
    return Finding(Severity.NOTE, problem, subject, what, remedy)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings in the order of their severity; otherwise in the order in which they came."""
    return tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.severity)))


def split_remedy(text: str, otherwise: str) -> tuple[str, str]:
    """Split a message of this package ('expected ..., got ...; do this') into problem and remedy.

    Args:
        otherwise: the remedy if the message has none.
    """
    what, _, remedy = text.rpartition('; ')
    return (what, remedy) if what else (text, otherwise)
