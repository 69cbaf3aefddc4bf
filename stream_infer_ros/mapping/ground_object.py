"""Objects on the ground in the map frame, as they are published."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GroundObject:
    """A detected object with its position on the ground.

    Attributes:
        class_name: name of its class, from the model.
        score: score of its best recent detection, 0..1.
        x_m, y_m: centre of the footprint in the map frame, in metres.
        yaw_rad: direction of the length axis in the map frame, in radians; 0 if unknown.
        length_m, width_m, height_m: size of the upright bounding box in metres, typical of the class.
        sigma_m: standard deviation of (x_m, y_m) in its worst direction, in metres.
    """

    class_name: str
    score: float
    x_m: float
    y_m: float
    yaw_rad: float
    length_m: float
    width_m: float
    height_m: float
    sigma_m: float
