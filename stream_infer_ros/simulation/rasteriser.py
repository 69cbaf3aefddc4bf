"""The rasteriser: the painter's algorithm, into a buffer of face numbers."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.simulation.faces import Faces
from stream_infer_ros.simulation.ground import SUBPIXEL_BITS, to_subpixels
from stream_infer_ros.simulation.ground_view import GroundView
from stream_infer_ros.simulation.pinhole import NEAR_M, Pinhole, clip_near
from stream_infer_ros.simulation.visibility_order import far_to_near
from stream_infer_ros.simulation.world import WorldState

SKY, GROUND = -1, -2

_PART_REACH_M = 4.0
"""Largest size of a part. Parts are culled by their centres with this margin."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceImage:
    """Geometry of one picture, before any shading.

    Attributes:
        lens: how the camera projects.
        odom_from_camera: where it was.
        pixels: (height, width) int32 row of `drawn`, SKY or GROUND.
        drawn: (m,) int64 faces of the state that were painted, in no special order.
        ground_view: how the camera sees the bare ground.
    """

    lens: Pinhole
    odom_from_camera: RigidTransform
    pixels: NDArray[np.int32]
    drawn: NDArray[np.intp]
    ground_view: GroundView

    def object_ids(self, faces: Faces) -> NDArray[np.int32]:
        """Return (height, width) int32: id of the visible object, SKY or GROUND."""
        table = np.empty(len(self.drawn) + 2, np.int32)
        table[: len(self.drawn)] = faces.object_ids[self.drawn]
        # Negative numbers index from the end.
        table[SKY], table[GROUND] = SKY, GROUND
        return table.take(self.pixels, mode='wrap')


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """Faces as polygons of the picture.

    Attributes:
        drawn: (m,) rows of the state's faces.
        polygons: m polygons (k, 2) int32, pixels with SUBPIXEL_BITS.
    """

    drawn: NDArray[np.intp]
    polygons: list[NDArray[np.int32]]


def rasterise(state: WorldState, lens: Pinhole, odom_from_camera: RigidTransform) -> FaceImage:
    """Project the faces of the world to the picture of a pinhole camera."""
    ground_view = GroundView.of(lens, odom_from_camera)
    outlines = project_faces(state.faces, lens, odom_from_camera)
    pixels = ground_view.empty_picture.copy()
    polygons = outlines.polygons
    for k in _painting_order(state, outlines.drawn, odom_from_camera).tolist():
        cv2.fillConvexPoly(pixels, polygons[k], k, shift=SUBPIXEL_BITS)
    return FaceImage(lens, odom_from_camera, pixels, outlines.drawn, ground_view)


def project_faces(faces: Faces, lens: Pinhole, odom_from_camera: RigidTransform) -> Outlines:
    """Return the faces that face the camera and reach into its picture."""
    eye = odom_from_camera.translation.astype(np.float32)
    axes = odom_from_camera.rotation.astype(np.float32)
    centres = (faces.part_centres - eye) @ axes
    slope = np.float32(1.05 * max(lens.cx, lens.width - lens.cx) / lens.fx)
    candidate = faces.normals @ eye + faces.offsets > 1e-3
    candidate &= centres[:, 2] > -_PART_REACH_M
    candidate &= np.abs(centres[:, 0]) < centres[:, 2] * slope + np.float32(_PART_REACH_M)
    drawn = np.flatnonzero(candidate)
    corners = (faces.corners[drawn] - eye) @ axes
    depth = corners[..., 2]
    nearest = depth.min(1)
    keep = depth.max(1) > NEAR_M
    drawn, corners, nearest = drawn[keep], corners[keep], nearest[keep]
    cut = {int(k): clip_near(corners[k]) for k in np.flatnonzero(nearest < NEAR_M)}
    np.maximum(corners[..., 2], NEAR_M, out=corners[..., 2])
    uv = lens.project(corners)
    low, high = uv.min(1), uv.max(1)
    inside = (high > 0).all(1) & (low[:, 0] < lens.width) & (low[:, 1] < lens.height)
    inside[list(cut)] = True
    polygons = list(to_subpixels(uv))
    for k, part in cut.items():
        pixels = lens.project(part)
        polygons[k] = to_subpixels(pixels)
    kept = np.flatnonzero(inside)
    return Outlines(drawn[kept], [polygons[k] for k in kept.tolist()])


def _painting_order(
    state: WorldState, drawn: NDArray[np.intp], odom_from_camera: RigidTransform
) -> NDArray[np.intp]:
    """Sort far objects first, then far parts of an object (convex, without back faces)."""
    eye = odom_from_camera.translation
    owners = state.faces.object_ids[drawn]
    objects = np.unique(owners)
    rank = np.empty(len(state.poses), np.intp)
    rank[objects[far_to_near(eye[:2], state.outlines[objects])]] = np.arange(len(objects))
    away = state.faces.part_centres[drawn] - eye.astype(np.float32)
    distance = np.einsum('fi,fi->f', away, away)
    order: NDArray[np.intp] = np.lexsort((-distance, rank[owners]))
    return order
