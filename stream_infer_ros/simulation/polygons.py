"""Convex polygons on the ground plane."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def place(polygon: NDArray[np.float64], x: float, y: float, yaw_rad: float) -> NDArray[np.float64]:
    """Transform points (k, 2) from the frame of a body to the world."""
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    placed: NDArray[np.float64] = polygon @ np.array([[c, s], [-s, c]]) + (x, y)
    return placed


def gap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the gap between two convex counter-clockwise polygons (k, 2), metres; negative if they overlap.

    The largest distance along an edge normal (separating axis theorem): never more than the true distance.
    """
    widest = -math.inf
    for p, q in ((a, b), (b, a)):
        edges = np.roll(p, -1, 0) - p
        normals = np.stack([edges[:, 1], -edges[:, 0]], 1)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        beyond = (q @ normals.T).min(0) - (p * normals).sum(1)
        widest = max(widest, float(beyond.max()))
    return widest


def distance_to_segment(point: ArrayLike, start: NDArray[np.float64], end: NDArray[np.float64]) -> float:
    """Return the distance of a point (2,) to the segment between two others, metres."""
    along = end - start
    offset = np.asarray(point, np.float64) - start
    share = np.clip(offset @ along / max(1e-12, float(along @ along)), 0.0, 1.0)
    return float(np.linalg.norm(offset - share * along))
