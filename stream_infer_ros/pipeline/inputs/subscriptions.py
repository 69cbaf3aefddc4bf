"""The topics that the pipeline subscribes to."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.graph.graph import CAMERA_INPUT, TF, TF_STATIC, Qos
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.inputs.camera_topics import CAMERA_INFO
from stream_infer_ros.pipeline.inputs.transform_topics import TF_MESSAGE, TransformTopics


def subscriptions(
    cameras: Sequence[CameraState], with_map: bool, transforms: TransformTopics
) -> list[tuple[str, str, Qos]]:
    """Return (topic, type, QoS): first transforms, then calibrations, then images.

    Transforms and calibrations are needed for the map only. Two cameras may share one CameraInfo topic.
    """
    images = [(c.topics.image, c.topics.image_type, CAMERA_INPUT) for c in cameras]
    if not with_map:
        return images
    transform_topics = [
        (transforms.static, TF_MESSAGE, TF_STATIC),
        (transforms.dynamic, TF_MESSAGE, TF),
    ]
    calibrations = {c.topics.camera_info: (c.topics.camera_info, CAMERA_INFO, CAMERA_INPUT) for c in cameras}
    return [*transform_topics, *calibrations.values(), *images]
