"""The picture of one camera, as a colour image and as object ids."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.simulation.face_shading import BodyPixels, shade_bodies
from stream_infer_ros.simulation.ground_shading import paint_ground_and_sky
from stream_infer_ros.simulation.pinhole import Pinhole
from stream_infer_ros.simulation.rasteriser import SKY, FaceImage, rasterise
from stream_infer_ros.simulation.rig import SimCamera
from stream_infer_ros.simulation.sensor import expose
from stream_infer_ros.simulation.world import WorldState


@dataclass(frozen=True, slots=True, eq=False)
class RenderedView:
    """The view of one camera at one time.

    Attributes:
        image: (height, width, 3) uint8 RGB.
        state: the world it shows.
        face_image: geometry behind it.
        body_pixels: the pixels that show a body, with their depth.
    """

    image: NDArray[np.uint8]
    state: WorldState
    face_image: FaceImage
    body_pixels: BodyPixels

    @property
    def object_id(self) -> NDArray[np.int32]:
        """Compute (height, width) int32: id of the visible object at each pixel, -1 sky, -2 ground."""
        return self.face_image.object_ids(self.state.faces)

    @property
    def depth_m(self) -> NDArray[np.float32]:
        """Compute (height, width) float32 metres along the optical axis, inf in the sky."""
        view = self.face_image.ground_view
        depth = np.where(view.empty_picture == SKY, np.float32(np.inf), view.depth_m)
        depth.reshape(-1)[self.body_pixels.where] = self.body_pixels.depth_m
        return depth


def render(
    state: WorldState,
    camera: SimCamera,
    odom_from_base: RigidTransform,
    rng: np.random.Generator | None = None,
) -> RenderedView:
    """Render the view of `camera` on a robot at `odom_from_base`.

    Args:
        rng: draws the sensor's noise; None: a sensor without noise.

    Raises:
        WorldError: the camera is no plain pinhole.
    """
    lens = Pinhole.of(camera.model)
    face_image = rasterise(state, lens, odom_from_base @ camera.base_from_camera)
    rgba = paint_ground_and_sky(state, lens, face_image.odom_from_camera, face_image.ground_view)
    bodies = shade_bodies(face_image, state.faces, state.world.light)
    rgba.reshape(-1).view(np.uint32)[bodies.where] = bodies.colour
    image = np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), np.uint8)
    return RenderedView(expose(image, camera, rng), state, face_image, bodies)


def visible_objects(
    state: WorldState, camera: SimCamera, odom_from_base: RigidTransform
) -> NDArray[np.int32]:
    """Return `render(...).object_id` without rendering colours, in a fifth of the time, for ground truth.

    Raises:
        WorldError: the camera is no plain pinhole.
    """
    lens = Pinhole.of(camera.model)
    return rasterise(state, lens, odom_from_base @ camera.base_from_camera).object_ids(state.faces)
