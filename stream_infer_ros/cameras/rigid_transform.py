"""Rigid transforms, named `target_from_source` so that they chain: `map_from_base @ base_from_camera`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class RigidTransform:
    """A rotation and a translation. For `a_from_b`, `p_in_a = rotation @ p_in_b + translation`.

    Attributes:
        rotation: (3, 3) float64, orthonormal, right-handed.
        translation: (3,) float64, in metres.

    Example:
        >>> a_from_b = RigidTransform.from_xyz_rpy((1.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        >>> a_from_b.apply([[0.0, 2.0, 0.0]]).tolist()
        [[1.0, 2.0, 0.0]]
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    @classmethod
    def identity(cls) -> RigidTransform:
        """Return the transform that moves nothing."""
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def from_xyz_rpy(cls, xyz: ArrayLike, rpy: ArrayLike) -> RigidTransform:
        """Return the transform for xyz in metres and roll, pitch, yaw in radians.

        The rotation is Rz(yaw) Ry(pitch) Rx(roll), as in URDF.
        """
        roll, pitch, yaw = np.asarray(rpy, np.float64)
        (cr, cp, cy), (sr, sp, sy) = np.cos([roll, pitch, yaw]), np.sin([roll, pitch, yaw])
        rotation = np.array(
            [
                [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
                [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
                [-sp, cp * sr, cp * cr],
            ]
        )
        return cls(rotation, np.asarray(xyz, np.float64).copy())

    @classmethod
    def from_quaternion(cls, translation: ArrayLike, xyzw: ArrayLike) -> RigidTransform:
        """Return the transform for a translation and a quaternion (x, y, z, w), which is normalised first.

        Raises:
            ValueError: the quaternion is zero.
        """
        q = np.asarray(xyzw, np.float64).tolist()
        norm = math.hypot(*q)  # does not overflow
        if not norm > 1e-9:
            raise ValueError(f'expected a quaternion of length 1, got {q}')
        x, y, z, w = (component / norm for component in q)
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )
        return cls(rotation, np.asarray(translation, np.float64).copy())

    def quaternion(self) -> NDArray[np.float64]:
        """Return the rotation as a quaternion (x, y, z, w), (4,) float64 with w >= 0.

        The method of Shepperd 1978 divides by the largest component.
        """
        m = self.rotation
        trace = float(np.trace(m))
        candidates = np.array([m[0, 0], m[1, 1], m[2, 2], trace])
        k = int(candidates.argmax())
        q = np.empty(4)
        if k == 3:
            q[:] = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], 1 + trace
        else:
            i, j, n = k, (k + 1) % 3, (k + 2) % 3
            q[i] = 1 - trace + 2 * m[i, i]
            q[j] = m[j, i] + m[i, j]
            q[n] = m[n, i] + m[i, n]
            q[3] = m[n, j] - m[j, n]
        q /= np.linalg.norm(q)
        return -q if q[3] < 0 else q

    def apply(self, points: ArrayLike) -> NDArray[np.float64]:
        """Move points (..., 3) in metres from the source frame to the target frame."""
        moved: NDArray[np.float64] = np.asarray(points, np.float64) @ self.rotation.T + self.translation
        return moved

    def inverse(self) -> RigidTransform:
        """Return `b_from_a` for `a_from_b`."""
        return RigidTransform(self.rotation.T, -self.rotation.T @ self.translation)

    def __matmul__(self, other: RigidTransform) -> RigidTransform:
        return RigidTransform(self.rotation @ other.rotation, self.apply(other.translation))


def same_pose(one: RigidTransform, other: RigidTransform) -> bool:
    """True if two transforms are equal up to the rounding errors of a transform that was sent over /tf."""
    if one is other:
        return True
    # 0.01 mrad and 0.01 mm
    turned = np.abs(one.rotation - other.rotation).max() < 1e-5
    return bool(turned and np.abs(one.translation - other.translation).max() < 1e-5)
