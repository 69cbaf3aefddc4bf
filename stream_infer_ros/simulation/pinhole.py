"""The pinhole lens of the renderer, and the plane in front of it where polygons are cut."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.errors import WorldError

# Distance of the near plane from the lens, metres.
NEAR_M = 0.08

_Float = TypeVar('_Float', np.float32, np.float64)


class Pinhole(NamedTuple):
    """A lens without distortion: u = fx x / z + cx, v = fy y / z + cy, pixel centres at whole numbers."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    @classmethod
    def of(cls, model: CameraModel) -> Pinhole:
        """Return the lens of a model.

        Raises:
            WorldError: the model has distortion, binning or a region of interest, which are not rendered.
        """
        if np.any(model.d) or model.binning_x != 1 or model.binning_y != 1 or model.roi is not None:
            raise WorldError(
                'expected a pinhole camera (no distortion, binning or region of interest), got '
                f'{model.distortion_model!r} with d={model.d.tolist()}; use CameraModel.pinhole'
            )
        k = model.k
        return cls(model.width, model.height, float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2]))

    def project(self, points: NDArray[_Float]) -> NDArray[_Float]:
        """Project points (..., 3) in front of the camera, optical frame, to pixels (..., 2), same dtype."""
        uv = np.empty((*points.shape[:-1], 2), points.dtype)
        np.divide(points[..., :2], points[..., 2:], out=uv)
        uv *= np.array((self.fx, self.fy), points.dtype)
        uv += np.array((self.cx, self.cy), points.dtype)
        return uv


@lru_cache(maxsize=16)
def pixel_rays(lens: Pinhole) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the rays (x, y, 1) of all pixels, optical frame: x by column (width,), y by row (height,)."""
    x = (np.arange(lens.width, dtype=np.float32) - np.float32(lens.cx)) / np.float32(lens.fx)
    y = (np.arange(lens.height, dtype=np.float32) - np.float32(lens.cy)) / np.float32(lens.fy)
    return x, y


def clip_near(corners: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the part of a polygon (k, 3) in the optical frame with z >= NEAR_M: (m, 3), empty if none is."""
    kept = []
    for a, b in zip(corners, np.roll(corners, -1, 0), strict=True):
        if a[2] >= NEAR_M:
            kept.append(a)
        if (a[2] >= NEAR_M) != (b[2] >= NEAR_M):
            kept.append(a + (NEAR_M - a[2]) / (b[2] - a[2]) * (b - a))
    return np.array(kept, np.float64).reshape(-1, 3)
