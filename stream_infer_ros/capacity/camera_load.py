"""Cameras that need little CPU time: pictures that are rendered once and published repeatedly, open loop."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import RELIABLE, Graph
from stream_infer_ros.messages import compressed_image, image
from stream_infer_ros.pipeline.health.durations import Durations
from stream_infer_ros.simulation import World, render, surround_rig
from stream_infer_ros.simulation.clocks import SteadyWait

_PICTURES = 6
_JPEG_QUALITY = 90
# The stamp of std_msgs/Header, seconds and nanoseconds, follows the encapsulation of 4 bytes.
_STAMP_AT, _STAMP = 4, struct.Struct('<iI')
_FOUND_S, _SETTLED_S = 30.0, 0.3


@dataclass(frozen=True, slots=True)
class LoadReport:
    """The report of the cameras: frames published, p99 of their lateness, processor seconds."""

    published: int
    late_ms: float
    cpu_s: float


def picture_files(options: TrialOptions) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Render the views of a simulated yard: (data of the message, (height, width, 3) rgb) of each camera."""
    world = World(1)
    state, odom_from_base = world.at(1.0), world.odom_from_base(1.0)
    found = []
    for camera in surround_rig(_PICTURES, options.width, options.height):
        rgb = render(state, camera, odom_from_base, np.random.default_rng(0)).image
        if options.encoding == 'jpeg':
            bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
            _, file = cv2.imencode('.jpg', bgr, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
            found.append((np.asarray(file, np.uint8).reshape(-1), rgb))
        else:
            found.append((rgb.reshape(-1), rgb))
    return found


class CameraLoad:
    """Publishers of all cameras of a trial. The graph stays the caller's."""

    def __init__(self, graph: Graph, options: TrialOptions) -> None:
        self._graph, self._options = graph, options
        suffix, kind = ('/compressed', compressed_image) if options.encoding == 'jpeg' else ('', image)
        messages = [
            image.encode_image(0, 'camera', rgb, 'rgb8')
            if options.encoding == 'rgb8'
            else compressed_image.encode_compressed_image(0, 'camera', data, 'jpeg')
            for data, rgb in picture_files(options)
        ]
        self._messages = [bytearray(message) for message in messages]
        self._publishers = [
            graph.advertise(f'/{camera}/image_raw{suffix}', kind.TYPE_NAME, RELIABLE)
            for camera in options.cameras
        ]

    def wait_for_subscribers(self, ended: Callable[[float], object]) -> None:
        """Wait until every camera has a subscriber.

        `ended(seconds)` waits for this time, and returns True to stop. Raises GraphError after 30 s.
        """
        give_up_s = time.monotonic() + _FOUND_S
        while not all(publisher.subscribers() for publisher in self._publishers):
            if time.monotonic() > give_up_s:
                raise GraphError(
                    f'expected a subscriber for each of {len(self._publishers)} cameras within '
                    f'{_FOUND_S:.0f} s; check that the pipeline uses the same graph and domain'
                )
            if ended(0.02):
                return
        ended(_SETTLED_S)

    def stream(self, epoch_ns: int, should_stop: Callable[[], bool]) -> LoadReport:
        """Publish every frame when it is due, or at once if it is overdue. No frame is left out."""
        lateness, published, cpu_s = Durations(), 0, time.process_time()
        wait_until = SteadyWait(self._graph.now_ns)
        for exposure in self._options.exposures():
            stamp_ns = epoch_ns + exposure.stamp_ns
            wait_until(stamp_ns)
            if should_stop():
                break
            message = self._messages[exposure.camera % len(self._messages)]
            _STAMP.pack_into(message, _STAMP_AT, *divmod(stamp_ns, 10**9))
            lateness.add(self._graph.now_ns() - stamp_ns)
            self._publishers[exposure.camera].publish(bytes(message))
            published += 1
        late = lateness.percentiles()
        return LoadReport(published, late.p99 if late else 0.0, time.process_time() - cpu_s)
