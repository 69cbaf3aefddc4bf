"""The seam to the lens models of sensor_msgs/CameraInfo: rays to the normalised image plane and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.brown_conrady import BrownConrady
from stream_infer_ros.cameras.equidistant import Equidistant
from stream_infer_ros.errors import CalibrationError

FloatArray = NDArray[np.float64]


class Distortion(Protocol):
    """One lens. `xy` is the distorted normalised image: `u = fx * x + cx`, `v = fy * y + cy`."""

    @property
    def sees_behind(self) -> bool:
        """Whether points with z <= 0 can have an image: fisheyes of more than 180 degrees."""
        ...

    def project(self, points: FloatArray) -> FloatArray:
        """Points (N, 3) of the optical frame to xy (N, 2); NaN rows outside the model's domain."""
        ...

    def unproject(self, xy: FloatArray) -> FloatArray:
        """xy (N, 2) to unit rays (N, 3) of the optical frame; NaN rows where no ray arrives there."""
        ...


def _no_distortion(d: FloatArray) -> Distortion:
    if np.any(d):
        raise CalibrationError(
            f'CameraInfo has coefficients d={d.tolist()} but an empty distortion_model; '
            'let the driver name the model (plumb_bob, rational_polynomial or equidistant)'
        )
    return BrownConrady(d[:0])


# Names of sensor_msgs/distortion_models.hpp; drivers of rectified or simulated cameras often leave it empty.
DISTORTIONS: dict[str, Callable[[FloatArray], Distortion]] = {
    'plumb_bob': BrownConrady.plumb_bob,
    'rational_polynomial': BrownConrady.rational_polynomial,
    'equidistant': Equidistant,
    'none': _no_distortion,
    '': _no_distortion,
}


def make_distortion(model: str, d: FloatArray) -> Distortion:
    """The lens of that name. Raises CalibrationError if it is unknown or the coefficients do not fit it."""
    if model not in DISTORTIONS:
        known = ', '.join(sorted(filter(None, DISTORTIONS)))
        raise CalibrationError(
            f'distortion_model {model!r} is not supported, expected one of: {known}; '
            'recalibrate the camera with one of these, or publish a rectified image with an empty model'
        )
    return DISTORTIONS[model](d)
