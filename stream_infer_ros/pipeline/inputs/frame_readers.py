"""Turns a message of a camera into a frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.graph.graph import Cdr
from stream_infer_ros.inference.detections import Detections
from stream_infer_ros.messages.compressed_image import decode_compressed_image
from stream_infer_ros.messages.detection2d_array import decode_detection2d_array
from stream_infer_ros.messages.image import ImageMessage, decode_image
from stream_infer_ros.pipeline.inputs.camera_topics import (
    COMPRESSED_IMAGE,
    DETECTIONS,
    IMAGE,
    CameraTopics,
    DetectionTopics,
)

FrameReader = Callable[[CameraTopics, Cdr, int], Frame]

_NO_PIXELS = np.zeros((0, 0), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFrame(Frame):
    """The detections of another node for one image: with its stamp and frame id, but without its pixels."""

    detections: Detections


def read_image(camera: CameraTopics, cdr: Cdr, received_ns: int) -> Frame:
    """Return the frame of an Image message. Raises MessageError if the bytes are none."""
    return _frame(camera, decode_image(cdr), received_ns)


def read_compressed_image(camera: CameraTopics, cdr: Cdr, received_ns: int) -> Frame:
    """Return the frame of a CompressedImage message. Raises MessageError if the bytes are none."""
    return _frame(camera, decode_compressed_image(cdr), received_ns)


def read_detections(camera: CameraTopics, cdr: Cdr, received_ns: int) -> DetectedFrame:
    """Return a frame with detections, best first, classes by name.

    Raises MessageError if the bytes are no Detection2DArray.
    """
    message = decode_detection2d_array(cdr)
    names = camera.class_names if isinstance(camera, DetectionTopics) else ()
    found = _best_first(message.detections, names)
    return DetectedFrame(
        camera.camera, message.stamp_ns, received_ns, _NO_PIXELS, '', message.frame_id, found
    )


# By message type.
FRAME_READERS: dict[str, FrameReader] = {
    IMAGE: read_image,
    COMPRESSED_IMAGE: read_compressed_image,
    DETECTIONS: read_detections,
}


def _frame(camera: CameraTopics, image: ImageMessage, received_ns: int) -> Frame:
    return Frame(camera.camera, image.stamp_ns, received_ns, image.image, image.encoding, image.frame_id)


def _best_first(found: Detections, names: tuple[str, ...]) -> Detections:
    order = np.argsort(-found.score, kind='stable')
    class_names = tuple(
        names[int(name)] if name.isascii() and name.isdigit() and int(name) < len(names) else name
        for name in found.class_names
    )
    tracks = None if found.track_id is None else found.track_id[order]
    return Detections(
        found.xyxy[order], found.score[order], found.class_id[order], class_names, track_id=tracks
    )
