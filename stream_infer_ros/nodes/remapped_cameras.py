"""Remapping an image moves its camera_info along, as image_transport has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from rclpy.node import Node

from stream_infer_ros.pipeline.camera_topics import CameraTopics, sibling_info

# The topics of a camera with images, or with detections.
Topics = TypeVar('Topics', bound=CameraTopics)


def remapped(node: Node, camera: Topics) -> Topics:
    """The same camera; where the image goes by another name, its camera_info lies beside that one.

    Not so where camera_info was configured or remapped itself. The name of the image stays: it is remapped
    where it is subscribed to.
    """
    image = node.resolve_topic_name(camera.image)
    configured = camera.camera_info != sibling_info(camera.image)
    if image == camera.image or configured or _is_remapped(node, camera.camera_info):
        return camera
    return replace(camera, camera_info=sibling_info(image))


def _is_remapped(node: Node, topic: str) -> bool:
    return node.resolve_topic_name(topic) != topic
