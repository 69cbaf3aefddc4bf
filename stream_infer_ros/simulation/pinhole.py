"""The one lens the renderer knows."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.errors import WorldError

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
        """The lens of a model.

        Raises:
            WorldError: the model has distortion, binning or a region of interest, which are not rendered.
        """
        if np.any(model.d) or model.binning_x != 1 or model.binning_y != 1 or model.roi is not None:
            raise WorldError(
                'a pinhole camera (no distortion, binning or region of interest) was expected, '
                f'{model.distortion_model!r} with d={model.d.tolist()} came; use CameraModel.pinhole'
            )
        k = model.k
        return cls(model.width, model.height, float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2]))

    def project(self, points: NDArray[_Float]) -> NDArray[_Float]:
        """Points (..., 3) of the optical frame, in front of it, to pixels (..., 2) of the same dtype."""
        uv = np.empty((*points.shape[:-1], 2), points.dtype)
        np.divide(points[..., :2], points[..., 2:], out=uv)
        uv *= np.array((self.fx, self.fy), points.dtype)
        uv += np.array((self.cx, self.cy), points.dtype)
        return uv


@lru_cache(maxsize=16)
def pixel_rays(lens: Pinhole) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A pixel's ray is (x, y, 1) in the optical frame: x of each column (width,), y of each row (height,)."""
    x = (np.arange(lens.width, dtype=np.float32) - np.float32(lens.cx)) / np.float32(lens.fx)
    y = (np.arange(lens.height, dtype=np.float32) - np.float32(lens.cy)) / np.float32(lens.fy)
    return x, y
