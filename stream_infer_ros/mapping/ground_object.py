"""An object that stands on the ground, in the map frame."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GroundObject:
    """A detected object with its place on the ground.

    Attributes:
        class_name: name of its class, as the model gives it.
        score: 0..1, of its best recent detection.
        x_m, y_m: centre of the footprint in the map frame, metres.
        yaw_rad: heading of `length_m` in the map frame, radians; 0 where unknown.
        length_m, width_m, height_m: extent of the upright box, metres (typical of the class).
        sigma_m: one standard deviation of (x, y) in its worst direction, metres.
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
