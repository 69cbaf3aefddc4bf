"""Ground truth for detectors: amodal boxes with visibility, and the ground contact of each object."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.simulation.ground import SUBPIXEL_BITS, to_subpixels
from stream_infer_ros.simulation.pinhole import NEAR_M, Pinhole, clip_near
from stream_infer_ros.simulation.render import visible_objects
from stream_infer_ros.simulation.rig import SimCamera
from stream_infer_ros.simulation.world import WorldState

_SMALLEST_EDGE_PX = 3.0
_CONTACT_NEAR_M = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class TruthBoxes:
    """n objects of the classes of the detector, seen by one camera.

    Attributes:
        xyxy: (n, 4) float32 source pixels: the part of the object inside the image, including hidden parts.
        class_id: (n,) int64.
        visibility: (n,) float32, 0 to 1: visible pixels, relative to the pixels without occlusion.
        truncation: (n,) float32, 0 to 1: share of the area of the outline outside the image.
        contact_uv: (n, 2) float32 source pixels, centre of the footprint on the ground. It may lie outside
            the image; NaN behind the camera.
        distance_m: (n,) float32 from the camera to the centre of the footprint, over the ground.
        object_id: (n,) int64 index into `World.objects`.
    """

    xyxy: NDArray[np.float32]
    class_id: NDArray[np.int64]
    visibility: NDArray[np.float32]
    truncation: NDArray[np.float32]
    contact_uv: NDArray[np.float32]
    distance_m: NDArray[np.float32]
    object_id: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.class_id)


def truth_boxes(
    state: WorldState,
    camera: SimCamera,
    odom_from_base: RigidTransform,
    object_id: NDArray[np.int32] | None = None,
    min_pixels: int = 12,
) -> TruthBoxes:
    """Return the boxes of visible objects, ordered by object id. Walls have no boxes.

    Args:
        object_id: (height, width) int32 of the same picture (`RenderedView.object_id`) if it is at hand.
        min_pixels: objects that show fewer are left out, as are boxes less than 3 pixels wide or high.

    Raises:
        WorldError: the camera is no plain pinhole.
    """
    lens = Pinhole.of(camera.model)
    odom_from_camera = odom_from_base @ camera.base_from_camera
    if object_id is None:
        object_id = visible_objects(state, camera, odom_from_base)
    shown = np.bincount(object_id[object_id >= 0], minlength=len(state.poses))
    candidates = np.flatnonzero((shown >= min_pixels) & (state.world.class_ids >= 0))
    boxes = [_box(state, int(i), int(shown[i]), lens, odom_from_camera) for i in candidates]
    kept = [k for k, (xyxy, _, _) in enumerate(boxes) if _edges(xyxy).min() >= _SMALLEST_EDGE_PX]
    ids = candidates[kept]
    on_ground = np.concatenate([state.poses[ids, :2], np.zeros((len(ids), 1))], 1)
    offset = on_ground[:, :2] - odom_from_camera.translation[:2]
    return TruthBoxes(
        np.array([boxes[k][0] for k in kept], np.float32).reshape(-1, 4),
        state.world.class_ids[ids],
        np.array([boxes[k][1] for k in kept], np.float32),
        np.array([boxes[k][2] for k in kept], np.float32),
        _contacts(on_ground, lens, odom_from_camera),
        np.hypot(offset[:, 0], offset[:, 1]).astype(np.float32),
        ids.astype(np.int64),
    )


def _edges(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    return xyxy[2:] - xyxy[:2]


def _box(
    state: WorldState, object_id: int, shown: int, lens: Pinhole, odom_from_camera: RigidTransform
) -> tuple[NDArray[np.float64], float, float]:
    """Return the clipped box (4,), the visibility and the truncation of one object."""
    faces = state.faces.corners[state.faces.object_ids == object_id]
    polygons = _polygons(faces, lens, odom_from_camera)
    points = np.concatenate(polygons)
    limit = np.array([lens.width - 1, lens.height - 1])
    low, high = np.clip(points.min(0), 0, limit), np.clip(points.max(0), 0, limit)
    alone = _painted_alone(polygons, low, high)
    outline = cv2.convexHull(np.clip(points, -20000, 20000).astype(np.float32))
    frame = np.array([[0, 0], [limit[0], 0], limit, [0, limit[1]]], np.float32)
    inside = cv2.intersectConvexConvex(outline, frame)[0]
    truncation = 1 - inside / max(float(cv2.contourArea(outline)), 1e-6)
    visibility = min(1.0, shown / max(int(cv2.countNonZero(alone)), 1))
    # Of an object cut by the image's edge, corners outside must not stretch the box of what is inside.
    x, y, width, height = cv2.boundingRect(alone)
    first = np.floor(low) + np.array([x, y])
    last = first + np.array([width, height]) - 1
    low, high = np.maximum(low, first - 0.5), np.minimum(high, last + 0.5)
    return np.concatenate([low, high]), visibility, min(1.0, max(0.0, truncation))


def _polygons(
    faces: NDArray[np.float32], lens: Pinhole, odom_from_camera: RigidTransform
) -> list[NDArray[np.float64]]:
    """Project faces (f, k, 3) of the world to polygons (k, 2) of pixels, cut in front of the lens."""
    corners = (faces - odom_from_camera.translation) @ odom_from_camera.rotation
    if corners[..., 2].min() >= NEAR_M:
        return list(lens.project(corners))
    cut = (clip_near(face) for face in corners)
    return [lens.project(part) for part in cut if len(part)]


def _painted_alone(
    polygons: list[NDArray[np.float64]], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return the mask of the pixels from floor(low) to ceil(high) that polygons cover, as rendered."""
    first = np.floor(low).astype(int)
    width, height = (np.ceil(high).astype(int) - first + 1).tolist()
    mask = np.zeros((height, width), np.uint8)
    ends = np.cumsum([len(polygon) for polygon in polygons])[:-1]
    for polygon in np.split(to_subpixels(np.concatenate(polygons) - first), ends):
        cv2.fillConvexPoly(mask, polygon, 1, shift=SUBPIXEL_BITS)
    return mask


def _contacts(
    on_ground: NDArray[np.float64], lens: Pinhole, odom_from_camera: RigidTransform
) -> NDArray[np.float32]:
    points = odom_from_camera.inverse().apply(on_ground)
    uv = np.full((len(points), 2), np.nan, np.float32)
    ahead = points[:, 2] > _CONTACT_NEAR_M
    uv[ahead] = lens.project(points[ahead])
    return uv
