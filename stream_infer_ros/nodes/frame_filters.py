"""Filters that provide our frames to a chain of message_filters, at its start or in the middle."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from builtin_interfaces.msg import Time
from message_filters import SimpleFilter
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.graph.graph import CAMERA_INPUT, Cdr, Graph, Qos
from stream_infer_ros.messages.compressed_image import recognise
from stream_infer_ros.messages.image import pixel_view
from stream_infer_ros.pipeline.inputs.camera_topics import CameraTopics, sibling_info
from stream_infer_ros.pipeline.inputs.frame_readers import FRAME_READERS


class FrameMessage:
    """A `Frame` with the header that stock filters match by; its pixels stay in the original message.

    Attributes:
        frame: the frame.
        header: std_msgs/Header with the frame's stamp and frame_id.
    """

    __slots__ = ('frame', 'header')

    def __init__(self, frame: Frame) -> None:
        seconds, nanoseconds = divmod(frame.stamp_ns, 1_000_000_000)
        self.frame = frame
        self.header = Header(stamp=Time(sec=seconds, nanosec=nanoseconds), frame_id=frame.frame_id)


def stamp_ns(message: Any) -> int:
    """Return the header stamp of a message, nanoseconds."""
    stamp = message.header.stamp
    seconds, nanoseconds = int(stamp.sec), int(stamp.nanosec)
    return seconds * 1_000_000_000 + nanoseconds


class FrameSubscriber(SimpleFilter):
    """Replacement for `message_filters.Subscriber(node, Image, topic)` that outputs `FrameMessage`s.

    rclpy builds no Image and no pixel is copied, so it costs a fraction of a typed subscriber. Callbacks run
    on the graph's thread. Their errors are logged and counted there, as are images that cannot be decoded.

    Args:
        graph: where to subscribe: `RosGraph(node)`.
        topic: of sensor_msgs/Image, or of sensor_msgs/CompressedImage where `compressed`.
        camera: name that its frames carry; empty: the topic.
        compressed: True if images arrive as JPEG or PNG files; `Frame.image` is then the file.
    """

    def __init__(
        self, graph: Graph, topic: str, camera: str = '', qos: Qos = CAMERA_INPUT, compressed: bool = False
    ) -> None:
        super().__init__()
        self._topics = CameraTopics(camera or topic, topic, sibling_info(topic), compressed)
        self._read = FRAME_READERS[self._topics.image_type]
        graph.subscribe(topic, self._topics.image_type, qos, self._take)

    def getTopic(self) -> str:  # as message_filters.Subscriber calls it
        return self._topics.image

    def _take(self, cdr: Cdr, received_ns: int) -> None:
        self.signalMessage(FrameMessage(self._read(self._topics, cdr, received_ns)))


class FrameFilter(SimpleFilter):
    """Filter that turns sensor_msgs (Compressed)Images from any stock filter into `FrameMessage`s.

    Args:
        node: its clock gives the time of arrival.
        upstream: a Subscriber, a Cache, ...
        camera: name that the frames carry.

    Raises (out of the upstream's callback):
        EncodingError: the encoding is unknown, sizes do not agree, or the file is neither JPEG nor PNG.
    """

    def __init__(self, node: Node, upstream: SimpleFilter, camera: str) -> None:
        super().__init__()
        self._clock = node.get_clock()
        self._camera = camera
        upstream.registerCallback(self._take)

    def _take(self, message: Image | CompressedImage) -> None:
        data = np.frombuffer(message.data, np.uint8)
        if isinstance(message, CompressedImage):
            pixels, encoding = data, recognise(data, message.format)
        else:
            size = (message.height, message.width)
            byte_order: Literal['<', '>'] = '>' if message.is_bigendian else '<'
            pixels, encoding = (
                pixel_view(data, message.encoding, size, message.step, byte_order),
                message.encoding,
            )
        received_ns = self._clock.now().nanoseconds
        frame = Frame(self._camera, stamp_ns(message), received_ns, pixels, encoding, message.header.frame_id)
        self.signalMessage(FrameMessage(frame))
