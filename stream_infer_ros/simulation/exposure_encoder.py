"""The image message of one exposure, as bytes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.messages import compressed_image, image
from stream_infer_ros.simulation.render import render
from stream_infer_ros.simulation.rig import SimCamera
from stream_infer_ros.simulation.schedule import Exposure
from stream_infer_ros.simulation.world import World


class ExposureEncoder:
    """Renders and encodes. The same exposure gives the same bytes in any process.

    Args:
        world, cameras, epoch_ns, speed_m_s, jpeg_quality: see `WorldPublisher`.
    """

    def __init__(
        self,
        world: World,
        cameras: Sequence[SimCamera],
        epoch_ns: int,
        speed_m_s: float = 1.0,
        jpeg_quality: int = 0,
    ) -> None:
        self._world, self._cameras, self._epoch_ns = world, tuple(cameras), epoch_ns
        self._speed_m_s, self._jpeg_quality = speed_m_s, jpeg_quality

    def encode(self, exposure: Exposure) -> bytes:
        """Return the CDR of a sensor_msgs/Image (rgb8), or of a CompressedImage (jpeg)."""
        t_s = (exposure.stamp_ns - self._epoch_ns) * 1e-9
        camera = self._cameras[exposure.camera]
        odom_from_base = self._world.odom_from_base(t_s, self._speed_m_s)
        rng = sensor_rng(self._world.seed, exposure, self._epoch_ns)
        pixels = render(self._world.at(t_s), camera, odom_from_base, rng).image
        frame_id = optical_frame(camera.name)
        if not self._jpeg_quality:
            return image.encode_image(exposure.stamp_ns, frame_id, pixels, 'rgb8')
        data = _jpeg(pixels, self._jpeg_quality)
        return compressed_image.encode_compressed_image(exposure.stamp_ns, frame_id, data, 'jpeg')


def optical_frame(camera: str) -> str:
    """Return the tf frame of the images of a camera (REP-103: x right, y down, z forward)."""
    return f'{camera}_optical_frame'


def sensor_rng(seed: int, exposure: Exposure, epoch_ns: int) -> np.random.Generator:
    """Return the random numbers for the noise of one exposure, the same in any process."""
    return np.random.default_rng([seed, exposure.camera, max(0, exposure.stamp_ns - epoch_ns)])


def _jpeg(rgb: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, file = cv2.imencode('.jpg', bgr, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(file, np.uint8).reshape(-1)
