"""The motion of bodies: back and forth on a straight segment, at constant speed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Shuttle:
    """The position of one body at any time.

    Attributes:
        start: (x, y) of one end, metres.
        heading_rad: from there to the other end.
        length_m: between the ends.
        speed_m_s: constant.
        offset_m: how far it has gone at t = 0, counted there and back.
        turns_round: it faces where it goes (a pedestrian); else it reverses (a car).
    """

    start: tuple[float, float]
    heading_rad: float
    length_m: float
    speed_m_s: float
    offset_m: float
    turns_round: bool

    def end(self) -> NDArray[np.float64]:
        """The end of the segment, (2,) metres."""
        along = (math.cos(self.heading_rad), math.sin(self.heading_rad))
        return np.array(self.start) + self.length_m * np.array(along)


class Timetable:
    """The positions of many bodies at once."""

    def __init__(self, shuttles: Sequence[Shuttle]) -> None:
        self._start = np.array([s.start for s in shuttles], np.float64).reshape(-1, 2)
        self._heading = np.array([s.heading_rad for s in shuttles], np.float64)
        self._length = np.array([s.length_m for s in shuttles], np.float64)
        self._speed = np.array([s.speed_m_s for s in shuttles], np.float64)
        self._offset = np.array([s.offset_m for s in shuttles], np.float64)
        self._turns_round = np.array([s.turns_round for s in shuttles], bool)

    def poses(self, t_s: float) -> NDArray[np.float64]:
        """Return (n, 3) float64: x, y, yaw in metres and radians."""
        gone = self.travelled_m(t_s) % (2 * self._length)
        out = gone < self._length
        along = np.where(out, gone, 2 * self._length - gone)
        poses = np.empty((len(along), 3))
        poses[:, 0] = self._start[:, 0] + np.cos(self._heading) * along
        poses[:, 1] = self._start[:, 1] + np.sin(self._heading) * along
        poses[:, 2] = self._heading + np.where(out | ~self._turns_round, 0.0, np.pi)
        return poses

    def travelled_m(self, t_s: float) -> NDArray[np.float64]:
        """Return the distance travelled in both directions, (n,) float64 metres: the phase of a gait."""
        travelled: NDArray[np.float64] = self._offset + self._speed * t_s
        return travelled
