"""The synthetic yard, which is determined by a seed and a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.errors import WorldError
from stream_infer_ros.simulation.faces import Faces, FaceTemplate
from stream_infer_ros.simulation.ground import SUBPIXEL_BITS, Ground, shadow_hull, to_subpixels
from stream_infer_ros.simulation.layout import Placed, furnish
from stream_infer_ros.simulation.light import Light
from stream_infer_ros.simulation.motion import Timetable
from stream_infer_ros.simulation.route import Route
from stream_infer_ros.simulation.shapes import MAX_CORNERS

SMALLEST_YARD_M = 20.0


class World:
    """A square yard with walls and the origin in its centre. Its frame is `odom`.

    The same seed gives the same world. Route, things, light and ground draw from streams of their own, so
    that a change in one leaves the others as they were.

    Args:
        seed: 0 or more.
        size_m: edge of the yard, 20 m or more.

    Attributes:
        objects: all objects, including pieces of walls. The id of an object is its index.
        light, ground, route: what their classes say.

    Raises:
        WorldError: the seed is negative, or the yard too small.
    """

    def __init__(self, seed: int, size_m: float = 40.0) -> None:
        if seed < 0:
            raise WorldError(f'a seed of 0 or more was expected, {seed} came; choose another')
        if not size_m >= SMALLEST_YARD_M:
            raise WorldError(f'a yard of at least {SMALLEST_YARD_M:g} m was expected, {size_m} m came')
        self.seed, self.size_m = seed, size_m
        route_rng, layout_rng, light_rng, ground_rng = (np.random.default_rng([seed, k]) for k in range(4))
        self.route = Route.random(route_rng, size_m)
        self.objects: tuple[Placed, ...] = tuple(furnish(layout_rng, size_m, self.route))
        self.light = Light.random(light_rng)
        self.class_ids: NDArray[np.int64] = np.array([o.body.class_id for o in self.objects], np.int64)
        self._still = [i for i, o in enumerate(self.objects) if o.shuttle is None]
        self._moving = [i for i, o in enumerate(self.objects) if o.shuttle is not None]
        self._timetable = Timetable([o.shuttle for o in self.objects if o.shuttle is not None])
        self._local_outlines = np.stack([_padded(o.body.footprint) for o in self.objects])
        self._start_poses = np.array([(o.x_m, o.y_m, o.yaw_rad) for o in self.objects])
        self._still_faces = self._template(self._still).posed(self._start_poses[self._still])
        self._moving_template = self._template(self._moving)
        self._still_grids: dict[float, NDArray[np.uint8]] = {}
        shadows = (self._shadow(i, self.objects[i].outline()) for i in self._still)
        self.ground = Ground(ground_rng, size_m, self.light, shadows)

    def at(self, t_s: float) -> WorldState:
        """Return the world at a time, seconds since its beginning. Times may be requested in any order."""
        poses = self._start_poses.copy()
        poses[self._moving] = self._timetable.poses(t_s)
        moving = self._moving_template.posed(poses[self._moving], self._timetable.travelled_m(t_s))
        outlines = _turned(self._local_outlines, poses)
        shadows: tuple[NDArray[np.float64], ...] = ()
        if self.light.shadow < 1:
            shadows = tuple(self._shadow(i, outlines[i]) for i in self._moving)
        return WorldState(self, t_s, poses, outlines, self._still_faces.joined(moving), shadows)

    def robot_pose(self, t_s: float, speed_m_s: float = 1.0) -> tuple[float, float, float]:
        """Return (x, y, yaw) of the robot on its closed route, metres and radians in `odom`."""
        return self.route.pose(speed_m_s * t_s)

    def odom_from_base(self, t_s: float, speed_m_s: float = 1.0) -> RigidTransform:
        """Return `robot_pose` as a transform. The base is on the ground."""
        x, y, yaw = self.robot_pose(t_s, speed_m_s)
        return RigidTransform.from_xyz_rpy((x, y, 0.0), (0.0, 0.0, yaw))

    def _template(self, ids: list[int]) -> FaceTemplate:
        return FaceTemplate([self.objects[i].body for i in ids], ids, self.light)

    def _shadow(self, i: int, outline: NDArray[np.float64]) -> NDArray[np.float64]:
        return shadow_hull(outline, self.objects[i].body.height_m, self.light)

    def _grid(self, outlines: NDArray[np.float64], resolution_m: float) -> NDArray[np.uint8]:
        n = round(self.size_m / resolution_m)
        grid = np.zeros((n, n), np.uint8)
        for outline in outlines:
            cells = (outline + self.size_m / 2) / resolution_m - 0.5
            cv2.fillConvexPoly(grid, to_subpixels(cells), 1, shift=SUBPIXEL_BITS)
        return grid

    def _still_grid(self, outlines: NDArray[np.float64], resolution_m: float) -> NDArray[np.uint8]:
        if resolution_m not in self._still_grids:
            self._still_grids[resolution_m] = self._grid(outlines[self._still], resolution_m)
        grid: NDArray[np.uint8] = self._still_grids[resolution_m].copy()
        return grid


@dataclass(frozen=True, slots=True, eq=False)
class WorldState:
    """The world at one moment.

    Attributes:
        world: the one it is a moment of.
        t_s: seconds since its beginning.
        poses: (objects, 3) float64 x, y, yaw.
        outlines: (objects, MAX_CORNERS, 2) float64 footprints, metres, the last corner repeated.
        faces: everything that can be drawn.
        moving_shadows: ground polygons (k, 2) under what moves; still shadows are in the ground's picture.
    """

    world: World
    t_s: float
    poses: NDArray[np.float64]
    outlines: NDArray[np.float64]
    faces: Faces
    moving_shadows: tuple[NDArray[np.float64], ...]

    def footprints(self) -> list[tuple[int, int, NDArray[np.float64]]]:
        """Return (object id, class id or -1 for a wall, counter-clockwise polygon (k, 2)) of all objects."""
        objects = self.world.objects
        counts = (len(o.body.footprint) for o in objects)
        return [(i, objects[i].body.class_id, self.outlines[i, :k]) for i, k in enumerate(counts)]

    def occupancy(self, resolution_m: float = 0.1) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the static and the moving objects as two (n, n) uint8 grids of 0 and 1.

        Rows are y, columns x; the lower-left corner of cell (0, 0) lies at (-size/2, -size/2). A cell is
        occupied when a footprint comes within half a cell of its centre.

        Raises:
            WorldError: the resolution is not a size of cells that fits the yard.
        """
        if not 0.01 <= resolution_m <= 1.0 or math.isnan(resolution_m):
            raise WorldError(f'cells of 0.01 to 1 m were expected, {resolution_m} m came')
        still = self.world._still_grid(self.outlines, resolution_m)
        return still, self.world._grid(self.outlines[self.world._moving], resolution_m)

    def is_moving(self, object_id: int) -> bool:
        return self.world.objects[object_id].shuttle is not None


def _padded(outline: NDArray[np.float64]) -> NDArray[np.float64]:
    padded: NDArray[np.float64] = outline[np.minimum(np.arange(MAX_CORNERS), len(outline) - 1)]
    return padded


def _turned(outlines: NDArray[np.float64], poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Transform outlines (n, k, 2) from the frames of the bodies to the world, with poses (n, 3)."""
    cos, sin = np.cos(poses[:, 2, None]), np.sin(poses[:, 2, None])
    x, y = outlines[..., 0], outlines[..., 1]
    return np.stack([cos * x - sin * y + poses[:, 0, None], sin * x + cos * y + poses[:, 1, None]], -1)
