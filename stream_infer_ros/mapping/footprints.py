"""Detections to footprints on the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.detections import Detections
from stream_infer_ros.mapping.class_sizes import ClassSize, size_of
from stream_infer_ros.mapping.ground import metres_per_row, pixels_to_ground
from stream_infer_ros.mapping.ground_view import GroundView

FloatArray = NDArray[np.float64]

# Columns at the rim of a box see past the object as often as not.
_RIM = 0.12
_LEAST_CONFIDENCE = 0.2
_LEAST_SIGMA_M = 0.05
_STEP_M = 0.08
_SMALL_M = 1.0
# A disc of radius 1, dense enough that none of its cells is missed at 0.1 m and a radius of 0.3 m.
_TURN = np.arange(12) * np.pi / 6
_RING = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=-1)
_DISC = np.concatenate([np.zeros((1, 2)), 0.5 * _RING, _RING])


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One detection of one image, on the ground, in the map frame.

    Attributes:
        camera, stamp_ns: the image it comes from.
        class_name, score, size: what it is.
        x_m, y_m: centre of its footprint.
        sigma_m: one standard deviation of that, in the worst direction (along the ray).
        shape: (K, 2) float64, ground it surely covers: a disc well inside a small object, and what lies
            right behind the free-space boundary in the columns that show it.
        columns: (L,) which columns of the boundary show it; None for a view without a boundary.
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
    """The detections of a view that stand on the ground within its range, best score first."""
    view, geometry = seen.view, seen.geometry
    detections = view.perception.detections
    if not len(detections):
        return []
    contact = _contacts(detections, geometry.model.image_height)
    in_base = pixels_to_ground(geometry.model, geometry.base_from_camera, contact)
    distance = np.hypot(*(in_base - geometry.base_from_camera.translation[:2]).T)
    # A contact is as uncertain as a row of the network; NaN compares false.
    sigma = np.maximum(
        metres_per_row(distance, geometry.focal_px, geometry.height_m) * seen.row_px, _LEAST_SIGMA_M
    )
    in_map = seen.to_map(in_base)
    metres_per_px = distance / geometry.focal_px
    extent = (detections.xyxy[:, 2:] - detections.xyxy[:, :2]) * metres_per_px[:, None]
    boundary = seen.boundary_in_map() if seen.boundary is not None else None
    found = []
    for i in np.flatnonzero(distance <= geometry.range_m).tolist():
        name = detections.class_names[detections.class_id[i]]
        size = size_of(name, float(extent[i, 0]), float(extent[i, 1]))
        parts = []
        mine = None
        if boundary is None or size.solid_m < _SMALL_M:
            parts.append(in_map[i] + size.core_m * _DISC)
        if boundary is not None:
            mine = _columns_on(seen, detections.xyxy[i], float(distance[i]), float(sigma[i]), size)
            parts.append(_behind(boundary[0][mine], boundary[1][mine], size.solid_m))
        shape = np.concatenate(parts)
        x_m, y_m = in_map[i].tolist()
        score = float(detections.score[i])
        found.append(
            Sighting(view.camera, view.stamp_ns, name, score, size, x_m, y_m, float(sigma[i]), shape, mine)
        )
    return found


def _contacts(detections: Detections, image_height: int) -> FloatArray:
    """Where footprint centres meet the ground (N, 2); the foot of the box where the model does not say."""
    boxes = detections.xyxy.astype(np.float64)
    foot = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=-1)
    # A box cut off by the image's lower edge does not show where its object stands.
    foot[boxes[:, 3] >= image_height - 2] = np.nan
    if detections.contact is None:
        return foot
    known = np.isfinite(detections.contact).all(axis=1, keepdims=True)
    return np.where(known, detections.contact, foot)


def _columns_on(
    seen: GroundView, box: NDArray[np.float32], distance_m: float, sigma_m: float, size: ClassSize
) -> NDArray[np.intp]:
    """Indices of the columns within a box whose boundary lies on the object it shows."""
    assert seen.columns is not None
    assert seen.boundary is not None
    rim = _RIM * float(box[2] - box[0])
    low, high = np.searchsorted(seen.columns.column_u, (box[0] + rim, box[2] - rim))
    ranges = seen.boundary.range_m[low:high]
    slack = 2.0 * sigma_m
    near, far = distance_m - size.reach_m - slack - 0.1, distance_m + 0.6 * size.reach_m + slack
    on = (ranges >= near) & (ranges <= far) & (seen.boundary.confidence[low:high] > _LEAST_CONFIDENCE)
    mine: NDArray[np.intp] = low + np.flatnonzero(on)
    return mine


def _behind(points: FloatArray, direction: FloatArray, depth_m: float) -> FloatArray:
    """Points (K, 2) and what lies up to `depth_m` behind them along unit vectors (K, 2): (L, 2)."""
    depths = np.arange(0.0, depth_m + _STEP_M / 2, _STEP_M)
    filled: FloatArray = points[:, None] + direction[:, None] * depths[None, :, None]
    return filled.reshape(-1, 2)
