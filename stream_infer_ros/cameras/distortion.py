"""The interface of lens models, and those that sensor_msgs/CameraInfo can name."""

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


def _no_distortion(d: FloatArray) -> Distortion:
    if np.any(d):
        raise CalibrationError(
            f'CameraInfo has coefficients d={d.tolist()}, but distortion_model is empty; '
            'let the driver publish the name of the model (plumb_bob, rational_polynomial or equidistant)'
        )
    return BrownConrady(d[:0])


# Names from sensor_msgs/distortion_models.hpp. Drivers of rectified or simulated cameras often leave the name
# empty.
DISTORTIONS: dict[str, Callable[[FloatArray], Distortion]] = {
    'plumb_bob': BrownConrady.plumb_bob,
    'rational_polynomial': BrownConrady.rational_polynomial,
    'equidistant': Equidistant,
    'none': _no_distortion,
    '': _no_distortion,
}


def make_distortion(model: str, d: FloatArray) -> Distortion:
    """Return the lens model of this name.

    Raises:
        CalibrationError: the name is unknown, or the coefficients do not fit the model.
    """
    if model not in DISTORTIONS:
        known = ', '.join(sorted(filter(None, DISTORTIONS)))
        raise CalibrationError(
            f'distortion_model {model!r} is not supported, expected one of: {known}; '
            'recalibrate the camera with one of them, or publish a rectified image with an empty model'
        )
    return DISTORTIONS[model](d)
