"""Fisheye lens (equidistant), also known as the Kannala-Brandt model with four coefficients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.lens_polynomials import growing_until, horner

FloatArray = NDArray[np.float64]

_TABLE_SIZE = 1024
_NEWTON_STEPS = 30
_TOLERANCE = 1e-13  # radians


class Equidistant:
    """The fisheye lens model of OpenCV (OpenCV documentation, `cv::fisheye`).

    A point (X, Y, Z) in the optical frame, at the angle theta from the optical axis, is projected to (x', y')
    in the normalised image plane::

        theta   = atan2(sqrt(X^2 + Y^2), Z)
        theta_d = theta (1 + k1 theta^2 + k2 theta^4 + k3 theta^6 + k4 theta^8)
        (x', y') = theta_d / sqrt(X^2 + Y^2) * (X, Y)

    OpenCV's functions divide by Z and are limited to 90 degrees from the axis. This class is not: its domain
    ends where theta_d stops growing, or at 180 degrees.

    Args:
        d: k1, k2, k3, k4. Missing coefficients are zero.

    Example:
        >>> lens = Equidistant(np.zeros(4))
        >>> lens.project(np.array([[1.0, 0.0, 0.0]])).round(6).tolist()  # 90 degrees from the axis
        [[1.570796, 0.0]]
    """

    def __init__(self, d: FloatArray) -> None:
        series = [1.0, *map(float, d)]  # coefficients of theta_d / theta in powers of theta^2
        self._series = series
        self._slope_series = [(2 * power + 1) * coefficient for power, coefficient in enumerate(series)]
        self._theta_max = growing_until(self._slope, np.linspace(0.0, np.pi, _TABLE_SIZE, dtype=np.float64))
        self._thetas: FloatArray = np.linspace(0.0, self._theta_max, _TABLE_SIZE, dtype=np.float64)
        self._table = self._theta_d(self._thetas)

    @property
    def sees_behind(self) -> bool:
        return bool(self._theta_max > np.pi / 2)

    def project(self, points: FloatArray) -> FloatArray:
        """Project points as `Distortion.project`. Rows are NaN outside the domain."""
        with np.errstate(all='ignore'):
            sideways = np.hypot(points[:, 0], points[:, 1])
            theta = np.arctan2(sideways, points[:, 2])
            exists = (theta < self._theta_max) & (sideways + np.abs(points[:, 2]) > 0)
            # On the axis, X and Y are zero, so that any finite scale is correct.
            scale = np.where(sideways > 0, self._theta_d(theta) / sideways, 0.0)
            return np.where(exists[:, None], points[:, :2] * scale[:, None], np.nan)

    def unproject(self, xy: FloatArray) -> FloatArray:
        """Return rays as `Distortion.unproject`. Rows are NaN outside the domain."""
        with np.errstate(all='ignore'):
            radius = np.hypot(xy[:, 0], xy[:, 1])
            theta = self._solve(radius)
            ratio = np.where(radius > 0, np.sin(theta) / radius, 0.0)
            rays = np.column_stack([xy * ratio[:, None], np.cos(theta)])
            return np.where(np.isfinite(theta)[:, None], rays, np.nan)

    def _theta_d(self, theta: FloatArray) -> FloatArray:
        return theta * horner(self._series, theta * theta)

    def _slope(self, theta: FloatArray) -> FloatArray:
        """Return the derivative of theta_d by theta, (N,)."""
        return horner(self._slope_series, theta * theta)

    def _solve(self, theta_d: FloatArray) -> FloatArray:
        """Return theta (N,) for theta_d (N,).

        Newton's method finds the only root, as theta_d is monotonic.
        """
        reachable = theta_d < self._table[-1]
        theta = np.interp(theta_d, self._table, self._thetas)
        for _ in range(_NEWTON_STEPS):
            step = (theta_d - self._theta_d(theta)) / self._slope(theta)
            theta = np.clip(theta + step, 0.0, self._theta_max)
            if not np.fmax.reduce(np.abs(step[reachable]), initial=0.0) > _TOLERANCE:
                break
        residual = np.abs(theta_d - self._theta_d(theta))
        return np.where(reachable & (residual < 1e-12), theta, np.nan)
