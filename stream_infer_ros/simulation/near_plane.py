"""Cutting polygons at the plane in front of the lens."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NEAR_M = 0.08


def clip_near(corners: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The part of a polygon (k, 3) of the optical frame with z >= NEAR_M: (m, 3), empty if none is."""
    kept = []
    for a, b in zip(corners, np.roll(corners, -1, 0), strict=True):
        if a[2] >= NEAR_M:
            kept.append(a)
        if (a[2] >= NEAR_M) != (b[2] >= NEAR_M):
            kept.append(a + (NEAR_M - a[2]) / (b[2] - a[2]) * (b - a))
    return np.array(kept, np.float64).reshape(-1, 3)
