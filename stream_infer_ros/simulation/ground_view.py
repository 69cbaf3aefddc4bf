"""The view of flat ground: everything that depends on height and tilt of a camera, not on its position."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.simulation.pinhole import Pinhole, pixel_rays

_FAR_M = 1000.0
_COARSE_FROM_M, _COARSE_ONLY_M = 3.0, 8.0
_HORIZON = 1e-3

Rgb = tuple[float, float, float]


class GroundView:
    """Tables of one camera over flat ground. They are cached, because they do not change on flat ground.

    Attributes:
        empty_picture: (h, w) int32: -2 where ground is seen, -1 in the sky, as in `rasteriser.FaceImage`.
        depth_m: (h, w) float32 depth along the optical axis of the ground at each pixel, 1000 in the sky.
        sky_rows: rows from the top that show any sky.
        sky_mask: (sky_rows, w) uint8, 1 in the sky.
        horizon_row: rows above are all sky.
        fine_from_row: rows from here down need the ground's fine picture,
        coarse_to_row: rows above this the coarse one; between the two they are blended,
        fine_weight: with this share of the fine one, (coarse_to_row - fine_from_row, w) float32.
        coarse_weight: 1 - fine_weight.
        sky_gain: (sky_rows, w) float32 brightness of the sky.
    """

    def __init__(self, lens: Pinhole, down: tuple[float, float, float], height_m: float) -> None:
        x, y = pixel_rays(lens)
        rise = x * np.float32(down[0]) + (y * np.float32(down[1]) + np.float32(down[2]))[:, None]
        below = rise < -_HORIZON
        depth = np.full(rise.shape, np.float32(_FAR_M))
        np.divide(np.float32(-height_m), rise, out=depth, where=below)
        self.depth_m = depth
        self.empty_picture: NDArray[np.int32] = np.where(below, np.int32(-2), np.int32(-1))
        ground_rows = np.flatnonzero(below.any(1))
        self.horizon_row = int(ground_rows[0]) if len(ground_rows) else lens.height
        sky = np.flatnonzero(~below.all(1))
        self.sky_rows = int(sky[-1]) + 1 if len(sky) else 0
        near = np.flatnonzero(depth.min(1) < _COARSE_ONLY_M)
        far = np.flatnonzero(depth.max(1) > _COARSE_FROM_M)
        self.fine_from_row = max(self.horizon_row, int(near[0])) if len(near) else lens.height
        self.coarse_to_row = max(self.fine_from_row, int(far[-1]) + 1 if len(far) else 0)
        blend = depth[self.fine_from_row : self.coarse_to_row]
        coarse = np.clip((blend - _COARSE_FROM_M) / (_COARSE_ONLY_M - _COARSE_FROM_M), 0, 1)
        self.coarse_weight: NDArray[np.float32] = np.ascontiguousarray(coarse)
        self.fine_weight: NDArray[np.float32] = 1 - self.coarse_weight
        self.sky_mask: NDArray[np.uint8] = 1 - below[: self.sky_rows].view(np.uint8)
        self.sky_gain: NDArray[np.float32] = 1 - np.float32(0.35) * np.clip(rise[: self.sky_rows], 0, 1)

    @staticmethod
    def of(lens: Pinhole, odom_from_camera: RigidTransform) -> GroundView:
        """Return the (cached) view of a camera with this pose."""
        # Turning the robot leaves rounding errors in what does not change.
        x, y, z = np.round(odom_from_camera.rotation[2], 9).tolist()
        return _ground_view(lens, (x, y, z), round(float(odom_from_camera.translation[2]), 9))


@lru_cache(maxsize=16)
def _ground_view(lens: Pinhole, down: tuple[float, float, float], height_m: float) -> GroundView:
    return GroundView(lens, down, height_m)


@lru_cache(maxsize=16)
def sky_picture(view: GroundView, colour: Rgb) -> NDArray[np.uint8]:
    """Return (view.sky_rows, w, 4) uint8 RGBA: `colour` (RGB 0..255) at the horizon, darker above."""
    sky: NDArray[np.uint8] = np.full((*view.sky_gain.shape, 4), 255, np.uint8)
    sky[..., :3] = view.sky_gain[..., None] * np.array(colour, np.float32)
    return sky


class Haze(NamedTuple):
    """The effect of haze on the ground, for the rows from the horizon down.

    Attributes:
        clear: (rows, w) float32 share of the ground's own colour that is left.
        share: (rows, w) float32, one minus that.
        colour: (rows, w, 4) uint8 RGBA of the haze.
    """

    clear: NDArray[np.float32]
    share: NDArray[np.float32]
    colour: NDArray[np.uint8]


@lru_cache(maxsize=16)
def ground_haze(view: GroundView, colour: Rgb, haze_per_m: float) -> Haze:
    """Return the haze of a colour (RGB 0..255) over the ground of a view."""
    depth = view.depth_m[view.horizon_row :]
    clear: NDArray[np.float32] = np.exp(-np.float32(haze_per_m) * depth)
    picture = np.empty((*depth.shape, 4), np.uint8)
    picture[...] = np.array((*colour, 255)).astype(np.uint8)
    return Haze(clear, 1 - clear, picture)
