"""The positions of objects: random, without overlap, and clear of the route of the robot."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.simulation.catalogue import (
    BOX,
    CAR,
    CONE,
    MAKERS,
    PEDESTRIAN,
    Body,
    WallStyle,
    make_wall_piece,
)
from stream_infer_ros.simulation.motion import Shuttle
from stream_infer_ros.simulation.polygons import distance_to_segment, gap, place
from stream_infer_ros.simulation.route import Route

_WALL_PIECE_M = 1.5
"""Longer pieces could not be ordered by depth against the objects beside them."""

_COUNTS = {CAR: (4, 9), BOX: (10, 22), PEDESTRIAN: (6, 14), CONE: (8, 18)}
"""Number of objects of each class (from, below). Large objects are placed first."""

_TRIES = 60
_MARGIN_M = 0.35
_ROUTE_MARGIN_M = 0.75
_WALL_ROUTE_MARGIN_M = 1.6


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A body in the world. `x_m, y_m, yaw_rad` is the pose of a static body, or the start of a moving one."""

    body: Body
    x_m: float
    y_m: float
    yaw_rad: float
    shuttle: Shuttle | None = None

    def outline(self) -> NDArray[np.float64]:
        """The outline of the body, (k, 2) metres, world frame."""
        return place(self.body.footprint, self.x_m, self.y_m, self.yaw_rad)

    def moved(self, x_m: float, y_m: float) -> Placed:
        return replace(self, x_m=x_m, y_m=y_m)


def furnish(rng: np.random.Generator, size_m: float, route: Route) -> list[Placed]:
    """Place all objects of a yard of `size_m`: outer walls, inner walls, then the classes."""
    placed = _outer_walls(rng, size_m)
    for _ in range(int(rng.integers(4, 9))):
        pieces = _inner_wall(rng, size_m)
        if pieces and all(_fits(p, placed, route, _WALL_ROUTE_MARGIN_M) for p in pieces):
            placed += pieces
    for class_id, (least, below) in _COUNTS.items():
        for _ in range(int(rng.integers(least, below))):
            one = _somewhere(rng, class_id, placed, size_m, route)
            if one is not None:
                placed.append(one)
    for i, one in enumerate(placed):
        if _wants_to_move(rng, one.body.class_id):
            placed[i] = _set_in_motion(rng, one, placed[:i] + placed[i + 1 :], size_m, route)
    return placed


def _outer_walls(rng: np.random.Generator, size_m: float) -> list[Placed]:
    half, style = size_m / 2, WallStyle.random(rng, (1.2, 3.0))
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    walls: list[Placed] = []
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        walls += _wall(start, end, style)
    return walls


def _inner_wall(rng: np.random.Generator, size_m: float) -> list[Placed]:
    """Return a wall of 3 to 10 m, or nothing if the edge of the yard makes it shorter."""
    half = size_m / 2
    x, y = rng.uniform(-half * 0.8, half * 0.8, 2)
    length, kind, slant = rng.uniform(3.5, 10), rng.random(), rng.uniform(0, math.pi)
    angle = 0.0 if kind < 0.4 else math.pi / 2 if kind < 0.8 else slant
    style = WallStyle.random(rng, (0.8, 2.5))
    end = np.clip((x + length * math.cos(angle), y + length * math.sin(angle)), 1 - half, half - 1)
    if math.hypot(end[0] - x, end[1] - y) <= 3:
        return []
    return _wall((x, y), (float(end[0]), float(end[1])), style)


def _wall(start: tuple[float, float], end: tuple[float, float], style: WallStyle) -> list[Placed]:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length, yaw = math.hypot(dx, dy), math.atan2(dy, dx)
    n = max(1, math.ceil(length / _WALL_PIECE_M))
    body = make_wall_piece(style, length / n)
    shares = [(i + 0.5) / n for i in range(n)]
    return [Placed(body, start[0] + s * dx, start[1] + s * dy, yaw) for s in shares]


def _somewhere(
    rng: np.random.Generator, class_id: int, placed: list[Placed], size_m: float, route: Route
) -> Placed | None:
    """Place a new body of the class where there is room, or return None after 60 attempts."""
    reach = size_m / 2 - 1
    for _ in range(_TRIES):
        body = MAKERS[class_id](rng)
        x, y = rng.uniform(-reach, reach, 2)
        yaw = rng.uniform(0, 2 * math.pi) if rng.random() < 0.5 else rng.integers(4) * math.pi / 2
        one = Placed(body, float(x), float(y), float(yaw))
        if _fits(one, placed, route, body.radius_m + _ROUTE_MARGIN_M):
            return one
    return None


def _fits(one: Placed, others: list[Placed], route: Route, route_margin_m: float) -> bool:
    if route.distance_to((one.x_m, one.y_m)) <= route_margin_m:
        return False
    return not _touches(one, others, _MARGIN_M)


def _touches(one: Placed, others: list[Placed], margin_m: float) -> bool:
    """Return True if any of `others` is nearer than the margin."""
    outline = one.outline()
    for other in others:
        reach = one.body.radius_m + other.body.radius_m + margin_m
        near = math.hypot(other.x_m - one.x_m, other.y_m - one.y_m) < reach
        if near and gap(outline, other.outline()) < margin_m:
            return True
    return False


def _wants_to_move(rng: np.random.Generator, class_id: int) -> bool:
    share = {PEDESTRIAN: 0.7, CAR: 0.3}.get(class_id, 0.0)
    return share > 0 and rng.random() < share


def _set_in_motion(
    rng: np.random.Generator, one: Placed, others: list[Placed], size_m: float, route: Route
) -> Placed:
    """Let the body move straight ahead as far as the way is free, or stand still if this is too short."""
    walks = one.body.class_id == PEDESTRIAN
    furthest = rng.uniform(1.5, 6) if walks else rng.uniform(4, 9)
    speed, start_share = rng.uniform(0.5, 1.5) if walks else rng.uniform(1, 3), rng.random()
    length = _free_way_m(one, furthest, others, size_m, route)
    if length <= 0.8:
        return one
    offset = start_share * 2 * length
    shuttle = Shuttle((one.x_m, one.y_m), one.yaw_rad, length, speed, offset, turns_round=walks)
    return replace(one, shuttle=shuttle)


def _free_way_m(one: Placed, furthest_m: float, others: list[Placed], size_m: float, route: Route) -> float:
    """Return the free distance ahead in steps of 0.25 m: without objects, their ways, route and edge."""
    free = 0.0
    for step in np.arange(0.25, furthest_m, 0.25).tolist():
        x, y = one.x_m + math.cos(one.yaw_rad) * step, one.y_m + math.sin(one.yaw_rad) * step
        if max(abs(x), abs(y)) > size_m / 2 - 1.2 or route.distance_to((x, y)) <= one.body.radius_m + 0.6:
            break
        if _touches(one.moved(x, y), others, 0.3) or _crosses_a_way(one.body, (x, y), others):
            break
        free = step
    return free


def _crosses_a_way(body: Body, point: tuple[float, float], others: list[Placed]) -> bool:
    for other in others:
        if other.shuttle is None:
            continue
        distance = distance_to_segment(point, np.array(other.shuttle.start), other.shuttle.end())
        if distance < body.radius_m + other.body.radius_m + 0.2:
            return True
    return False
