"""A calibrated camera: pixels of the published image to rays of its optical frame, and back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stream_infer_ros.cameras.distortion import Distortion, make_distortion
from stream_infer_ros.errors import CalibrationError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Roi:
    """The part of the sensor that is read out (sensor_msgs/RegionOfInterest), full-resolution pixels."""

    x_offset: int
    y_offset: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class CameraModel:
    """What sensor_msgs/CameraInfo says about a camera's raw image.

    Pixel centres lie at whole numbers. A pixel (u, v) of the published image is the full-resolution pixel
    `(u * binning_x + roi.x_offset, v * binning_y + roi.y_offset)`: the convention of ROS's image_geometry,
    which adds no half pixel for binning. Rays are those of the raw camera: `r` and `p` (rectification) are
    carried, not applied.

    Attributes:
        width, height: full-resolution size K was calibrated for, pixels.
        distortion_model: plumb_bob, rational_polynomial, equidistant; '' or 'none' without distortion.
        d: coefficients in the order of that model, float64.
        k: (3, 3) float64, full-resolution camera matrix, pixels, without skew.
        r: (3, 3) float64, rectification; unused for raw images.
        p: (3, 4) float64, projection of the rectified image; unused for raw images.
        binning_x, binning_y: pixels joined into one; 0 means 1, as in CameraInfo.
        roi: part that is read out; None, or all zeros, means the whole sensor.

    Raises:
        CalibrationError: the values describe no camera, or an uncalibrated one (K[0, 0] is zero).

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
    _distortion: Distortion = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name, shape in (('d', (-1,)), ('k', (3, 3)), ('r', (3, 3)), ('p', (3, 4))):
            object.__setattr__(self, name, _array(name, getattr(self, name), shape))
        _check_size(self.width, self.height)
        _check_matrix(self.k)
        object.__setattr__(self, 'roi', _checked_roi(self.roi, self.width, self.height))
        for name in ('binning_x', 'binning_y'):
            if getattr(self, name) < 0:
                raise CalibrationError(f'{name} of 0 or more was expected, {getattr(self, name)} came')
            object.__setattr__(self, name, max(1, int(getattr(self, name))))
        object.__setattr__(self, '_distortion', make_distortion(self.distortion_model, self.d))

    @classmethod
    def pinhole(
        cls, width: int, height: int, focal_px: float, cu: float | None = None, cv: float | None = None
    ) -> CameraModel:
        """An ideal camera with square pixels; its centre defaults to the middle of the image."""
        cu = (width - 1) / 2 if cu is None else cu
        cv = (height - 1) / 2 if cv is None else cv
        k = np.array([[focal_px, 0.0, cu], [0.0, focal_px, cv], [0.0, 0.0, 1.0]])
        p = np.column_stack([k, np.zeros(3)])
        return cls(width, height, 'plumb_bob', np.zeros(5), k, np.eye(3), p)

    @property
    def image_width(self) -> int:
        """Width of the published image, pixels."""
        return (self.roi.width if self.roi else self.width) // self.binning_x

    @property
    def image_height(self) -> int:
        """Height of the published image, pixels."""
        return (self.roi.height if self.roi else self.height) // self.binning_y

    @property
    def sees_behind(self) -> bool:
        """Whether it can see what lies behind its image plane (z <= 0): fisheyes beyond 180 degrees."""
        return self._distortion.sees_behind

    def pixels_to_rays(self, uv: ArrayLike) -> FloatArray:
        """Pixels (N, 2) of the published image to unit rays (N, 3) float64 of the optical frame.

        Rows are NaN where the lens model has no ray for a pixel.
        """
        full = _rows(uv, 2) * (self.binning_x, self.binning_y) + self._offset()
        return self._distortion.unproject((full - self.k[:2, 2]) / self.k.diagonal()[:2])

    def points_to_pixels(self, points: ArrayLike) -> FloatArray:
        """Points (N, 3) of the optical frame, metres, to pixels (N, 2) float64 of the published image.

        Rows are NaN outside the lens model's domain, and behind the camera unless it `sees_behind`. Pixels
        beyond the image's edge are returned as they are.
        """
        full = self._distortion.project(_rows(points, 3)) * self.k.diagonal()[:2] + self.k[:2, 2]
        pixels: FloatArray = (full - self._offset()) / (self.binning_x, self.binning_y)
        return pixels

    def _offset(self) -> tuple[int, int]:
        return (self.roi.x_offset, self.roi.y_offset) if self.roi else (0, 0)


def _rows(values: ArrayLike, width: int) -> FloatArray:
    rows = np.asarray(values, np.float64)
    if rows.ndim != 2 or rows.shape[1] != width:
        raise ValueError(f'an array of shape (N, {width}) was expected, {rows.shape} came')
    return rows


def _array(name: str, values: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    try:
        array = np.array(values, np.float64).reshape(shape)
    except (TypeError, ValueError) as error:
        raise CalibrationError(
            f'CameraInfo.{name}: numbers of shape {shape} were expected: {error}'
        ) from error
    if not np.isfinite(array).all():
        raise CalibrationError(
            f'CameraInfo.{name} has a value that is not finite: {array.tolist()}; recalibrate'
        )
    array.flags.writeable = False
    return array


def _check_size(width: int, height: int) -> None:
    if width <= 0 or height <= 0:
        raise CalibrationError(
            f'CameraInfo says the image is {width}x{height}; '
            'let the driver publish the size its calibration was made for'
        )


def _check_matrix(k: FloatArray) -> None:
    if k[0, 0] == 0:
        raise CalibrationError(
            'CameraInfo.k[0] is 0: the camera is not calibrated; calibrate it (ros2 run camera_calibration '
            'cameracalibrator) and give the driver the file (camera_info_url)'
        )
    if k[0, 0] < 0 or k[1, 1] <= 0 or k[1, 0] != 0 or k[2].tolist() != [0.0, 0.0, 1.0]:
        raise CalibrationError(
            f'CameraInfo.k: [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0 was expected, '
            f'{k.tolist()} came; recalibrate'
        )
    if abs(k[0, 1]) > 1e-6:
        raise CalibrationError(
            f'CameraInfo.k has a skew of {k[0, 1]} px, which no ROS lens model knows; calibrate without skew'
        )


def _checked_roi(roi: Roi | None, width: int, height: int) -> Roi | None:
    """CameraInfo's rule: a region of nothing but zeros stands for the whole sensor."""
    if roi is None or roi == Roi(0, 0, 0, 0):
        return None
    inside = 0 <= roi.x_offset < roi.x_offset + roi.width <= width
    if not (inside and 0 <= roi.y_offset < roi.y_offset + roi.height <= height):
        raise CalibrationError(f'CameraInfo.roi {roi} does not lie within {width}x{height} pixels')
    return roi
