"""Typical sizes of object classes on the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassSize:
    """Typical size of the objects of a class.

    Attributes:
        length_m, width_m, height_m: size of the upright bounding box, in metres.
        solid_m: depth in metres that the object extends at least behind its visible side, seen from any side.
        mobile: True if objects of this class can move on their own.
        parks: True for mobile objects that often stand still for a long time, such as cars. The map remembers
            them when they are out of sight.
    """

    length_m: float
    width_m: float
    height_m: float
    solid_m: float = 0.15
    mobile: bool = False
    parks: bool = False

    @property
    def reach_m(self) -> float:
        """Distance from the centre of the footprint to its corners, in metres."""
        return 0.5 * math.hypot(self.length_m, self.width_m)

    @property
    def core_m(self) -> float:
        """Radius of a disc around the centre that lies inside the footprint, in metres."""
        return 0.35 * min(self.length_m, self.width_m)


# The four classes of the surround model, then the classes of COCO that stand on the ground.
CLASS_SIZES = {
    'pedestrian': ClassSize(0.5, 0.6, 1.7, mobile=True),
    'car': ClassSize(4.2, 1.8, 1.6, solid_m=1.4, mobile=True, parks=True),
    'cone': ClassSize(0.3, 0.3, 0.6),
    'box': ClassSize(0.8, 0.8, 0.9),
    'person': ClassSize(0.5, 0.6, 1.7, mobile=True),
    'bicycle': ClassSize(1.7, 0.6, 1.1, mobile=True, parks=True),
    'motorcycle': ClassSize(2.0, 0.8, 1.3, mobile=True, parks=True),
    'bus': ClassSize(11.0, 2.5, 3.0, solid_m=2.0, mobile=True, parks=True),
    'truck': ClassSize(7.0, 2.3, 2.8, solid_m=1.8, mobile=True, parks=True),
    'cat': ClassSize(0.4, 0.2, 0.3, mobile=True),
    'dog': ClassSize(0.8, 0.3, 0.6, mobile=True),
    'chair': ClassSize(0.5, 0.5, 0.9),
    'bench': ClassSize(1.5, 0.5, 0.9),
    'fire hydrant': ClassSize(0.3, 0.3, 0.8),
    'potted plant': ClassSize(0.4, 0.4, 0.7),
}


def size_of(class_name: str, seen_width_m: float, seen_height_m: float) -> ClassSize:
    """Return the typical size of a class.

    For an unknown class, assume a square footprint of the visible width.
    """
    known = CLASS_SIZES.get(class_name)
    return known or ClassSize(seen_width_m, seen_width_m, seen_height_m)
