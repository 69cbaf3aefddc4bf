"""When each camera exposes: free-running cameras, each with its own phase, jitter and failures."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stream_infer_ros.errors import WorldError

_JITTER_REACH = 4.0
"""Jitter is cut off at so many standard deviations ..."""

_JITTER_SHARE = 0.4
"""... and at this share of the period, so that one camera's stamps never change places."""


class Exposure(NamedTuple):
    """One image that is going to be: its stamp, its camera's index, and the how-manieth of that camera."""

    stamp_ns: int
    camera: int
    tick: int


@dataclass(frozen=True, slots=True)
class DeadWindow:
    """A camera that gives nothing from `from_s` until `until_s`, seconds of world time."""

    camera: int
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Timing:
    """How the cameras of a rig run.

    Attributes:
        rate_hz: of every camera.
        phase_ms: a camera's phase lies anywhere within +- this, or +- half a period if that is less.
        jitter_ms: standard deviation of a stamp about its tick.
        drop_probability: of any single image.
        dead: cameras that fall silent for a while.

    Raises:
        WorldError: a value is out of range.
    """

    rate_hz: float = 10.0
    phase_ms: float = 12.0
    jitter_ms: float = 1.5
    drop_probability: float = 0.0
    dead: tuple[DeadWindow, ...] = ()

    def __post_init__(self) -> None:
        if not 0.1 <= self.rate_hz <= 1000:
            raise WorldError(f'a rate of 0.1 to 1000 Hz was expected, {self.rate_hz} came')
        if not self.phase_ms >= 0:
            raise WorldError(f'a phase of 0 ms or more was expected, {self.phase_ms} came')
        if not self.jitter_ms >= 0:
            raise WorldError(f'a jitter of 0 ms or more was expected, {self.jitter_ms} came')
        if not 0 <= self.drop_probability <= 1:
            raise WorldError(f'a drop probability of 0 to 1 was expected, {self.drop_probability} came')

    @property
    def period_ns(self) -> int:
        return round(1e9 / self.rate_hz)


def schedule(
    n_cameras: int, seed: int, epoch_ns: int, timing: Timing, ticks: int | None = None
) -> Iterator[Exposure]:
    """All exposures of a rig, in the order of their stamps: `ticks` of each camera, or without end.

    Tick k of a camera lies at `epoch_ns + (k + 1) * period + phase + jitter`: after the epoch. What a camera
    does depends on the seed and its index, not on how many others there are; a drop or a dead window changes
    no other stamp.
    """
    streams = [_camera_schedule(camera, seed, epoch_ns, timing, ticks) for camera in range(n_cameras)]
    return heapq.merge(*streams)


def _camera_schedule(
    camera: int, seed: int, epoch_ns: int, timing: Timing, ticks: int | None
) -> Iterator[Exposure]:
    rng = np.random.default_rng([seed, camera])
    period = timing.period_ns
    phase_ns = rng.uniform(-1, 1) * min(timing.phase_ms * 1e6, period / 2)
    sigma, reach = timing.jitter_ms * 1e6, _JITTER_SHARE * period
    silent = [(w.from_s, w.until_s) for w in timing.dead if w.camera == camera]
    for tick in itertools.count() if ticks is None else range(ticks):
        swing = np.clip(rng.standard_normal(), -_JITTER_REACH, _JITTER_REACH)
        jitter = np.clip(swing * sigma, -reach, reach)
        dropped = rng.random() < timing.drop_probability
        offset_ns = (tick + 1) * period + round(phase_ns + jitter)
        if not dropped and not any(start <= offset_ns * 1e-9 < end for start, end in silent):
            yield Exposure(epoch_ns + offset_ns, camera, tick)
