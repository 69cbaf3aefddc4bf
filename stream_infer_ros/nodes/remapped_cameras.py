"""Remapping of an image topic also moves its camera_info, as in image_transport."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from rclpy.node import Node

from stream_infer_ros.pipeline.inputs.camera_topics import CameraTopics, sibling_info
from stream_infer_ros.pipeline.inputs.rectified_topics import is_rectified

# The topics of a camera with images, or with detections.
Topics = TypeVar('Topics', bound=CameraTopics)


def remapped(node: Node, camera: Topics) -> Topics:
    """Return the camera; if its image topic is remapped, its camera_info is beside the new image topic.

    This does not apply if camera_info was configured or remapped itself. The name of the image stays, because
    the subscription remaps it, but the new name says if the images are rectified.
    """
    image = node.resolve_topic_name(camera.image)
    if image == camera.image:
        return camera
    if camera.geometry == 'auto':
        camera = replace(camera, geometry='rectified' if is_rectified(image) else 'raw')
    configured = camera.camera_info != sibling_info(camera.image)
    if configured or _is_remapped(node, camera.camera_info):
        return camera
    return replace(camera, camera_info=sibling_info(image))


def _is_remapped(node: Node, topic: str) -> bool:
    return node.resolve_topic_name(topic) != topic
