"""Whether an engine can work on this machine, and if not, why and what would help."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec


@dataclass(frozen=True, slots=True)
class Availability:
    """What was found of one engine.

    Attributes:
        found: runtime, version and devices, in words; empty where nothing is installed.
        problem: why it cannot work here; empty where it can.
        remedy: what to do about that.
        devices: what `engine.device` may name, best first.
    """

    found: str = ''
    problem: str = ''
    remedy: str = ''
    devices: tuple[str, ...] = ()

    @property
    def works(self) -> bool:
        return not self.problem


def missing(module: str, package: str = '') -> Availability:
    """A runtime that is not installed."""
    return Availability(problem=f'{module} is not installed', remedy=f'pip install {package or module}')


def broken(module: str, error: Exception) -> Availability:
    """A runtime that is installed and does not start."""
    return Availability(
        f'{module} {version_of(module)}'.rstrip(),
        ' '.join(str(error).split()),
        f'pip install --force-reinstall {module}; check the driver of its device',
    )


def is_installed(module: str) -> bool:
    """Whether a module can be found, without importing it: runtimes take seconds."""
    return find_spec(module) is not None


def version_of(distribution: str) -> str:
    """Of an installed distribution; empty where nobody knows (a system package, say)."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ''
