"""The route of the robot: a smooth closed loop around the centre of the yard."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

_CORNERS = 7
_ROUNDS = 5
_CHORD_M = 0.4


class Route:
    """A closed curve, parametrised by arc length.

    Args:
        corners: (k, 2) float64 metres; the curve is the quadratic B-spline they control (Chaikin's
            corner cutting, five rounds).
    """

    def __init__(self, corners: NDArray[np.float64]) -> None:
        points = corners
        for _ in range(_ROUNDS):
            after = np.roll(points, -1, 0)
            points = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], 1).reshape(-1, 2)
        closed = np.concatenate([points, points[:1]])
        self._points = points
        self._closed = closed
        self._arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])

    @classmethod
    def random(cls, rng: np.random.Generator, size_m: float) -> Route:
        """Return a random loop, 0.15 to 0.375 sizes of the yard from its centre."""
        angle = np.arange(_CORNERS) * 2 * np.pi / _CORNERS + rng.uniform(0, 1)
        radius = rng.uniform(0.15, 0.375, _CORNERS) * size_m
        return cls(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1))

    @property
    def length_m(self) -> float:
        return float(self._arc[-1])

    def pose(self, travelled_m: float) -> tuple[float, float, float]:
        """Return (x, y, yaw) after a distance; yaw is along the chord from 0.4 m behind to 0.4 m ahead."""
        x, y = self._at(travelled_m)
        (x0, y0), (x1, y1) = self._at(travelled_m - _CHORD_M), self._at(travelled_m + _CHORD_M)
        return x, y, math.atan2(y1 - y0, x1 - x0)

    def distance_to(self, point: ArrayLike) -> float:
        """Return the distance of a point (2,) to the nearest vertex (less than 0.7 m apart), metres."""
        offset = self._points - np.asarray(point, np.float64)
        return float(np.hypot(offset[:, 0], offset[:, 1]).min())

    def _at(self, travelled_m: float) -> tuple[float, float]:
        s = travelled_m % self._arc[-1]
        x = np.interp(s, self._arc, self._closed[:, 0])
        return float(x), float(np.interp(s, self._arc, self._closed[:, 1]))
