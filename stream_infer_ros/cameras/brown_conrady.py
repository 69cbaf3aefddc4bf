"""Pinhole lens with radial, tangential, thin-prism and tilt terms (plumb_bob, rational_polynomial)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.lens_polynomials import derivative, growing_until, horner

FloatArray = NDArray[np.float64]

_TABLE_SIZE = 1024
_FARTHEST_RADIUS = 100.0  # 89.4 degrees off the axis; no pinhole camera sees farther
_NEWTON_STEPS = 30  # 4 to 6 are enough except close to the end of the domain
_TOLERANCE = 1e-12  # in the normalised image; 1e-9 px at a focal length of 1000 px


class BrownConrady:
    """The pinhole lens model of OpenCV (OpenCV documentation, calib3d, `projectPoints`).

    A point (X, Y, Z) in the optical frame is projected to (x', y') in the normalised image plane. The radial
    term R depends on the squared radius s::

        x = X / Z,  y = Y / Z,  s = x^2 + y^2
        R  = (1 + k1 s + k2 s^2 + k3 s^3) / (1 + k4 s + k5 s^2 + k6 s^3)
        x' = x R + 2 p1 x y + p2 (s + 2 x^2) + s1 s + s2 s^2
        y' = y R + p1 (s + 2 y^2) + 2 p2 x y + s3 s + s4 s^2

    If the sensor is tilted, the homography of the tilt (tau_x, tau_y) follows.

    The domain of the model ends where the distorted radius r R, with r = sqrt(s), stops growing. Farther out,
    the polynomial would map several rays to the same pixel.

    Args:
        d: k1, k2, p1, p2 [, k3 [, k4, k5, k6 [, s1, s2, s3, s4 [, tau_x, tau_y]]]]. Missing coefficients are
            zero; tau_x and tau_y are in radians.

    Example:
        >>> lens = BrownConrady(np.array([-0.2, 0.05, 0.0, 0.0]))
        >>> lens.project(np.array([[1.0, 0.0, 2.0]])).round(4).tolist()
        [[0.4766, 0.0]]
    """

    def __init__(self, d: FloatArray) -> None:
        self._has_distortion = bool(np.any(d))
        k1, k2, self._p1, self._p2, k3, k4, k5, k6, *prism, tau_x, tau_y = (
            *map(float, d),
            *([0.0] * (14 - len(d))),
        )
        self._numerator, self._denominator = (1.0, k1, k2, k3), (1.0, k4, k5, k6)
        self._prism_x, self._prism_y = prism[:2], prism[2:]
        self._tilt = _tilt_homography(tau_x, tau_y)
        self._untilt: FloatArray = np.linalg.inv(self._tilt).astype(np.float64)
        with np.errstate(all='ignore'):  # at a pole of R
            r_max = growing_until(self._growth, _radii_up_to(_FARTHEST_RADIUS))
        self._s_max = r_max**2
        # Table for the first guess of Newton's method. It ends just before r_max, which may be a pole of R.
        self._radii = _radii_up_to(r_max * (1 - 1e-9))
        self._distorted_radii = self._radii * self._radial(self._radii**2)[0]

    @property
    def sees_behind(self) -> bool:
        return False

    def project(self, points: FloatArray) -> FloatArray:
        """Project points as `Distortion.project`. Rows are NaN behind the camera and outside the domain."""
        with np.errstate(all='ignore'):
            z = np.where(points[:, 2] > 0, points[:, 2], np.nan)
            ideal: FloatArray = points[:, :2] / z[:, None]
            if not self._has_distortion:
                return ideal
            bent, jacobian = self._bend(ideal)
            bent[~self._in_domain(ideal, jacobian)] = np.nan
            return _homography(self._tilt, bent)

    def unproject(self, xy: FloatArray) -> FloatArray:
        """Return rays as `Distortion.unproject`. Rows are NaN where no ray of the domain arrives."""
        with np.errstate(all='ignore'):
            ideal = self._unbend(_homography(self._untilt, xy)) if self._has_distortion else xy
            rays = np.column_stack([ideal, np.ones(len(ideal))])
            rays /= np.linalg.norm(rays, axis=1, keepdims=True)
            return np.where(np.isfinite(ideal).all(axis=1, keepdims=True), rays, np.nan)

    def _radial(self, s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the radial term R and its derivative dR/ds, both (N,), for squared radii s (N,)."""
        denominator = horner(self._denominator, s)
        radial = horner(self._numerator, s) / denominator
        slope = horner(derivative(self._numerator), s) - radial * horner(derivative(self._denominator), s)
        return radial, slope / denominator

    def _growth(self, r: FloatArray) -> FloatArray:
        """Return min(d(r R)/dr, denominator of R) for radii r (N,). Both are positive inside the domain."""
        s = r * r
        radial, radial_ds = self._radial(s)
        return np.minimum(radial + 2 * s * radial_ds, horner(self._denominator, s))

    def _in_domain(self, ideal: FloatArray, jacobian: FloatArray) -> NDArray[np.bool_]:
        s = ideal[:, 0] ** 2 + ideal[:, 1] ** 2
        inside: NDArray[np.bool_] = (s < self._s_max) & (_determinant(jacobian) > 0)
        return inside

    def _bend(self, ideal: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return x', y' without the tilt, (N, 2), and their Jacobian by x and y, (N, 2, 2)."""
        x, y = ideal[:, 0], ideal[:, 1]
        s = x * x + y * y
        radial, radial_ds = self._radial(s)
        p1, p2, (s1, s2), (s3, s4) = self._p1, self._p2, self._prism_x, self._prism_y
        bent = np.empty_like(ideal)
        bent[:, 0] = x * radial + 2 * p1 * x * y + p2 * (s + 2 * x * x) + s * (s1 + s2 * s)
        bent[:, 1] = y * radial + p1 * (s + 2 * y * y) + 2 * p2 * x * y + s * (s3 + s4 * s)
        prism_x_ds, prism_y_ds = s1 + 2 * s2 * s, s3 + 2 * s4 * s
        jacobian = np.empty((len(ideal), 2, 2))
        cross = 2 * x * y * radial_ds + 2 * p1 * x + 2 * p2 * y
        jacobian[:, 0, 0] = radial + 2 * x * x * radial_ds + 2 * p1 * y + 6 * p2 * x + 2 * x * prism_x_ds
        jacobian[:, 0, 1] = cross + 2 * y * prism_x_ds
        jacobian[:, 1, 0] = cross + 2 * x * prism_y_ds
        jacobian[:, 1, 1] = radial + 2 * y * y * radial_ds + 6 * p1 * y + 2 * p2 * x + 2 * y * prism_y_ds
        return bent, jacobian

    def _unbend(self, bent: FloatArray) -> FloatArray:
        """Invert `_bend` with Newton's method; rows are NaN where there is no solution.

        The first guess inverts the radial term only. OpenCV's `undistortPoints` uses a fixed-point iteration
        instead. For strong lenses its error exceeds 1e-6 px, and outside the domain it returns wrong values.
        """
        radius = np.linalg.norm(bent, axis=1)
        guess = np.interp(radius, self._distorted_radii, self._radii)
        ideal = bent * np.where(radius > 0, guess / radius, 1.0)[:, None]
        tolerance = _TOLERANCE * (1 + radius)
        for _ in range(_NEWTON_STEPS):
            result, jacobian = self._bend(ideal)
            residual = bent - result
            if not np.any(np.abs(residual) > tolerance[:, None] / 10):
                break
            ideal = ideal + _solve(jacobian, residual)
        else:
            result, jacobian = self._bend(ideal)
        found = (np.abs(bent - result).max(axis=1) < tolerance) & self._in_domain(ideal, jacobian)
        return np.where(found[:, None], ideal, np.nan)


def _radii_up_to(radius: float) -> FloatArray:
    """Return radii from zero to `radius`, (_TABLE_SIZE,), spaced evenly in the angle from the axis."""
    return np.tan(np.linspace(0.0, np.arctan(radius), _TABLE_SIZE)).astype(np.float64)


def _tilt_homography(tau_x: float, tau_y: float) -> FloatArray:
    """Return the homography (3, 3) of a tilted sensor (OpenCV documentation, calib3d, Scheimpflug tilt)."""
    (cx, cy), (sx, sy) = np.cos([tau_x, tau_y]), np.sin([tau_x, tau_y])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cx, sx], [0.0, -sx, cx]])
    about_y = np.array([[cy, 0.0, -sy], [0.0, 1.0, 0.0], [sy, 0.0, cy]])
    rotation = about_y @ about_x
    onto_plane = np.array(
        [[rotation[2, 2], 0.0, -rotation[0, 2]], [0.0, rotation[2, 2], -rotation[1, 2]], [0.0, 0.0, 1.0]]
    )
    tilt: FloatArray = onto_plane @ rotation
    return tilt


def _homography(matrix: FloatArray, xy: FloatArray) -> FloatArray:
    moved = xy @ matrix[:, :2].T + matrix[:, 2]
    result: FloatArray = moved[:, :2] / np.where(moved[:, 2:] > 0, moved[:, 2:], np.nan)
    return result


def _determinant(m: FloatArray) -> FloatArray:
    result: FloatArray = m[:, 0, 0] * m[:, 1, 1] - m[:, 0, 1] * m[:, 1, 0]
    return result


def _solve(m: FloatArray, rhs: FloatArray) -> FloatArray:
    """Solve m x = rhs for (N, 2, 2) and (N, 2) by Cramer's rule. A singular row gives inf or NaN."""
    x = rhs[:, 0] * m[:, 1, 1] - rhs[:, 1] * m[:, 0, 1]
    y = rhs[:, 1] * m[:, 0, 0] - rhs[:, 0] * m[:, 1, 0]
    solution: FloatArray = np.column_stack([x, y]) / _determinant(m)[:, None]
    return solution
