"""The exposure times of free-running cameras, each with its own phase, jitter and failures."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stream_infer_ros.errors import WorldError

_JITTER_REACH = 4.0
"""Jitter is limited to this number of standard deviations ..."""

_JITTER_SHARE = 0.4
"""... and to this share of the period, so that the stamps of a camera stay in order."""


class Exposure(NamedTuple):
    """One image to be rendered: its stamp, the index of its camera, and its number within the camera."""

    stamp_ns: int
    camera: int
    tick: int


@dataclass(frozen=True, slots=True)
class DeadWindow:
    """A time in which a camera is silent, from `from_s` until `until_s`, seconds of world time."""

    camera: int
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Timing:
    """The timing of the cameras of a rig.

    Attributes:
        rate_hz: images per second of every camera.
        phase_ms: the phase of a camera is random within +- this, or +- half a period if that is less.
        jitter_ms: standard deviation of a stamp from its tick.
        drop_probability: probability that an image is dropped.
        dead: times in which cameras are silent.

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
            raise WorldError(f'expected a rate of 0.1 to 1000 Hz, got {self.rate_hz}')
        if not self.phase_ms >= 0:
            raise WorldError(f'expected a phase of 0 ms or more, got {self.phase_ms}')
        if not self.jitter_ms >= 0:
            raise WorldError(f'expected a jitter of 0 ms or more, got {self.jitter_ms}')
        if not 0 <= self.drop_probability <= 1:
            raise WorldError(f'expected a drop probability of 0 to 1, got {self.drop_probability}')

    @property
    def period_ns(self) -> int:
        return round(1e9 / self.rate_hz)


def schedule(
    n_cameras: int, seed: int, epoch_ns: int, timing: Timing, ticks: int | None = None
) -> Iterator[Exposure]:
    """Return the exposures of a rig in the order of their stamps: `ticks` of each camera, or without end.

    Tick k of a camera is at `epoch_ns + (k + 1) * period + phase + jitter`. The stamps of a camera depend
    only on the seed and its index. A drop or a dead window changes no other stamp.
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
