"""The picture of sky and ground, including moving shadows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.simulation.ground import SUBPIXEL_BITS, shadow_table, to_subpixels
from stream_infer_ros.simulation.ground_view import GroundView, ground_haze, sky_picture
from stream_infer_ros.simulation.pinhole import NEAR_M, Pinhole, clip_near
from stream_infer_ros.simulation.world import WorldState

_SHADOW_RANGE_M = 18.0


def paint_ground_and_sky(
    state: WorldState, lens: Pinhole, odom_from_camera: RigidTransform, view: GroundView
) -> NDArray[np.uint8]:
    """Return (height, width, 4) uint8 RGBA with haze, before the sensor model."""
    image = np.empty((lens.height, lens.width, 4), np.uint8)
    light = state.world.light
    fine_from, coarse_to, horizon = view.fine_from_row, view.coarse_to_row, view.horizon_row
    pixel_from_ground = _pixel_from_ground(lens, odom_from_camera)
    if fine_from < lens.height:
        image[fine_from:] = _warped(state, pixel_from_ground, (fine_from, lens.height), lens.width, False)
    if coarse_to > horizon:
        far = _warped(state, pixel_from_ground, (horizon, coarse_to), lens.width, True)
        split = fine_from - horizon
        image[horizon:fine_from] = far[:split]
        if coarse_to > fine_from:
            near = image[fine_from:coarse_to]
            near[...] = cv2.blendLinear(near, far[split:], view.fine_weight, view.coarse_weight)
    if state.moving_shadows:
        _cast_shadows(state, lens, odom_from_camera, image)
    red, green, blue = light.sky.tolist()
    if light.haze_per_m > 0:
        haze = ground_haze(view, (red, green, blue), light.haze_per_m)
        ground = image[horizon:]
        ground[...] = cv2.blendLinear(ground, haze.colour, haze.clear, haze.share)
    if view.sky_rows:
        cv2.copyTo(sky_picture(view, (red, green, blue)), view.sky_mask, image[: view.sky_rows])
    return image


def _pixel_from_ground(lens: Pinhole, odom_from_camera: RigidTransform) -> NDArray[np.float64]:
    """Return the (3, 3) homography from (x, y, 1) on the ground to (u, v, 1)."""
    k = np.array([[lens.fx, 0, lens.cx], [0, lens.fy, lens.cy], [0, 0, 1]])
    plane = np.column_stack([[1, 0, 0], [0, 1, 0], -odom_from_camera.translation])
    homography: NDArray[np.float64] = k @ odom_from_camera.rotation.T @ plane
    return homography


def _warped(
    state: WorldState, pixel_from_ground: NDArray[np.float64], rows: tuple[int, int], width: int, coarse: bool
) -> NDArray[np.uint8]:
    """Render the rows [from, to) of the ground."""
    ground = state.world.ground
    shift = np.array([[1, 0, 0], [0, 1, -rows[0]], [0, 0, 1.0]])
    matrix = shift @ pixel_from_ground @ ground.world_from_texel(coarse)
    strip = cv2.warpPerspective(
        ground.coarse if coarse else ground.fine,
        matrix,
        (width, rows[1] - rows[0]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=ground.mean,
    )
    return np.asarray(strip, np.uint8)


def _cast_shadows(
    state: WorldState, lens: Pinhole, odom_from_camera: RigidTransform, image: NDArray[np.uint8]
) -> None:
    eye, axes = odom_from_camera.translation, odom_from_camera.rotation
    polygons = []
    for hull in state.moving_shadows:
        if np.abs(hull[0] - eye[:2]).sum() > _SHADOW_RANGE_M:
            continue
        corners = np.column_stack([hull, np.zeros(len(hull))]) - eye
        corners = corners @ axes
        if corners[:, 2].min() < NEAR_M:
            corners = clip_near(corners)
        if len(corners):
            polygons.append(lens.project(corners))
    polygons = [p for p in polygons if p.max() > 0 and (p.min(0) < (lens.width, lens.height)).all()]
    if not polygons:
        return
    top = max(0, int(min(p[:, 1].min() for p in polygons)) - 1)
    bottom = min(lens.height, int(max(p[:, 1].max() for p in polygons)) + 2)
    if bottom <= top:
        return
    mask = np.zeros((bottom - top, lens.width), np.uint8)
    for polygon in polygons:
        cv2.fillConvexPoly(mask, to_subpixels(polygon - (0, top)), 1, shift=SUBPIXEL_BITS)
    strip = image[top:bottom]
    cv2.copyTo(cv2.LUT(strip, shadow_table(state.world.light)), mask, strip)
