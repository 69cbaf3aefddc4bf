"""The objects of the yard: random pedestrians, cars, cones, boxes, and pieces of wall."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.simulation.shapes import Part, frustum, ring, wheel
from stream_infer_ros.simulation.textures import BRICK, PANELS, PLAIN, STRIPES, WOOD

CLASS_NAMES = ('pedestrian', 'car', 'cone', 'box')
PEDESTRIAN, CAR, CONE, BOX = range(4)
WALL = -1
"""Walls occupy ground but are not a class of the detector."""

_SKIN = ((224, 172, 130), (160, 110, 80), (90, 60, 40), (240, 200, 170))
_CONE_ORANGE = ((255, 90, 20), (250, 120, 10), (230, 60, 30))


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """An object in its own frame: x forward, ground at z = 0.

    Attributes:
        class_id: index into CLASS_NAMES, or WALL.
        parts: the frusta it is drawn from.
        footprint: (k, 2) float64 convex outline on the ground, counter-clockwise, metres.
        height_m: top above the ground.
        radius_m: of the circle about the origin that holds the footprint.
    """

    class_id: int
    parts: tuple[Part, ...]
    footprint: NDArray[np.float64]
    height_m: float
    radius_m: float = field(init=False)

    def __post_init__(self) -> None:
        reach = np.hypot(self.footprint[:, 0], self.footprint[:, 1])
        object.__setattr__(self, 'radius_m', float(reach.max()))


def random_colour(rng: np.random.Generator, saturation: float = 0.8) -> NDArray[np.float64]:
    """Return a random RGB colour (3,) 0..255: any hue, limited saturation, not too dark."""
    hue, chroma, value = rng.random(), saturation * rng.random(), rng.uniform(0.2, 0.96)
    return np.array(colorsys.hsv_to_rgb(hue, chroma, value)) * 255.0


def pick(rng: np.random.Generator, colours: tuple[tuple[int, int, int], ...]) -> NDArray[np.float64]:
    """Return a random one of `colours` as float64 (3,)."""
    return np.array(colours[int(rng.integers(len(colours)))], np.float64)


def make_pedestrian(rng: np.random.Generator) -> Body:
    """Return a pedestrian, 1.5 to 1.9 m tall, whose legs and arms swing while walking."""
    height = rng.uniform(1.5, 1.9)
    k, girth = height / 1.75, rng.uniform(0.85, 1.15)
    shirt, trousers, skin = random_colour(rng, 0.9), random_colour(rng, 0.6), pick(rng, _SKIN)
    parts = []
    for side in (1, -1):
        leg = frustum(8, (0, 0.85 * k), (0.15, 0.15), (1.1, 1.1), (0, side * 0.1 * girth))
        arm = frustum(8, (0.78 * k, 1.4 * k), (0.11, 0.11), (1.1, 1.1), (0, side * 0.29 * girth))
        parts.append(Part(leg, trousers, swing=side))
        parts.append(Part(arm, shirt * 0.95, closed_below=True, swing=-side))
    torso = frustum(8, (0.8 * k, 1.45 * k), (0.26, 0.42 * girth), (1.0, 1.1))
    parts.append(Part(torso, shirt, STRIPES, closed_below=True))
    head = frustum(8, (1.48 * k, 1.75 * k), (0.18, 0.17), (0.8, 0.8))
    parts.append(Part(head, skin, closed_below=True))
    if rng.random() < 0.3:
        backpack = frustum(4, (0.95 * k, 1.4 * k), (0.16, 0.3), centre=(-0.2, 0))
        parts.append(Part(backpack, random_colour(rng), closed_below=True))
    return Body(PEDESTRIAN, tuple(parts), ring(8, (0.5, 0.62)), height)


def make_car(rng: np.random.Generator) -> Body:
    """Return a car, 3.6 to 4.8 m long: body, glass, roof, four wheels, lights."""
    length, width, height = rng.uniform(3.6, 4.8), rng.uniform(1.65, 1.95), rng.uniform(1.35, 1.85)
    paint, glass = random_colour(rng, 1.0), np.array([35.0, 45.0, 55.0]) * rng.uniform(0.6, 1.6)
    sill, waist, cabin = rng.uniform(0.2, 0.3), height * rng.uniform(0.5, 0.62), rng.uniform(0.45, 0.8)
    centre = (-length * (0.5 - cabin / 2) * rng.uniform(0.2, 1.0), 0.0)
    hull = frustum(4, (sill, waist), (length, width), (0.98, 0.97))
    windows = frustum(
        4,
        (waist, height - 0.06),
        (length * cabin, width * 0.94),
        (rng.uniform(0.65, 0.9), 0.85),
        centre,
    )
    roof = frustum(4, (height - 0.06, height), (length * cabin * 0.72, width * 0.8), centre=centre)
    parts = [Part(hull, paint, closed_below=True), Part(windows, glass), Part(roof, paint)]
    for x in (length * 0.31, -length * 0.31):
        for y in (width * 0.5 - 0.1, 0.1 - width * 0.5):
            parts.append(Part(wheel(0.62, 0.22, (x, y)), np.array([25.0, 25.0, 28.0]), closed_below=True))
    for x, colour in ((length / 2 - 0.01, (235.0, 235.0, 215.0)), (0.01 - length / 2, (180.0, 25.0, 20.0))):
        lights = frustum(4, (waist * 0.6, waist * 0.82), (0.05, width * 0.85), centre=(x, 0))
        parts.append(Part(lights, np.array(colour), WOOD, closed_below=True))
    return Body(CAR, tuple(parts), ring(4, (length, width)), height)


def make_cone(rng: np.random.Generator) -> Body:
    """Return a traffic cone on a square foot, orange with a white band."""
    height = rng.uniform(0.45, 0.8)
    foot = height * rng.uniform(0.42, 0.6)
    orange, white = pick(rng, _CONE_ORANGE), np.full(3, 240.0)
    plate = 0.04
    levels = [plate, plate + (height - plate) * 0.35, plate + (height - plate) * 0.6, height]
    diameters = [foot * 0.78 * (1 - 0.85 * (z - plate) / (height - plate)) for z in levels]
    parts = [Part(frustum(4, (0, plate), (foot, foot)), orange * 0.6)]
    for i, colour in enumerate((orange, white, orange)):
        taper, lower = diameters[i + 1] / diameters[i], diameters[i]
        parts.append(Part(frustum(8, (levels[i], levels[i + 1]), (lower, lower), (taper, taper)), colour))
    return Body(CONE, tuple(parts), ring(4, (foot, foot)), height)


def make_box(rng: np.random.Generator) -> Body:
    """Return a crate, two stacked crates, a pillar or a barrel."""
    if rng.random() < 0.4:
        return _make_pillar(rng)
    length, width, height = rng.uniform(0.4, 1.4, 3)
    texture = int(rng.choice((PLAIN, PANELS, WOOD, WOOD)))
    colour = random_colour(rng)
    if texture == WOOD:
        colour = np.array([170.0, 125.0, 75.0]) * rng.uniform(0.6, 1.3)
    parts = [Part(frustum(4, (0, height), (length, width)), colour, texture)]
    if rng.random() < 0.3:
        top, yaw = height + rng.uniform(0.3, 0.8), rng.uniform(-0.3, 0.3)
        upper = frustum(4, (height, top), (length * 0.7, width * 0.7), yaw_rad=yaw)
        parts.append(Part(upper, random_colour(rng), texture))
        height = top
    return Body(BOX, tuple(parts), ring(4, (length, width)), height)


def _make_pillar(rng: np.random.Generator) -> Body:
    slender = rng.random() < 0.5
    diameter = rng.uniform(0.3, 0.7) if slender else rng.uniform(0.5, 0.8)
    height = rng.uniform(1.8, 2.8) if slender else rng.uniform(0.8, 1.1)
    texture = int(rng.choice((PLAIN, PANELS, WOOD)))
    part = Part(frustum(8, (0, height), (diameter, diameter)), random_colour(rng), texture)
    return Body(BOX, (part,), ring(8, (diameter, diameter)), height)


@dataclass(frozen=True, slots=True, eq=False)
class WallStyle:
    """The common properties of the pieces of one wall."""

    height_m: float
    colour: NDArray[np.float64]
    texture: int
    thickness_m: float = 0.2

    @classmethod
    def random(cls, rng: np.random.Generator, height_m: tuple[float, float]) -> WallStyle:
        texture = int(rng.choice((PLAIN, BRICK, STRIPES)))
        return cls(rng.uniform(*height_m), random_colour(rng, 0.6), texture)


def make_wall_piece(style: WallStyle, length_m: float) -> Body:
    """Return a straight piece of wall along x."""
    size = (length_m, style.thickness_m)
    part = Part(frustum(4, (0, style.height_m), size), style.colour, style.texture)
    return Body(WALL, (part,), ring(4, size), style.height_m)


MAKERS: dict[int, Callable[[np.random.Generator], Body]] = {
    PEDESTRIAN: make_pedestrian,
    CAR: make_car,
    CONE: make_cone,
    BOX: make_box,
}
"""One row per class."""
