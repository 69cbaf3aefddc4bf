"""The node that everybody writes, where there is no ROS: `python -m peers.usual_dds SETTING`.

The same pattern on our DDS graph: rosbags' typed messages, the rule of message_filters' Python
ApproximateTimeSynchronizer, one inference per image in the callback, typed vision_msgs out.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import numpy as np

from peers.message_filters_rule import MessageFiltersPython
from peers.plain_runtime import PlainDetector, rgb_of_file
from peers.talk import Results, Setting
from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import Cdr, Qos, make_graph
from stream_infer_ros.messages import detection2d_array
from stream_infer_ros.messages.typestore import typestore

RELIABLE_5 = Qos('reliable', 'volatile', 5)
IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'


class UsualNode:
    """Everything happens on the thread that receives, as in a single-threaded executor."""

    def __init__(self, setting: Setting, results: Results) -> None:
        options = setting.options
        self._results, self._store = results, typestore()
        self._detector = PlainDetector(Path(setting.model), setting.engine)
        config = GraphConfig(
            kind=options.graph, node_name='usual', domain_id=options.domain_id, loopback=True
        )
        graph = make_graph(config)
        self._publishers = {
            camera: graph.advertise(f'/usual/{camera}/detections', detection2d_array.TYPE_NAME, RELIABLE_5)
            for camera in options.cameras
        }
        self._index = {camera: index for index, camera in enumerate(options.cameras)}
        slop_ns = round(0.5e9 / options.rate_hz)
        self._synchronizer = MessageFiltersPython(options.cameras, 10, slop_ns) if options.matched else None
        self._kind, suffix = (COMPRESSED, '/compressed') if options.encoding == 'jpeg' else (IMAGE, '')
        for camera in options.cameras:
            graph.subscribe(
                f'/{camera}/image_raw{suffix}', self._kind, RELIABLE_5, partial(self._on_message, camera)
            )

    def _on_message(self, camera: str, cdr: Cdr, received_ns: int) -> None:
        message = self._store.deserialize_cdr(memoryview(cdr), self._kind)
        stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        frame = Frame(camera, stamp_ns, received_ns, message, 'rgb8', message.header.frame_id)
        if self._synchronizer is None:
            self._on_image(frame)
            return
        for frames in self._synchronizer.add(frame, received_ns):
            for one in frames:
                self._on_image(one)

    def _on_image(self, frame: Frame) -> None:
        data = np.frombuffer(frame.image.data, np.uint8)
        if self._kind == IMAGE:
            rgb = data.reshape(frame.image.height, frame.image.width, 3).copy()  # as cv_bridge does
        else:
            rgb = rgb_of_file(data)
        found = self._detector.detect(rgb)
        cdr = detection2d_array.encode_detection2d_array(frame.stamp_ns, frame.frame_id, found)
        # Typed: built field by field, then serialised. rosbags builds it from its own bytes.
        typed = self._store.deserialize_cdr(cdr, detection2d_array.TYPE_NAME)
        self._publishers[frame.camera].publish(
            bytes(self._store.serialize_cdr(typed, detection2d_array.TYPE_NAME))
        )
        self._results.published(self._index[frame.camera], frame.stamp_ns)


def main() -> None:
    results = Results()
    node = UsualNode(Setting.told(), results)
    results.ready()
    results.wait_for_end()
    del node
    os._exit(0)


if __name__ == '__main__':
    main()
