"""The choice of a load that this machine can process at the moment."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# The steps that the trial leaves out: the middleware and the map.
OTHER_STEPS_MS = 30.0
# The simulated cameras have to be rendered faster than they stream by this factor.
RENDERING_RESERVE = 1.2


@dataclass(frozen=True, slots=True)
class Load:
    """Simulated cameras, and the images per second of each."""

    cameras: int
    rate_hz: float

    def __str__(self) -> str:
        return f'{self.cameras} camera{"" if self.cameras == 1 else "s"} at {self.rate_hz:g} Hz'

    @property
    def images_per_s(self) -> float:
        return self.cameras * self.rate_hz


LOADS = (Load(6, 10.0), Load(6, 5.0), Load(4, 5.0), Load(2, 5.0))
"""The loads that a demo chooses from, the largest first."""


@dataclass(frozen=True, slots=True)
class TrialCosts:
    """Measurements of a short trial with one load.

    Attributes:
        p50_ms, worst_ms: time from the oldest stamp of a set to its last result, median and maximum; inf for
            a set that lacks a result.
        rendered_per_s: images that the renderers completed per second meanwhile.
    """

    p50_ms: float
    worst_ms: float
    rendered_per_s: float


@dataclass(frozen=True, slots=True)
class LoadChoice:
    """The chosen load. `fits` is False if even the smallest load did not fit."""

    load: Load
    fits: bool

    def message(self) -> str:
        """Return a line for the user, empty for the largest load."""
        if not self.fits:
            return (
                f'This machine is too busy for the demo. It tries {self.load}, but will probably exceed the '
                f'latency bound. Close other programs and run it again.'
            )
        if self.load == LOADS[0]:
            return ''
        return f'This machine is busy: {self.load}. Use --cameras and --rate to force another load.'


def fits(load: Load, costs: TrialCosts, bound_ms: float) -> bool:
    """Return True if the machine can process `load` within the latency bound, with room.

    A trial has few sets. The p99 of a whole run is expected to exceed their maximum by about as much as their
    maximum exceeds their median.
    """
    if not math.isfinite(costs.worst_ms):
        return False
    expected_p99_ms = 2 * costs.worst_ms - costs.p50_ms + OTHER_STEPS_MS
    return expected_p99_ms <= bound_ms and costs.rendered_per_s >= RENDERING_RESERVE * load.images_per_s


def choose_load(
    measure: Callable[[Load], TrialCosts], bound_ms: float, loads: Sequence[Load] = LOADS
) -> LoadChoice:
    """Return the first of `loads` that fits, or the last one if none does.

    Args:
        measure: runs a trial with a load. Not called for loads after the first that fits.
        bound_ms: latency bound of the demo, milliseconds.
        loads: candidates, the largest first; at least one.
    """
    for load in loads:
        if fits(load, measure(load), bound_ms):
            return LoadChoice(load, True)
    return LoadChoice(loads[-1], False)
