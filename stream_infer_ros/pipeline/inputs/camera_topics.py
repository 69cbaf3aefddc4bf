"""The topics of each camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stream_infer_ros.config import Config
from stream_infer_ros.config.tree import ImageGeometry
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph.graph import TopicInfo
from stream_infer_ros.graph.names import is_topic_name
from stream_infer_ros.pipeline.inputs.camera_names import camera_names
from stream_infer_ros.pipeline.inputs.rectified_topics import info_topics, is_rectified

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
DETECTIONS = 'vision_msgs/msg/Detection2DArray'
# Transports beside image_raw/compressed whose messages have the same type and another content.
OTHER_TRANSPORTS = ('/compressedDepth', '/zstd')


@dataclass(frozen=True, slots=True)
class CameraTopics:
    """Absolute topic names of one camera.

    Attributes:
        camera: the name of the camera in outputs, a valid ROS name ('front', 'robot_front').
        image: the image topic; it ends with '/compressed' if `compressed`.
        camera_info: the CameraInfo topic; beside the image topic unless configured.
        compressed: True if the messages on `image` are sensor_msgs/CompressedImage.
        geometry: the values of CameraInfo that describe the images; 'auto': the name of `image` says it.
    """

    camera: str
    image: str
    camera_info: str
    compressed: bool
    geometry: ImageGeometry = 'auto'

    @property
    def rectified(self) -> bool:
        """True if the images are rectified, so that P of CameraInfo describes them."""
        return self.geometry == 'rectified' or (self.geometry == 'auto' and is_rectified(self.image))

    @property
    def image_type(self) -> str:
        return COMPRESSED_IMAGE if self.compressed else IMAGE


@dataclass(frozen=True, slots=True)
class DetectionTopics(CameraTopics):
    """A camera whose detections another node publishes.

    Attributes:
        image: the Detection2DArray topic. Its messages have the header of the image.
        class_names: the names of the classes, if the detector publishes class_id as a number.
    """

    class_names: tuple[str, ...] = ()

    @property
    def image_type(self) -> str:
        return DETECTIONS


def camera_topics(config: Config, found: Sequence[TopicInfo]) -> tuple[CameraTopics, ...]:
    """Return the configured cameras; if none are named, one for each image topic of `found` in the namespace.

    Raises ConfigError if options name a camera that is not configured, if two cameras share a name or an
    image topic, or if there is no camera at all.
    """
    unknown = sorted(set(config.camera) - set(config.cameras))
    if unknown:
        raise ConfigError(
            f'options are given for {", ".join(unknown)}, which `cameras` does not list; '
            f'it lists {", ".join(config.cameras) or "none"}'
        )
    cameras = _configured(config, found) if config.cameras else _discovered(config, found)
    if not cameras:
        where = '' if config.graph.namespace == '/' else f' in namespace {config.graph.namespace}'
        raise ConfigError(
            f'expected at least one camera{where}, found none: name them in `cameras`, or start their '
            'publishers first; '
            f'topics seen: {", ".join(t.name for t in found) or "none"}'
        )
    names = [camera.camera for camera in cameras]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f'expected different camera names, {", ".join(twice)} came twice; rename one')
    by_image: dict[str, list[str]] = {}
    for camera in cameras:
        by_image.setdefault(camera.image, []).append(camera.camera)
    for image, sharing in by_image.items():
        if len(sharing) > 1:
            raise ConfigError(
                f'expected a different image topic for each camera, {image} is that of '
                f'{" and ".join(sharing)}; correct camera.<name>.image_topic'
            )
    return cameras


def detection_topics(config: Config, class_names: tuple[str, ...]) -> tuple[DetectionTopics, ...]:
    """Return the configured cameras if other nodes publish their detections.

    Raises ConfigError as `camera_topics` does.
    """
    if not config.cameras:
        raise ConfigError('expected the names of the cameras in `cameras`, none came')
    return tuple(
        DetectionTopics(camera.camera, camera.image, camera.camera_info, False, camera.geometry, class_names)
        for camera in camera_topics(config, ())
    )


def _configured(config: Config, found: Sequence[TopicInfo]) -> tuple[CameraTopics, ...]:
    namespace = config.graph.namespace.rstrip('/')
    cameras = []
    for name in config.cameras:
        options = config.camera.get(name)
        image = (options and options.image_topic) or f'{name}/image_raw'
        image = image if image.startswith('/') else f'{namespace}/{image}'
        geometry: ImageGeometry = options.geometry if options else 'auto'
        info = (options and options.camera_info_topic) or _info_beside(image, geometry, found)
        info = info if info.startswith('/') else f'{namespace}/{info}'
        compressed = bool(options and options.compressed)
        topic = f'{image}/compressed' if compressed and not image.endswith('/compressed') else image
        cameras.append(CameraTopics(_ros_name(name), topic, info, compressed, geometry))
    return tuple(cameras)


def _discovered(config: Config, found: Sequence[TopicInfo]) -> tuple[CameraTopics, ...]:
    outer = config.graph.namespace.rstrip('/')
    inside = [topic for topic in image_topics(config, found) if is_topic_name(topic.name)]
    raw = [t.name for t in inside if t.type_name == IMAGE]
    compressed = [t.name for t in inside if t.type_name == COMPRESSED_IMAGE]
    # If a camera offers both, the raw image is used, because it needs no decoding.
    compressed = [name for name in compressed if name.removesuffix('/compressed') not in raw]
    images = [name for name in sorted(raw + compressed) if not _is_derived(name, raw + compressed)]
    names = camera_names([name.removesuffix('/compressed').removeprefix(outer) for name in images])
    return tuple(
        CameraTopics(name, image, _info_beside(image, 'auto', found), image in compressed)
        for name, image in zip(names, images, strict=True)
    )


def image_topics(config: Config, found: Sequence[TopicInfo]) -> list[TopicInfo]:
    """Return the colour and grey image topics in the namespace, without overlays of this package."""
    outer, own = config.graph.namespace.rstrip('/'), f'{config.graph.private}/'
    return [
        topic
        for topic in found
        if topic.type_name in (IMAGE, COMPRESSED_IMAGE)
        and topic.name.startswith(f'{outer}/')
        and not topic.name.startswith(own)
        and not topic.name.endswith(OTHER_TRANSPORTS)
        and 'depth' not in topic.name.lower()
        and not _is_overlay(topic.name, found)
    ]


def left_out(config: Config, found: Sequence[TopicInfo]) -> list[str]:
    """Return, sorted, the image topics that are unusable because ROS 2 does not allow their names."""
    return sorted({t.name for t in image_topics(config, found) if not is_topic_name(t.name)})


def _namespace(image_topic: str) -> str:
    return image_topic.removesuffix('/compressed').rpartition('/')[0]


def _is_overlay(image_topic: str, found: Sequence[TopicInfo]) -> bool:
    """True if the topic is an overlay of another node of this package, beside its detections."""
    beside = image_topic.removesuffix('/overlay') + '/detections'
    return image_topic.endswith('/overlay') and any(topic.name == beside for topic in found)


def _is_derived(image_topic: str, images: Sequence[str]) -> bool:
    """True if it is derived from the image_raw beside it, like image_rect and image_mono of image_proc."""
    source = f'{_namespace(image_topic)}/image_raw'
    return image_topic.removesuffix('/compressed') != source and any(
        name.removesuffix('/compressed') == source for name in images
    )


def _info_beside(image_topic: str, geometry: ImageGeometry, found: Sequence[TopicInfo]) -> str:
    """Return the CameraInfo topic of an image topic: the first that exists, or the one beside it."""
    there = {topic.name for topic in found if topic.type_name == CAMERA_INFO}
    rectified = geometry == 'rectified' or (geometry == 'auto' and is_rectified(image_topic))
    beside = sibling_info(image_topic)
    return next((name for name in info_topics(image_topic, rectified) if name in there), beside)


def sibling_info(image_topic: str) -> str:
    """Return the camera_info topic beside the image topic, as in image_transport."""
    return image_topic.removesuffix('/compressed').rpartition('/')[0] + '/camera_info'


def _ros_name(text: str) -> str:
    return text.strip('/').replace('/', '_')
