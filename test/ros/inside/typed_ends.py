"""Typed messages on an rclpy node, and the environment of a process without ROS."""

import importlib.util
import os
import time
from array import array
from contextlib import contextmanager

import pytest
import rclpy
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import OccupancyGrid
from node_harness import Spun, until
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

WIDTH, HEIGHT = 640, 480
RELIABLE_5 = QoSProfile(depth=5)
BEST_EFFORT_5 = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED_1 = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
LATCHED_9 = QoSProfile(depth=9, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@contextmanager
def node_beside_us():
    """A node that is spun until the end of the `with` block."""
    # Not imported, because this process may already have loaded another Cyclone together with rclpy.
    if importlib.util.find_spec('cyclonedds') is None:
        pytest.skip('our DDS participant needs cyclonedds, which is not installed')
    rclpy.init()
    node, spun = rclpy.create_node('beside_us'), Spun()
    spun.add(node)
    yield node
    spun.end()
    node.destroy_node()
    rclpy.shutdown()


def without_ros():
    """Return environment variables for a process in which no ROS was sourced."""
    settings = ('ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_LOCALHOST_ONLY')
    sourced = ('PYTHONPATH', 'LD_LIBRARY_PATH', 'CYCLONEDDS_URI')
    return {
        name: value
        for name, value in os.environ.items()
        if name in settings or not name.startswith(('ROS_', 'RMW_', 'AMENT_', *sourced))
    }


class Inbox:
    """Collects the typed messages of a topic."""

    def __init__(self, node, topic, message_class, qos):
        self.messages = []
        node.create_subscription(message_class, topic, self.messages.append, qos)

    def wait(self, number):
        until(lambda: len(self.messages) >= number, f'{number} messages, not {len(self.messages)}')
        return self.messages


def stamped_now():
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return Time(sec=seconds, nanosec=nanoseconds)


def stamped(message, frame_id, stamp):
    message.header.frame_id, message.header.stamp = frame_id, stamp
    return message


def image(frame_id, stamp):
    message = Image(height=HEIGHT, width=WIDTH, encoding='rgb8', step=3 * WIDTH)
    message.data = array('B', bytes([stamp.sec % 256]) * (3 * WIDTH * HEIGHT))
    return stamped(message, frame_id, stamp)


def camera_info(frame_id, stamp):
    message = CameraInfo(height=HEIGHT, width=WIDTH, distortion_model='plumb_bob', d=[0.0] * 5)
    message.k = [400.0, 0.0, WIDTH / 2, 0.0, 400.0, HEIGHT / 2, 0.0, 0.0, 1.0]
    message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    message.p = [400.0, 0.0, WIDTH / 2, 0.0, 0.0, 400.0, HEIGHT / 2, 0.0, 0.0, 0.0, 1.0, 0.0]
    return stamped(message, frame_id, stamp)


def transform(parent, child, stamp, x_m=0.0, z_m=0.0, optical=False):
    message = stamped(TransformStamped(child_frame_id=child), parent, stamp)
    message.transform.translation.x, message.transform.translation.z = x_m, z_m
    rotation = message.transform.rotation
    if optical:  # looking ahead
        rotation.x, rotation.y, rotation.z, rotation.w = -0.5, 0.5, -0.5, 0.5
    return TFMessage(transforms=[message])


def detections(stamp):
    hypothesis = ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = 'cone', 0.75
    hypothesis.pose.covariance[35] = float(stamp.sec)
    found = Detection2D(results=[hypothesis], id=str(stamp.sec))
    found.bbox.center.position.x, found.bbox.size_x = 12.5, 3.0
    return stamped(Detection2DArray(detections=[found, found]), 'front', stamp)


def grid(stamp):
    message = stamped(OccupancyGrid(), 'odom', stamp)
    message.info.width = message.info.height = 400
    message.data = array('b', [-1, 0, 100, stamp.sec % 100] * 40_000)
    return message
