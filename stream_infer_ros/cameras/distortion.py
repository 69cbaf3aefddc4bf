"""The interface of lens models, and those that sensor_msgs/CameraInfo can name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.brown_conrady import BrownConrady
from stream_infer_ros.cameras.equidistant import Equidistant
from stream_infer_ros.errors import CalibrationError

FloatArray = NDArray[np.float64]


class Distortion(Protocol):
    """A lens model: conversion between points in the optical frame and the distorted normalised image plane.

    Coordinates (x, y) in that plane become pixels by the camera matrix: `u = fx * x + cx`, `v = fy * y + cy`.
    """

    @property
    def sees_behind(self) -> bool:
        """True if points with z <= 0 can be visible, as for fisheyes with more than 180 degrees."""
        ...

    def project(self, points: FloatArray) -> FloatArray:
        """Project points (N, 3) in the optical frame to (x, y), (N, 2); NaN outside the domain."""
        ...

    def unproject(self, xy: FloatArray) -> FloatArray:
        """Convert (x, y), (N, 2), to unit rays (N, 3) in the optical frame; NaN if no ray arrives."""
        ...


@dataclass(frozen=True, slots=True)
class _LensModel:
    """One lens model of CameraInfo.

    Attributes:
        make: the lens for its coefficients.
        lengths: the numbers of coefficients that OpenCV accepts.
        documented: the number of coefficients that sensor_msgs/distortion_models.hpp documents. Those beyond
            may be NaN, if a driver does not set them.
    """

    make: Callable[[FloatArray], Distortion]
    lengths: tuple[int, ...]
    documented: int


# OpenCV and image_geometry tell plumb_bob and rational_polynomial apart only by the number of coefficients.
_PINHOLE_LENGTHS = (4, 5, 8, 12, 14)
_PLUMB_BOB = _LensModel(BrownConrady, _PINHOLE_LENGTHS, 5)
_RATIONAL = _LensModel(BrownConrady, _PINHOLE_LENGTHS, 8)
_EQUIDISTANT = _LensModel(Equidistant, (4,), 4)
# Drivers of rectified or simulated cameras often leave the name empty.
_NONE = _LensModel(BrownConrady, (), 0)

# By name in lower case, with underscores for spaces and hyphens. The first names are those of ROS
# (sensor_msgs/distortion_models.hpp), the others those of OpenCV, Kalibr and RealSense for the same models.
_MODELS: dict[str, _LensModel] = {
    'plumb_bob': _PLUMB_BOB,
    'rational_polynomial': _RATIONAL,
    'equidistant': _EQUIDISTANT,
    'none': _NONE,
    '': _NONE,
    **dict.fromkeys(('plumbbob', 'radtan', 'radial_tangential', 'brown_conrady'), _PLUMB_BOB),
    'rational': _RATIONAL,
    **dict.fromkeys(('fisheye', 'opencv_fisheye', 'equi'), _EQUIDISTANT),
    **dict.fromkeys(('kannala_brandt', 'kannala_brandt4'), _EQUIDISTANT),
    **dict.fromkeys(('no_distortion', 'undistorted', 'rectified', 'pinhole', 'perspective'), _NONE),
    # RealSense cameras name these models even if the image has no distortion.
    **dict.fromkeys(('inverse_brown_conrady', 'modified_brown_conrady'), _NONE),
}


def make_distortion(name: str, d: FloatArray) -> Distortion:
    """Return the lens model of this name.

    Zeros at the end of the coefficients are equivalent to missing coefficients, so that any number of
    coefficients is accepted if the others fit the model.

    Raises:
        CalibrationError: the name is unknown, or the coefficients do not fit the model.
    """
    model = _MODELS.get(re.sub(r'[^a-z0-9]+', '_', name.lower()).strip('_'))
    if model is None:
        raise CalibrationError(
            f'distortion_model {name!r} is not supported, expected one of: equidistant, none, plumb_bob, '
            'rational_polynomial; '
            'recalibrate the camera with one of them, or publish a rectified image with an empty model'
        )
    used = d.copy()
    used[model.documented :][np.isnan(used[model.documented :])] = 0.0
    if not np.isfinite(used).all():
        raise CalibrationError(
            f'CameraInfo.d: expected finite values, got {d.tolist()}; recalibrate the camera'
        )
    if not used.any():
        return model.make(used[:0])
    if model is _NONE:
        raise CalibrationError(
            f'CameraInfo has coefficients d={d.tolist()}, but distortion_model is {name or "empty"}; '
            'let the driver publish the name of the model (plumb_bob, rational_polynomial or equidistant)'
        )
    needed = int(np.flatnonzero(used)[-1]) + 1
    for length in model.lengths:
        if needed <= length <= len(used):
            return model.make(used[:length])
    *first, last = map(str, model.lengths)
    numbers = f'{", ".join(first)} or {last}' if first else last
    raise CalibrationError(
        f'expected {numbers} coefficients for {name}, got {len(d)}: d={d.tolist()}; '
        'correct the calibration file of this camera'
    )
