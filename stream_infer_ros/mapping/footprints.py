"""Conversion of detections to footprints on the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.detections import Detections
from stream_infer_ros.mapping.class_sizes import ClassSize, size_of
from stream_infer_ros.mapping.ground import metres_per_row, pixels_to_ground
from stream_infer_ros.mapping.ground_view import GroundView

FloatArray = NDArray[np.float64]

# Share of the width of a box at each side whose columns are ignored: they often show the background.
_RIM = 0.12
_LEAST_CONFIDENCE = 0.2
# The association with tracks takes quadratic time, so that the number of sightings per view is limited.
_MOST_A_VIEW = 40
_LEAST_SIGMA_M = 0.05
_STEP_M = 0.08
_LARGE_M = 1.0
# Points in a disc of radius 1. Scaled to a radius of 0.3 m, they touch every cell of 0.1 m in the disc.
_TURN = np.arange(12) * np.pi / 6
_RING = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=-1)
_DISC = np.concatenate([np.zeros((1, 2)), 0.5 * _RING, _RING])


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One detection of one image, projected to the ground in the map frame.

    Attributes:
        camera, stamp_ns: the image of the detection.
        class_name, score, size: class, score in 0..1, and typical size of the class.
        x_m, y_m: centre of the footprint, in metres.
        sigma_m: standard deviation of (x_m, y_m) in its worst direction, which is along the ray, in metres.
        shape: (K, 2) float64, points of ground that the object certainly covers. They fill a disc inside a
            small object, and the ground behind the free-space boundary in the columns that show the object.
        columns: (L,) indices of the boundary columns that show the object; None for a view without boundary.
    """

    camera: str
    stamp_ns: int
    class_name: str
    score: float
    size: ClassSize
    x_m: float
    y_m: float
    sigma_m: float
    shape: FloatArray
    columns: NDArray[np.intp] | None


def sightings(seen: GroundView) -> list[Sighting]:
    """Return the detections of a view that stand on the ground within range, best score first."""
    view, geometry = seen.view, seen.geometry
    detections = view.perception.detections
    if not len(detections):
        return []
    contact = _contacts(detections, geometry.model.image_height)
    in_base = pixels_to_ground(geometry.model, geometry.base_from_camera, contact)
    offset = in_base - geometry.base_from_camera.translation[:2]
    distance = np.hypot(offset[:, 0], offset[:, 1])
    near = np.flatnonzero(distance <= geometry.range_m)[:_MOST_A_VIEW]  # NaN compares false
    if not len(near):
        return []
    distance, boxes = distance[near], detections.xyxy[near].astype(np.float64)
    # The uncertainty of a contact point is one row of the network.
    spans = metres_per_row(distance, geometry.focal_px, geometry.height_m) * seen.row_px
    sigma = np.maximum(spans, _LEAST_SIGMA_M)
    extent = (boxes[:, 2:] - boxes[:, :2]) * (distance / geometry.focal_px)[:, None]
    names = [detections.class_names[k] for k in detections.class_id[near].tolist()]
    sizes = [size_of(name, *seen_as) for name, seen_as in zip(names, extent.tolist(), strict=True)]
    in_map = seen.to_map(in_base[near])
    boundary = seen.boundary_in_map() if seen.boundary is not None else None
    found = []
    # A view has few objects within range, so that a loop is faster than numpy on all of them.
    for i, size in enumerate(sizes):
        columns = None
        shape = in_map[i] + size.core_m * _DISC
        if boundary is not None:
            columns = _columns_on(seen, boxes[i].tolist(), float(distance[i]), float(sigma[i]), size)
            behind = _behind(boundary[0][columns], boundary[1][columns], size.solid_m)
            shape = behind if size.solid_m >= _LARGE_M else np.concatenate([shape, behind])
        x_m, y_m = in_map[i].tolist()
        found.append(
            Sighting(
                view.camera,
                view.stamp_ns,
                names[i],
                float(detections.score[near[i]]),
                size,
                x_m,
                y_m,
                float(sigma[i]),
                shape,
                columns,
            )
        )
    return found


def _columns_on(
    seen: GroundView, box: list[float], distance_m: float, sigma_m: float, size: ClassSize
) -> NDArray[np.intp]:
    """Return the indices (L,) of columns within a box whose free-space boundary is the object in the box."""
    assert seen.columns is not None
    assert seen.boundary is not None
    rim = _RIM * (box[2] - box[0])
    first = seen.columns.first_from(box[0] + rim)
    last = seen.columns.first_from(box[2] - rim)
    ranges = seen.boundary.range_m[first:last]
    near = distance_m - size.reach_m - 2.0 * sigma_m - 0.1
    far = distance_m + 0.6 * size.reach_m + 2.0 * sigma_m
    on = (ranges >= near) & (ranges <= far) & seen.boundary.is_obstacle[first:last]
    on &= seen.boundary.confidence[first:last] > _LEAST_CONFIDENCE
    mine: NDArray[np.intp] = np.flatnonzero(on) + first
    return mine


def _contacts(detections: Detections, image_height: int) -> FloatArray:
    """Return contact points (N, 2) in pixels, by default the middle of the lower edge of the box."""
    if detections.contact is not None and np.isfinite(detections.contact).all():
        return detections.contact.astype(np.float64)
    boxes = detections.xyxy.astype(np.float64)
    foot = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=-1)
    # If the lower edge of the image cuts off a box, the contact point is not visible.
    foot[boxes[:, 3] >= image_height - 2] = np.nan
    if detections.contact is None:
        return foot
    known = np.isfinite(detections.contact).all(axis=1, keepdims=True)
    return np.where(known, detections.contact, foot)


def _behind(points: FloatArray, direction: FloatArray, depth_m: float) -> FloatArray:
    """Return points (L, 2) on lines from `points` (K, 2) along `direction` (K, 2) up to `depth_m`."""
    depths = np.arange(0.0, depth_m + _STEP_M / 2, _STEP_M)[:, None, None]
    filled: FloatArray = points + direction * depths
    return filled.reshape(-1, 2)
