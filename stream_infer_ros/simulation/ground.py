"""The lit ground, seen from above, with the shadows of static objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.simulation.light import Light
from stream_infer_ros.simulation.textures import paint_ground

PIXELS_PER_M = 32
COARSE = 8
"""Distant ground is read from a picture that is smaller by this factor, to avoid aliasing."""

SUBPIXEL_BITS = 4


class Ground:
    """Two pictures of the yard, rows along y, columns along x, not to be written to.

    Attributes:
        fine: (n, n, 4) uint8 RGBA, PIXELS_PER_M texels a metre. OpenCV warps four channels in 60 % of the
            time of three.
        coarse: (n / COARSE, n / COARSE, 4) uint8 RGBA, the same smaller.
        mean: (4,) its mean colour, for ground beyond the yard.
    """

    def __init__(
        self, rng: np.random.Generator, size_m: float, light: Light, shadows: Iterable[NDArray[np.float64]]
    ) -> None:
        picture = paint_ground(rng, size_m, PIXELS_PER_M)
        self._half_m = size_m / 2
        if light.shadow < 1:
            mask = np.zeros(picture.shape[:2], np.uint8)
            for hull in shadows:
                texels = (hull + self._half_m) * PIXELS_PER_M - 0.5
                cv2.fillConvexPoly(mask, to_subpixels(texels), 1, shift=SUBPIXEL_BITS)
            cv2.copyTo(cv2.LUT(picture, shadow_table(light)), mask, picture)
        gains = np.arange(256)[:, None] * light.on_ground()
        table = np.clip(gains, 0, 255).astype(np.uint8)[None]
        self.fine = np.asarray(cv2.cvtColor(cv2.LUT(picture, table), cv2.COLOR_RGB2RGBA), np.uint8)
        edge = len(picture) // COARSE
        self.coarse = np.asarray(cv2.resize(self.fine, (edge, edge), interpolation=cv2.INTER_AREA), np.uint8)
        self.mean: tuple[float, ...] = tuple(self.coarse.mean((0, 1)).tolist())

    def world_from_texel(self, coarse: bool) -> NDArray[np.float64]:
        """Return the matrix (3, 3) from texel (column, row, 1) to (x, y, 1) metres; integer centres."""
        edge = (COARSE if coarse else 1) / PIXELS_PER_M
        first = edge / 2 - self._half_m
        return np.array([[edge, 0, first], [0, edge, first], [0, 0, 1.0]])


def shadow_table(light: Light) -> NDArray[np.uint8]:
    """Return (256,) uint8: the value in the shadow of each lit value."""
    return (np.arange(256) * light.shadow).astype(np.uint8)


def shadow_hull(outline: NDArray[np.float64], height_m: float, light: Light) -> NDArray[np.float64]:
    """Return the convex shadow polygon (k, 2) of a prism over `outline` (k, 2), including its footprint."""
    both = np.concatenate([outline, outline + light.shadow_shift(height_m)]).astype(np.float32)
    hull: NDArray[np.float64] = cv2.convexHull(both)[:, 0].astype(np.float64)
    return hull


def to_subpixels(points: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    """Convert pixel coordinates (k, 2) to the fixed-point numbers of cv2.fillConvexPoly (SUBPIXEL_BITS)."""
    fixed: NDArray[np.int32] = np.rint(np.clip(points, -20000, 20000) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    return fixed
