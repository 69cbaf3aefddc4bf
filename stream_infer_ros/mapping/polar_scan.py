"""Free space of one camera as a ring of ranges, as it is published."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class PolarScan:
    """Ranges from the origin of a frame, in its x-y plane, at even angles (sensor_msgs/LaserScan).

    Attributes:
        stamp_ns: stamp of the image it comes from, nanoseconds.
        frame_id: frame whose origin the ranges start from.
        angle_min_rad: bearing of the first range, about z, 0 along x, radians.
        angle_increment_rad: from one range to the next, counter-clockwise, radians.
        range_min_m, range_max_m: ranges outside are to be ignored by readers, metres.
        ranges_m: (N,) float32, metres; inf: free up to `range_max_m`, NaN: not known (REP-117).
    """

    stamp_ns: int
    frame_id: str
    angle_min_rad: float
    angle_increment_rad: float
    range_min_m: float
    range_max_m: float
    ranges_m: NDArray[np.float32]
