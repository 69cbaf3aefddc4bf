"""Small scenes for tests of the map: known cameras, and the perception of an ideal network."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.inference.detections import Detections, FreeSpace, Perception
from stream_infer_ros.mapping import View

LINK_FROM_OPTICAL = RigidTransform(
    np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]), np.zeros(3)
)
CLASS_NAMES = ('pedestrian', 'car', 'cone', 'box')
SECOND_NS = 1_000_000_000
PERIOD_NS = SECOND_NS // 10

Obstacle = Callable[[np.ndarray], np.ndarray]
"""Ground points (N, 2) of the map to whether an obstacle covers them."""


def mounted(
    yaw_deg: float = 0.0,
    pitch_deg: float = 12.0,
    roll_deg: float = 0.0,
    height_m: float = 0.9,
    x_m: float = 0.0,
    y_m: float = 0.0,
) -> RigidTransform:
    """base_from_camera of a camera that looks along `yaw_deg`, `pitch_deg` down."""
    rpy = np.radians([roll_deg, pitch_deg, yaw_deg])
    return RigidTransform.from_xyz_rpy((x_m, y_m, height_m), rpy) @ LINK_FROM_OPTICAL


def standing(x_m: float = 0.0, y_m: float = 0.0, yaw_deg: float = 0.0) -> RigidTransform:
    """map_from_base of a robot on flat ground."""
    return RigidTransform.from_xyz_rpy((x_m, y_m, 0.0), (0.0, 0.0, math.radians(yaw_deg)))


@functools.cache
def pinhole(hfov_deg: float = 75.0, width: int = 640, height: int = 480) -> CameraModel:
    return CameraModel.pinhole(width, height, width / 2 / math.tan(math.radians(hfov_deg) / 2))


@functools.cache
def distorted(width: int = 640, height: int = 480) -> CameraModel:
    """A lens with the barrel distortion of an ordinary wide camera."""
    k = np.array([[400.0, 0.0, 318.0], [0.0, 402.0, 241.0], [0.0, 0.0, 1.0]])
    d = np.array([-0.28, 0.07, 0.001, -0.0005, 0.0])
    return CameraModel(width, height, 'plumb_bob', d, k, np.eye(3), np.column_stack([k, np.zeros(3)]))


def column_centres(model: CameraModel, columns: int = 80) -> np.ndarray:
    return ((np.arange(columns) + 0.5) * model.image_width / columns - 0.5).astype(np.float32)


_ROW = 0.5
_rays_of: dict[tuple[int, int], tuple[CameraModel, np.ndarray, np.ndarray]] = {}


def _rays(model: CameraModel, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows from the bottom up, and the rays of all columns at them; kept, as lenses cost most of a scene."""
    key = (id(model), columns)
    if key not in _rays_of:
        rows = np.arange(model.image_height - 0.5, -0.5, -_ROW)
        uv = np.stack(np.meshgrid(column_centres(model, columns), rows, indexing='ij'), axis=-1)
        _rays_of[key] = (model, rows, model.pixels_to_rays(uv.reshape(-1, 2)))
    return _rays_of[key][1:]


def true_boundary(
    model: CameraModel, map_from_camera: RigidTransform, obstacle: Obstacle, columns: int = 80
) -> np.ndarray:
    """(C,) float32 row where, going up each column, the first obstacle begins; above the image if none does.

    By brute force, half a row at a time: independent of the code under test.
    """
    rows, rays_in_camera = _rays(model, columns)
    rays = rays_in_camera @ map_from_camera.rotation.T
    down = np.where(rays[:, 2] < -1e-6, -rays[:, 2], np.nan)
    ground = map_from_camera.translation[:2] + rays[:, :2] * (map_from_camera.translation[2] / down)[:, None]
    hit = np.zeros(len(ground), bool)
    meets = np.isfinite(ground).all(axis=1)
    hit[meets] = obstacle(ground[meets])
    hit = hit.reshape(columns, len(rows))
    horizon = np.isnan(down).reshape(columns, len(rows))
    stop = hit | horizon
    first = np.where(stop.any(axis=1), stop.argmax(axis=1), len(rows) - 1)
    return rows[first].astype(np.float32)


def free_space(model: CameraModel, boundary_v: np.ndarray, confidence: float = 1.0) -> FreeSpace:
    count = len(boundary_v)
    told = np.full(count, confidence, np.float32)
    return FreeSpace(column_centres(model, count), boundary_v.astype(np.float32), told)


def no_boxes() -> Detections:
    return Detections.empty(CLASS_NAMES)


def boxes_at(
    model: CameraModel,
    map_from_camera: RigidTransform,
    things: Sequence[tuple[str, float, float]],
    width_m: float = 0.5,
    height_m: float = 1.5,
) -> Detections:
    """Boxes with contact points of the things (class name, x, y) in the map that are in view."""
    xyxy, contacts, classes = [], [], []
    for name, x_m, y_m in things:
        foot, head = map_from_camera.inverse().apply([[x_m, y_m, 0.0], [x_m, y_m, height_m]])
        uv = model.points_to_pixels(np.array([foot, head]))
        if not np.isfinite(uv).all() or not 0 <= uv[0, 0] < model.image_width:
            continue
        half = 0.5 * width_m * model.k[0, 0] / foot[2]
        xyxy.append((uv[0, 0] - half, uv[1, 1], uv[0, 0] + half, uv[0, 1]))
        contacts.append(uv[0])
        classes.append(CLASS_NAMES.index(name))
    if not classes:
        return no_boxes()
    return Detections(
        np.array(xyxy, np.float32),
        np.full(len(classes), 0.9, np.float32),
        np.array(classes, np.int32),
        CLASS_NAMES,
        np.array(contacts, np.float32),
    )


def seen(
    obstacle: Obstacle | None,
    stamp_ns: int,
    camera: str = 'front',
    model: CameraModel | None = None,
    base_from_camera: RigidTransform | None = None,
    map_from_base: RigidTransform | None = None,
    things: Sequence[tuple[str, float, float]] = (),
) -> View:
    """Return the view of an ideal network, for obstacles (None: no free space) and objects."""
    model = model or pinhole()
    base_from_camera = base_from_camera or mounted()
    map_from_base = map_from_base or standing()
    map_from_camera = map_from_base @ base_from_camera
    told = None
    if obstacle is not None:
        told = free_space(model, true_boundary(model, map_from_camera, obstacle))
    detections = boxes_at(model, map_from_camera, things)
    return View(camera, stamp_ns, model, base_from_camera, map_from_base, Perception(detections, told))


def nothing(points: np.ndarray) -> np.ndarray:
    return np.zeros(len(points), bool)


def wall_at_x(x_m: float) -> Obstacle:
    return lambda points: points[:, 0] >= x_m


def disc(x_m: float, y_m: float, radius_m: float) -> Obstacle:
    return lambda points: np.hypot(points[:, 0] - x_m, points[:, 1] - y_m) <= radius_m


def cell(snapshot, x_m: float, y_m: float) -> int:
    """Value of the cell that holds a point of the map."""
    row = math.floor((y_m - snapshot.origin_y_m) / snapshot.resolution_m + 1e-9)
    column = math.floor((x_m - snapshot.origin_x_m) / snapshot.resolution_m + 1e-9)
    return int(snapshot.cells[row, column])


def centres(snapshot, value: int) -> np.ndarray:
    """Centres (N, 2) in the map of the cells that hold a value."""
    rows, columns = np.nonzero(snapshot.cells == value)
    x = snapshot.origin_x_m + (columns + 0.5) * snapshot.resolution_m
    y = snapshot.origin_y_m + (rows + 0.5) * snapshot.resolution_m
    return np.stack([x, y], axis=-1)
