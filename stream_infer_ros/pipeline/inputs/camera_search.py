"""Search for the cameras on a graph if none are named."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from stream_infer_ros.config import Config
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph.graph import TopicInfo
from stream_infer_ros.pipeline.inputs.camera_topics import CameraTopics, camera_topics, left_out

# Drivers start one after the other: the search ends when no camera has appeared or disappeared for this long.
SETTLED_S = 2.0
# The longest duration of the search once there is a camera.
MOST_S = 30.0
LOOK_S = 0.1


def wait_for_cameras(
    topics: Callable[[], list[TopicInfo]],
    config: Config,
    stop: Callable[[float], bool],
    patience_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> list[TopicInfo]:
    """Wait until the set of cameras on the graph is settled (see SETTLED_S); return the topics.

    Args:
        topics: returns the topics that are known now.
        stop: waits for the given seconds; returns True if the search must end now.
        patience_s: the longest wait for the first camera.
        clock: returns seconds.
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
    """Return the cameras among these topics; empty if there is none yet."""
    try:
        return camera_topics(config, found)
    except ConfigError:
        return ()


def describe_found(config: Config, cameras: Sequence[CameraTopics], found: Sequence[TopicInfo]) -> list[str]:
    """Return log lines with the topic of each camera, how to rename them, and what was left out."""
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
