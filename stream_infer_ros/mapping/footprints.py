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
# Joining sightings to tracks is quadratic; a crowd must not stop the map.
_MOST_A_VIEW = 40
_LEAST_SIGMA_M = 0.05
_STEP_M = 0.08
_LARGE_M = 1.0
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
    offset = in_base - geometry.base_from_camera.translation[:2]
    distance = np.hypot(offset[:, 0], offset[:, 1])
    near = np.flatnonzero(distance <= geometry.range_m)[:_MOST_A_VIEW]  # NaN compares false
    if not len(near):
        return []
    distance, boxes = distance[near], detections.xyxy[near].astype(np.float64)
    # A contact is as uncertain as a row of the network.
    spans = metres_per_row(distance, geometry.focal_px, geometry.height_m) * seen.row_px
    sigma = np.maximum(spans, _LEAST_SIGMA_M)
    extent = (boxes[:, 2:] - boxes[:, :2]) * (distance / geometry.focal_px)[:, None]
    names = [detections.class_names[k] for k in detections.class_id[near].tolist()]
    sizes = [size_of(name, *seen_as) for name, seen_as in zip(names, extent.tolist(), strict=True)]
    in_map = seen.to_map(in_base[near])
    boundary = seen.boundary_in_map() if seen.boundary is not None else None
    found = []
    # A view shows few objects within range: one at a time is faster than all at once.
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
    """Indices of the columns within a box whose boundary lies on the object that the box shows."""
    assert seen.columns is not None
    assert seen.boundary is not None
    rim = _RIM * (box[2] - box[0])
    first = seen.columns.first_from(box[0] + rim)
    last = seen.columns.first_from(box[2] - rim)
    ranges = seen.boundary.range_m[first:last]
    near = distance_m - size.reach_m - 2.0 * sigma_m - 0.1
    far = distance_m + 0.6 * size.reach_m + 2.0 * sigma_m
    on = (ranges >= near) & (ranges <= far) & (seen.boundary.confidence[first:last] > _LEAST_CONFIDENCE)
    mine: NDArray[np.intp] = np.flatnonzero(on) + first
    return mine


def _contacts(detections: Detections, image_height: int) -> FloatArray:
    """Where footprint centres meet the ground (N, 2); the foot of the box where the model does not say."""
    if detections.contact is not None and np.isfinite(detections.contact).all():
        return detections.contact.astype(np.float64)
    boxes = detections.xyxy.astype(np.float64)
    foot = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=-1)
    # A box cut off by the image's lower edge does not show where its object stands.
    foot[boxes[:, 3] >= image_height - 2] = np.nan
    if detections.contact is None:
        return foot
    known = np.isfinite(detections.contact).all(axis=1, keepdims=True)
    return np.where(known, detections.contact, foot)


def _behind(points: FloatArray, direction: FloatArray, depth_m: float) -> FloatArray:
    """Points (K, 2) and what lies up to `depth_m` behind them along unit vectors (K, 2): (L, 2)."""
    depths = np.arange(0.0, depth_m + _STEP_M / 2, _STEP_M)[:, None, None]
    filled: FloatArray = points + direction * depths
    return filled.reshape(-1, 2)
