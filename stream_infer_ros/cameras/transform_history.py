"""The transforms of one coordinate frame relative to its parent, over time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np

from stream_infer_ros.cameras.rigid_transform import RigidTransform


@dataclass(frozen=True, slots=True, eq=False)
class StampedTransform:
    """One geometry_msgs/TransformStamped.

    Attributes:
        stamp_ns: time at which it is valid, in nanoseconds; ignored for a static transform.
        parent, child: names of coordinate frames.
        transform: parent_from_child.
    """

    stamp_ns: int
    parent: str
    child: str
    transform: RigidTransform


class TransformHistory:
    """Samples of one child frame in the order of their stamps.

    Samples older than `cache_ns` before the newest one are removed. The parent may change from sample to
    sample.
    """

    def __init__(self, static: bool, cache_ns: int) -> None:
        self.static = static
        self._cache_ns = cache_ns
        self._stamps_ns: list[int] = []
        self._samples: list[StampedTransform] = []

    @property
    def oldest_ns(self) -> int:
        return self._stamps_ns[0]

    @property
    def newest_ns(self) -> int:
        return self._stamps_ns[-1]

    def insert(self, sample: StampedTransform) -> bool:
        """Insert a sample; samples may arrive in any order.

        A sample with the same stamp is replaced. Return False if the sample is too old to be kept.
        """
        if self.static:
            self._stamps_ns, self._samples = [sample.stamp_ns], [sample]
            return True
        stamps_ns = self._stamps_ns
        if stamps_ns and sample.stamp_ns < stamps_ns[-1] - self._cache_ns:
            return False
        at = bisect_left(stamps_ns, sample.stamp_ns)
        if at < len(stamps_ns) and stamps_ns[at] == sample.stamp_ns:
            self._samples[at] = sample
            return True
        stamps_ns.insert(at, sample.stamp_ns)
        self._samples.insert(at, sample)
        expired = bisect_left(stamps_ns, stamps_ns[-1] - self._cache_ns)
        if expired:
            del stamps_ns[:expired], self._samples[:expired]
        return True

    def parent_at(self, stamp_ns: int) -> str:
        """Return the parent in the last sample at or before the stamp, else in the oldest sample."""
        if self.static:
            return self._samples[0].parent
        return self._samples[max(0, bisect_right(self._stamps_ns, stamp_ns) - 1)].parent

    def covers(self, stamp_ns: int) -> bool:
        """True if `at` can return a transform without extrapolation."""
        return self.static or self._stamps_ns[0] <= stamp_ns <= self._stamps_ns[-1]

    def at(self, stamp_ns: int) -> RigidTransform:
        """Return parent_from_child at a covered stamp, interpolated between the two nearest samples.

        If the parent changes between these samples, the older sample is returned, as in tf2.
        """
        if self.static:
            return self._samples[0].transform
        right = bisect_left(self._stamps_ns, stamp_ns)
        newer = self._samples[right]
        if newer.stamp_ns == stamp_ns:
            return newer.transform
        older = self._samples[right - 1]
        if older.parent != newer.parent:
            return older.transform
        ratio = (stamp_ns - older.stamp_ns) / (newer.stamp_ns - older.stamp_ns)
        return _interpolate(older.transform, newer.transform, ratio)


def _interpolate(a: RigidTransform, b: RigidTransform, ratio: float) -> RigidTransform:
    """Interpolate from `a` (ratio 0) to `b` (ratio 1), rotations by slerp on the shorter arc.

    The formula is from Shoemake 1985, 'Animating rotation with quaternion curves'.
    """
    qa, qb = a.quaternion(), b.quaternion()
    cosine = float(qa @ qb)
    if cosine < 0:
        qb, cosine = -qb, -cosine
    if cosine > 1 - 1e-12:  # slerp would divide by almost zero; linear interpolation is exact enough
        q = (1 - ratio) * qa + ratio * qb
    else:
        arc = np.arccos(cosine)
        q = np.sin((1 - ratio) * arc) * qa + np.sin(ratio * arc) * qb
    return RigidTransform.from_quaternion((1 - ratio) * a.translation + ratio * b.translation, q)
