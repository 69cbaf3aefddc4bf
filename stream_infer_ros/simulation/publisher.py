"""The publisher of the simulated world: images, calibration and transforms, like those of camera drivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stream_infer_ros.cameras.transform_buffer import StampedTransform
from stream_infer_ros.graph.graph import RELIABLE, TF, TF_STATIC, Graph, Publisher
from stream_infer_ros.messages import camera_info, clock, compressed_image, image, tf
from stream_infer_ros.simulation.exposure_encoder import ExposureEncoder, optical_frame
from stream_infer_ros.simulation.render_process import Encoder
from stream_infer_ros.simulation.rig import LINK_FROM_OPTICAL, SimCamera
from stream_infer_ros.simulation.schedule import Exposure
from stream_infer_ros.simulation.world import World

ODOM_FRAME, BASE_FRAME = 'odom', 'base_link'


@dataclass(frozen=True, slots=True)
class PreparedFrame:
    """All messages of one exposure, in the order of publication.

    Attributes:
        exposure: its exposure.
        messages: publisher and CDR bytes. The image is the last message.
    """

    exposure: Exposure
    messages: tuple[tuple[Publisher, bytes], ...]


class WorldPublisher:
    """The cameras and the odometry of one robot.

    The topics are:
    - `/<camera>/image_raw` (rgb8) or `/<camera>/image_raw/compressed` (jpeg), below `namespace`;
    - `/<camera>/camera_info`, below `namespace`, with the same stamp;
    - `/tf` with odom -> base_link at every stamp, before the image;
    - `/tf_static` with base_link -> <camera>_link -> <camera>_optical_frame, latched;
    - `/clock` at every stamp, if requested.

    Args:
        graph: where to publish; stays the caller's.
        world: the simulated world. World time is stamp - `epoch_ns`, so that the ground truth of a stamp
            follows from seed and epoch.
        cameras: the rig.
        epoch_ns: stamp at which the world begins.
        speed_m_s: speed of the robot along its route.
        jpeg_quality: 1 to 100 publishes jpeg, 0 raw images.
        with_clock: publish `/clock` too.
        namespace: '/' or '/robot', of the topics of the cameras; tf and clock are global.
        encoder: renders the images; by default, a new encoder in this process.
    """

    def __init__(
        self,
        graph: Graph,
        world: World,
        cameras: Sequence[SimCamera],
        epoch_ns: int,
        speed_m_s: float = 1.0,
        jpeg_quality: int = 0,
        with_clock: bool = False,
        namespace: str = '/',
        encoder: Encoder | None = None,
    ) -> None:
        base = namespace.rstrip('/')
        self._world, self._cameras = world, tuple(cameras)
        self._epoch_ns, self._speed_m_s = epoch_ns, speed_m_s
        self._encoder = encoder or ExposureEncoder(world, cameras, epoch_ns, speed_m_s, jpeg_quality)
        suffix, kind = ('/compressed', compressed_image) if jpeg_quality else ('', image)
        self._images = [
            graph.advertise(f'{base}/{camera.name}/image_raw{suffix}', kind.TYPE_NAME, RELIABLE)
            for camera in cameras
        ]
        self._infos = [
            graph.advertise(f'{base}/{camera.name}/camera_info', camera_info.TYPE_NAME, RELIABLE)
            for camera in cameras
        ]
        self._tf = graph.advertise('/tf', tf.TYPE_NAME, TF)
        self._clock = graph.advertise('/clock', clock.TYPE_NAME, RELIABLE) if with_clock else None
        tf_static = graph.advertise('/tf_static', tf.TYPE_NAME, TF_STATIC)
        tf_static.publish(tf.encode_tf(static_transforms(cameras, epoch_ns)))

    def prepare(self, exposure: Exposure) -> PreparedFrame:
        """Render and encode one image, and encode the other messages of its exposure."""
        stamp_ns, camera = exposure.stamp_ns, self._cameras[exposure.camera]
        t_s = (stamp_ns - self._epoch_ns) * 1e-9
        odom_from_base = self._world.odom_from_base(t_s, self._speed_m_s)
        pose = StampedTransform(stamp_ns, ODOM_FRAME, BASE_FRAME, odom_from_base)
        info = camera_info.encode_camera_info(stamp_ns, optical_frame(camera.name), camera.model)
        messages = [
            (self._tf, tf.encode_tf([pose])),
            (self._infos[exposure.camera], info),
            (self._images[exposure.camera], self._encoder.encode(exposure)),
        ]
        if self._clock is not None:
            messages.insert(0, (self._clock, clock.encode_clock(stamp_ns)))
        return PreparedFrame(exposure, tuple(messages))

    def hand_out(self, frame: PreparedFrame) -> None:
        """Publish a prepared frame. Raises GraphError after the graph was closed."""
        for publisher, cdr in frame.messages:
            publisher.publish(cdr)


def static_transforms(cameras: Sequence[SimCamera], stamp_ns: int) -> list[StampedTransform]:
    """Return base_link -> <camera>_link -> <camera>_optical_frame of every camera."""
    transforms = []
    for camera in cameras:
        link = f'{camera.name}_link'
        transforms.append(StampedTransform(stamp_ns, BASE_FRAME, link, camera.base_from_link))
        optical = StampedTransform(stamp_ns, link, optical_frame(camera.name), LINK_FROM_OPTICAL)
        transforms.append(optical)
    return transforms
