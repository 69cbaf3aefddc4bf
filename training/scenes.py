"""Images of one world with their labels, from the rig of the robot and from random cameras."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.simulation import (
    SimCamera,
    World,
    WorldState,
    render,
    surround_rig,
    truth_boxes,
    truth_columns,
)
from stream_infer_ros.simulation.rig import base_from_optical
from training import COLUMNS, HEIGHT, ROWS, WIDTH
from training.labels import MAX_BOXES, Labels

RIG, ANY = 0, 1
KIND_NAMES = ('rig', 'any camera')
TIME_S = 60.0  # images are taken in the first minute of a world
MOMENT_PICTURES = 4  # images taken at the same time
GROUND_ID = -2
FULL_VIEW = 0.85  # an image that is filled by objects to a larger share is not used
CLEARANCE_M = 0.55  # smallest distance of a random camera from all objects
NEAR_SHARE = 0.3  # share of random cameras that look at a near object


@dataclass(frozen=True)
class Picture:
    """One image (240, 320, 3) uint8 RGB of the size of the network input, with labels in its pixels."""

    image: NDArray[np.uint8]
    labels: Labels
    kind: int


def pictures(seed: int, count: int) -> Iterator[Picture]:
    """Yield `count` images of world `seed`, from the rig and from random cameras in turn, reproducibly."""
    world = World(seed)
    rng = np.random.default_rng([seed, 1_000_000])
    made = 0
    while made < count:
        state = world.at(rng.uniform(0.0, TIME_S))
        for kind in (RIG, ANY) * (MOMENT_PICTURES // 2):
            view = rig_view(state, rng) if kind == RIG else any_view(state, rng)
            picture = view and _take(state, *view, kind, rng)
            if picture and made < count:
                made += 1
                yield picture


def rig_view(state: WorldState, rng: np.random.Generator) -> tuple[SimCamera, RigidTransform]:
    """Return a camera of the standard rig on the route of the robot, with errors of mounting and exposure."""
    camera = surround_rig()[int(rng.integers(6))]
    shift = rng.normal(0, [0.01, 0.01, 0.02])
    turn = np.radians(rng.normal(0, [0.4, 0.7, 1.0]))
    camera = replace(
        camera,
        base_from_camera=RigidTransform.from_xyz_rpy(shift, turn) @ camera.base_from_camera,
        gain=rng.uniform(0.8, 1.2),
        white_balance=_white_balance(rng, 0.04),
        noise_std=rng.uniform(1.0, 5.0),
    )
    x, y, yaw = state.world.robot_pose(rng.uniform(0.0, 2 * TIME_S))
    x, y = rng.normal([x, y], 0.1)
    return camera, _odom_from_base(x, y, rng.normal(yaw, 0.1))


def any_view(state: WorldState, rng: np.random.Generator) -> tuple[SimCamera, RigidTransform] | None:
    """Return a camera with random lens, height and pose, or None if it is too close to an object."""
    hfov = math.radians(rng.uniform(58, 105))
    mount = base_from_optical(
        (0.0, 0.0, rng.uniform(0.45, 1.6)),
        0.0,
        math.radians(rng.uniform(0, 20)),
        math.radians(rng.normal(0, 1.2)),
    )
    camera = SimCamera(
        'any',
        CameraModel.pinhole(WIDTH, HEIGHT, WIDTH / 2 / math.tan(hfov / 2)),
        mount,
        rng.uniform(0.6, 1.35),
        _white_balance(rng, 0.08),
        rng.uniform(0.0, 7.0),
    )
    if rng.random() < NEAR_SHARE:
        x, y, yaw = _facing_something(state, rng)
    elif rng.random() < 0.5:
        x, y, _ = state.world.robot_pose(rng.uniform(0.0, 2 * TIME_S))
        x, y, yaw = *rng.normal([x, y], 0.3), rng.uniform(0, 2 * math.pi)
    else:
        half = state.world.size_m / 2 - 1.5
        x, y, yaw = rng.uniform([-half, -half, 0], [half, half, 2 * math.pi])
    return (camera, _odom_from_base(x, y, yaw)) if _is_clear(state, x, y) else None


def _facing_something(state: WorldState, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return a pose 1 to 8 metres away from an object, other than a wall, and facing it."""
    x, y, _ = state.poses[rng.choice(np.flatnonzero(state.world.class_ids >= 0))]
    bearing, distance = rng.uniform(0, 2 * math.pi), rng.uniform(1.0, 8.0)
    x, y = x + distance * math.cos(bearing), y + distance * math.sin(bearing)
    return x, y, bearing + math.pi + rng.uniform(-0.6, 0.6)


def _is_clear(state: WorldState, x: float, y: float) -> bool:
    half = state.world.size_m / 2 - 1.0
    if max(abs(x), abs(y)) > half:
        return False
    point = np.array([x, y], np.float32)
    return all(
        cv2.pointPolygonTest(polygon.astype(np.float32), point.tolist(), True) < -CLEARANCE_M
        for _, _, polygon in state.footprints()
    )


def _odom_from_base(x: float, y: float, yaw: float) -> RigidTransform:
    return RigidTransform.from_xyz_rpy((x, y, 0.0), (0.0, 0.0, yaw))


def _white_balance(rng: np.random.Generator, spread: float) -> tuple[float, float, float]:
    red, green, blue = (1 + rng.uniform(-spread, spread, 3)).tolist()
    return red, green, blue


def _take(
    state: WorldState, camera: SimCamera, odom_from_base: RigidTransform, kind: int, rng: np.random.Generator
) -> Picture | None:
    """Render and label an image, scaled like the letterbox does, with the effects of focus and JPEG."""
    view = render(state, camera, odom_from_base, rng)
    object_id = view.object_id
    if (object_id >= 0).mean() > FULL_VIEW:
        return None
    image = view.image
    scale = WIDTH / camera.model.image_width
    if scale != 1:
        image = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return Picture(_worn(image, kind, rng), _labels(state, camera, odom_from_base, object_id, scale), kind)


def _worn(image: NDArray[np.uint8], kind: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur a quarter of the images of random cameras, and compress a fifth of all images as JPEG."""
    if kind == ANY and rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.1))
    if rng.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 90))]
        image = cv2.imdecode(cv2.imencode('.jpg', image, quality)[1], cv2.IMREAD_UNCHANGED)
    return image


def _labels(
    state: WorldState,
    camera: SimCamera,
    odom_from_base: RigidTransform,
    object_id: NDArray[np.int32],
    scale: float,
) -> Labels:
    truth = truth_boxes(state, camera, odom_from_base, object_id, min_pixels=round(12 / scale**2))
    nearest = np.argsort(truth.distance_m, kind='stable')[:MAX_BOXES]
    row, obstacle = truth_columns(state, camera, odom_from_base, COLUMNS)
    ground = (object_id == GROUND_ID).astype(np.uint8) * 255
    return Labels(
        _scaled(truth.xyxy[nearest], scale),
        truth.class_id[nearest],
        truth.visibility[nearest],
        _scaled(truth.contact_uv[nearest], scale),
        truth.distance_m[nearest],
        _scaled(row, scale),
        obstacle,
        cv2.resize(ground, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA),
    )


def _scaled(pixels: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Return pixel coordinates in an image resized by `scale`. Pixel centres have integer coordinates."""
    return (pixels + np.float32(0.5)) * np.float32(scale) - np.float32(0.5)
