"""Pictures of the simulated world that are rendered in advance."""

from __future__ import annotations

import numpy as np

from stream_infer_ros.messages import image
from stream_infer_ros.simulation.exposure_encoder import optical_frame
from stream_infer_ros.simulation.render import render
from stream_infer_ros.simulation.rig import SimCamera
from stream_infer_ros.simulation.schedule import Exposure
from stream_infer_ros.simulation.world import World

SEED = 1


class Rendered:
    """A few pictures of each camera, over and over, with the stamp of the moment."""

    def __init__(self, world: World, cameras: tuple[SimCamera, ...], pictures: int = 5) -> None:
        rng = np.random.default_rng(SEED)
        self._pictures = [
            [
                render(world.at(t_s), camera, world.odom_from_base(t_s, 1.0), rng).image
                for t_s in np.arange(pictures) * 0.4
            ]
            for camera in cameras
        ]
        self._frames = [optical_frame(camera.name) for camera in cameras]

    def encode(self, exposure: Exposure) -> bytes:
        pictures = self._pictures[exposure.camera]
        pixels = pictures[exposure.stamp_ns // 100_000_000 % len(pictures)]
        return image.encode_image(exposure.stamp_ns, self._frames[exposure.camera], pixels, 'rgb8')
