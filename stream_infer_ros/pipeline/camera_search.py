"""Finding the cameras on a graph where none are named."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from stream_infer_ros.config import Config
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph.graph import TopicInfo
from stream_infer_ros.pipeline.camera_topics import CameraTopics, camera_topics, left_out

# Drivers of one rig start one after the other: the search ends when no camera came or went for this long.
SETTLED_S = 2.0
# The longest that cameras may come and go once there is one.
MOST_S = 30.0
LOOK_S = 0.1


def wait_for_cameras(
    topics: Callable[[], list[TopicInfo]],
    config: Config,
    stop: Callable[[float], bool],
    patience_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> list[TopicInfo]:
    """The topics on the graph once the set of cameras among them is settled, see SETTLED_S.

    Args:
        topics: gives the topics known by now.
        stop: waits for so many seconds and returns True if the search is to end now.
        patience_s: how long a first camera is waited for.
        clock: seconds.
    """
    start_s = changed_s = clock()
    cameras: tuple[CameraTopics, ...] = ()
    found = topics()
    while not stop(LOOK_S):
        found, now_s = topics(), clock()
        there = cameras_among(found, config)
        if there != cameras:
            cameras, changed_s = there, now_s
        if now_s - start_s >= (MOST_S if cameras else patience_s):
            break
        if cameras and now_s - changed_s >= SETTLED_S:
            break
    return found


def cameras_among(found: Sequence[TopicInfo], config: Config) -> tuple[CameraTopics, ...]:
    """The cameras that these topics make; empty if there is none yet."""
    try:
        return camera_topics(config, found)
    except ConfigError:
        return ()


def describe_found(config: Config, cameras: Sequence[CameraTopics], found: Sequence[TopicInfo]) -> list[str]:
    """Lines that say which topic became which camera, how to name it otherwise, and what was left out."""
    return [
        f'cameras found: {len(cameras)}; to choose or rename them, list names in `cameras` and set '
        'camera.<name>.image_topic',
        *(f'  camera {camera.camera}: {camera.image}' for camera in cameras),
        *(
            f'left out {name!r}: ROS 2 allows only letters, digits and underscores between slashes; '
            'rename the topic where it is published'
            for name in left_out(config, found)
        ),
    ]
