"""Convex frusta, of which all bodies of this world are made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

MAX_CORNERS = 8
"""Number of corners that are stored per face. Faces with fewer corners repeat the last one."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One frustum in the frame of its body (x forward, y left, z up, ground at z = 0).

    Attributes:
        corners: (2 n, 3) float64 metres: the lower ring counter-clockwise seen from above, then the upper.
        colour: (3,) float64 RGB 0..255, before light.
        texture: row of `textures.material_levels`.
        closed_below: the lower lid can be seen (the part hangs above the ground).
        swing: +1 or -1 for a limb whose lower ring swings with the gait, 0 for everything else.
    """

    corners: NDArray[np.float64]
    colour: NDArray[np.float64]
    texture: int = 0
    closed_below: bool = False
    swing: int = 0


def frustum(
    sides: int,
    z: tuple[float, float],
    size: tuple[float, float],
    taper: tuple[float, float] = (1.0, 1.0),
    centre: tuple[float, float] = (0.0, 0.0),
    yaw_rad: float = 0.0,
) -> NDArray[np.float64]:
    """Return the corners (2 sides, 3) of a frustum.

    Args:
        sides: corners of a ring. 4 make a box along the axes; more corners lie on an ellipse.
        z: heights of the lower and the upper ring, metres.
        size: extent of the lower ring along x and y, metres.
        taper: upper ring's extent over the lower's, along x and y.
        centre: of both rings, metres.
        yaw_rad: rotation of the rings about `centre`.
    """
    angle = (np.arange(sides) + 0.5) * 2 * np.pi / sides
    # A box is given by its edges, not by the circle through its corners.
    reach = 0.5 / math.cos(math.pi / sides) if sides == 4 else 0.5
    unit = np.stack([np.cos(angle), np.sin(angle)], 1) * reach
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    turn = np.array([[c, s], [-s, c]])
    lower = unit * size @ turn + centre
    upper = unit * (size[0] * taper[0], size[1] * taper[1]) @ turn + centre
    rings = np.empty((2 * sides, 3))
    rings[:sides, :2], rings[sides:, :2] = lower, upper
    rings[:sides, 2], rings[sides:, 2] = z
    return rings


def wheel(diameter_m: float, width_m: float, centre: tuple[float, float]) -> NDArray[np.float64]:
    """Return the corners (16, 3) of an octagonal wheel on the ground, with its axle along y."""
    upright = frustum(8, (-0.5, 0.5), (diameter_m, diameter_m))
    corners = np.empty_like(upright)
    corners[:, 0] = upright[:, 0] + centre[0]
    corners[:, 1] = centre[1] - upright[:, 2] * width_m
    corners[:, 2] = np.maximum(upright[:, 1] + diameter_m / 2, 0.0)
    return corners


def ring(sides: int, size: tuple[float, float]) -> NDArray[np.float64]:
    """Return a convex outline (sides, 2) around the origin, counter-clockwise, metres."""
    outline: NDArray[np.float64] = frustum(sides, (0.0, 1.0), size)[:sides, :2].copy()
    return outline


@cache
def face_corners(sides: int, closed_below: bool) -> NDArray[np.intp]:
    """Return the corners of each face of a frustum, counter-clockwise as seen from outside.

    Returns:
        (faces, MAX_CORNERS) int: the side faces, the upper lid, and the lower lid if `closed_below`.
    """
    faces = [[i, (i + 1) % sides, sides + (i + 1) % sides, sides + i] for i in range(sides)]
    faces.append([sides + i for i in range(sides)])
    if closed_below:
        faces.append([sides - 1 - i for i in range(sides)])
    return np.array([face + [face[-1]] * (MAX_CORNERS - len(face)) for face in faces], np.intp)
