"""Calibrated cameras: conversion between pixels of the published image and rays in the optical frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stream_infer_ros.cameras.distortion import Distortion, make_distortion
from stream_infer_ros.errors import CalibrationError

FloatArray = NDArray[np.float64]

# A shorter focal length is one in image widths, or a placeholder.
_SHORTEST_FOCAL_LENGTH_PX = 5.0


@dataclass(frozen=True, slots=True)
class Roi:
    """Region of the sensor that is read out (sensor_msgs/RegionOfInterest), in full-resolution pixels."""

    x_offset: int
    y_offset: int
    width: int
    height: int


class Assumption(NamedTuple):
    """Something that CameraInfo does not say, and that was assumed: why, and what to do about it."""

    cause: str
    remedy: str


@dataclass(frozen=True, eq=False)
class CameraModel:
    """The calibration of an image, with the fields of sensor_msgs/CameraInfo.

    Pixel centres have integer coordinates. The pixel (u, v) of the published image is this full-resolution
    pixel::

        (u * binning_x + roi.x_offset, v * binning_y + roi.y_offset)

    This is the convention of ROS's image_geometry, which adds no half pixel for binning. Rays belong to the
    raw image: the rectification in `r` and `p` is stored but not applied, and may have any value. For the
    model of a rectified image, see `rectified_model`.

    Attributes:
        width, height: full-resolution size that K was calibrated for, in pixels. Both are 0 if the driver
            does not fill them in; `image_fit.fitted` then takes the size of the images.
        distortion_model: 'plumb_bob', 'rational_polynomial', 'equidistant' or another name for one of them;
            '' or 'none' without distortion.
        d: distortion coefficients in the order of that model, float64.
        k: (3, 3) float64, full-resolution camera matrix in pixels, without skew.
        r: (3, 3) float64, rectification matrix; not used for raw images.
        p: (3, 4) float64, projection matrix of the rectified image; not used for raw images.
        binning_x, binning_y: number of sensor pixels per image pixel along each axis; 0 means 1, as in
            CameraInfo.
        roi: region that is read out; None or all zeros means the whole sensor.
        assumptions: what had to be assumed to make the model.

    Raises:
        CalibrationError: the values do not describe a camera, or the camera is not calibrated (K[0, 0] is
            zero).

    Example:
        >>> camera = CameraModel.pinhole(640, 480, focal_px=320.0)
        >>> camera.points_to_pixels([[1.0, 0.0, 2.0]]).tolist()
        [[479.5, 239.5]]
    """

    width: int
    height: int
    distortion_model: str
    d: FloatArray
    k: FloatArray
    r: FloatArray
    p: FloatArray
    binning_x: int = 1
    binning_y: int = 1
    roi: Roi | None = None
    assumptions: tuple[Assumption, ...] = ()
    _distortion: Distortion = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name, shape in (('d', (-1,)), ('k', (3, 3)), ('r', (3, 3)), ('p', (3, 4))):
            object.__setattr__(self, name, _array(name, getattr(self, name), shape))
        _check_finite(self.k)
        _check_size(self.width, self.height)
        _check_matrix(self.k)
        object.__setattr__(self, 'roi', _checked_roi(self.roi, self.width, self.height))
        for name in ('binning_x', 'binning_y'):
            if getattr(self, name) < 0:
                raise CalibrationError(f'expected a {name} of 0 or more, got {getattr(self, name)}')
            object.__setattr__(self, name, max(1, int(getattr(self, name))))
        object.__setattr__(self, '_distortion', make_distortion(self.distortion_model, self.d))

    @classmethod
    def pinhole(
        cls, width: int, height: int, focal_px: float, cu: float | None = None, cv: float | None = None
    ) -> CameraModel:
        """Return an ideal camera with square pixels. (cu, cv) defaults to the centre of the image."""
        cu = (width - 1) / 2 if cu is None else cu
        cv = (height - 1) / 2 if cv is None else cv
        k = np.array([[focal_px, 0.0, cu], [0.0, focal_px, cv], [0.0, 0.0, 1.0]])
        p = np.column_stack([k, np.zeros(3)])
        return cls(width, height, 'plumb_bob', np.zeros(5), k, np.eye(3), p)

    @property
    def image_width(self) -> int:
        """Width of the published image in pixels."""
        return (self.roi.width if self.roi else self.width) // self.binning_x

    @property
    def image_height(self) -> int:
        """Height of the published image in pixels."""
        return (self.roi.height if self.roi else self.height) // self.binning_y

    @property
    def sees_behind(self) -> bool:
        """True if points with z <= 0 can be visible, as for fisheyes with more than 180 degrees."""
        return self._distortion.sees_behind

    def pixels_to_rays(self, uv: ArrayLike) -> FloatArray:
        """Convert pixels (N, 2) of the published image to unit rays (N, 3) float64 in the optical frame.

        Rows are NaN for pixels that no ray reaches in the lens model.

        Example:
            >>> CameraModel.pinhole(641, 481, focal_px=320.0).pixels_to_rays([[320.0, 240.0]]).tolist()
            [[0.0, 0.0, 1.0]]
        """
        full = _rows(uv, 2) * (self.binning_x, self.binning_y) + self._offset()
        return self._distortion.unproject((full - self.k[:2, 2]) / self.k.diagonal()[:2])

    def points_to_pixels(self, points: ArrayLike) -> FloatArray:
        """Project points (N, 3) in metres in the optical frame to pixels (N, 2) of the published image.

        Rows are NaN for points outside the domain of the lens model, and for points behind the camera unless
        it `sees_behind`. Pixels outside the image are returned unchanged.
        """
        full = self._distortion.project(_rows(points, 3)) * self.k.diagonal()[:2] + self.k[:2, 2]
        pixels: FloatArray = (full - self._offset()) / (self.binning_x, self.binning_y)
        return pixels

    def _offset(self) -> tuple[int, int]:
        return (self.roi.x_offset, self.roi.y_offset) if self.roi else (0, 0)


def _rows(values: ArrayLike, width: int) -> FloatArray:
    rows = np.asarray(values, np.float64)
    if rows.ndim != 2 or rows.shape[1] != width:
        raise ValueError(f'expected an array of shape (N, {width}), got {rows.shape}')
    return rows


def _array(name: str, values: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    try:
        array = np.array(values, np.float64).reshape(shape)
    except (TypeError, ValueError) as error:
        raise CalibrationError(f'CameraInfo.{name}: expected numbers of shape {shape}: {error}') from error
    array.flags.writeable = False
    return array


def _check_finite(k: FloatArray) -> None:
    if not np.isfinite(k).all():
        raise CalibrationError(
            f'CameraInfo.k: expected finite values, got {k.tolist()}; recalibrate the camera'
        )


def _check_size(width: int, height: int) -> None:
    if (width <= 0 or height <= 0) and (width, height) != (0, 0):
        raise CalibrationError(
            f'CameraInfo: expected an image size above 0, got {width}x{height}; '
            'let the driver publish the image size of the calibration'
        )


def _check_matrix(k: FloatArray) -> None:
    if k[0, 0] == 0 or np.array_equal(k, np.eye(3)):
        raise CalibrationError(
            f'CameraInfo.k[0] is {k[0, 0]:g}: the camera is not calibrated; calibrate it (ros2 run '
            'camera_calibration cameracalibrator) and give the driver the file (camera_info_url)'
        )
    if k[0, 0] < 0 or k[1, 1] <= 0 or k[1, 0] != 0 or k[2].tolist() != [0.0, 0.0, 1.0]:
        raise CalibrationError(
            'CameraInfo.k: expected [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0, '
            f'got {k.tolist()}; recalibrate the camera'
        )
    if k[0, 0] < _SHORTEST_FOCAL_LENGTH_PX:
        raise CalibrationError(
            f'CameraInfo.k: expected a focal length in pixels, got fx = {k[0, 0]:g}; multiply K by the size '
            'of the image'
        )
    if abs(k[0, 1]) > 1e-6:
        raise CalibrationError(
            f'CameraInfo.k: expected no skew, got {k[0, 1]} px; ROS has no lens model with skew, '
            'so calibrate without it'
        )


def _checked_roi(roi: Roi | None, width: int, height: int) -> Roi | None:
    """Return the region, or None for the whole sensor, which CameraInfo encodes as all zeros."""
    if roi is None or roi == Roi(0, 0, 0, 0):
        return None
    inside = 0 <= roi.x_offset < roi.x_offset + roi.width <= width
    if not (inside and 0 <= roi.y_offset < roi.y_offset + roi.height <= height):
        raise CalibrationError(f'CameraInfo.roi: expected a region within {width}x{height} pixels, got {roi}')
    return roi
