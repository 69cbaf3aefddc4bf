"""Our own DDS participant, in processes without ROS, beside rclpy and its middleware with their defaults."""

import json
import os
import signal
import subprocess
import sys
import time
from array import array
from dataclasses import asdict
from pathlib import Path

import pytest
import rclpy
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import OccupancyGrid
from node_harness import PATIENCE_S, Spun, until
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from stream_infer_ros.graph import CAMERA_INPUT, LATCHED, RELIABLE

ECHO = Path(__file__).with_name('dds_echo.py')
WIDTH, HEIGHT = 640, 480
CAMERAS = ('front', 'left', 'right')
LEAST_SETS = 50
ROBOT_AT_M = 7.0
RELIABLE_5 = QoSProfile(depth=5)
LATCHED_1 = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
LATCHED_9 = QoSProfile(depth=9, durability=DurabilityPolicy.TRANSIENT_LOCAL)
BEST_EFFORT_5 = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


def without_ros():
    """Return the environment variables of a process in which no ROS was sourced."""
    settings = ('ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_LOCALHOST_ONLY')
    sourced = ('PYTHONPATH', 'LD_LIBRARY_PATH', 'CYCLONEDDS_URI')
    return {
        name: value
        for name, value in os.environ.items()
        if name in settings or not name.startswith(('ROS_', 'RMW_', 'AMENT_', *sourced))
    }


@pytest.fixture(scope='module')
def node():
    rclpy.init()
    made = rclpy.create_node('beside_us')
    spun = Spun()
    spun.add(made)
    yield made
    spun.end()
    made.destroy_node()
    rclpy.shutdown()


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


# A message of each kind, our QoS, and that of the node of ROS beside us.
ECHOED = {
    'image': (lambda stamp: image('front', stamp), CAMERA_INPUT, RELIABLE_5),
    'image_best_effort': (lambda stamp: image('front', stamp), CAMERA_INPUT, BEST_EFFORT_5),
    'camera_info': (lambda stamp: camera_info('front', stamp), CAMERA_INPUT, RELIABLE_5),
    'tf': (lambda stamp: transform('odom', 'base_link', stamp), RELIABLE, RELIABLE_5),
    'detections': (detections, RELIABLE, RELIABLE_5),
    'grid': (grid, LATCHED, LATCHED_1),
}
TYPES = {name: type(make(Time())) for name, (make, _, _) in ECHOED.items()}


def type_name(message_class):
    return f'{message_class.__module__.split(".")[0]}/msg/{message_class.__name__}'


class Inbox:
    """Collects typed messages of a topic."""

    def __init__(self, node, topic, message_class, qos):
        self.messages = []
        node.create_subscription(message_class, topic, self.messages.append, qos)

    def wait(self, number):
        until(lambda: len(self.messages) >= number, f'{number} messages, not {len(self.messages)}')
        return self.messages


class Echo:
    """Our participant in a process of its own, sending back what publishers of this node send."""

    def __init__(self, node):
        self._node = node
        self._publishers = {
            name: node.create_publisher(TYPES[name], f'/to_us/{name}', qos)
            for name, (_, _, qos) in ECHOED.items()
        }
        self._publishers['grid'].publish(grid(Time()))  # latched before we are there
        self._inboxes = {name: self.listen(name) for name, (_, ours, _) in ECHOED.items() if ours != LATCHED}
        topics = {name: [type_name(TYPES[name]), asdict(ours)] for name, (_, ours, _) in ECHOED.items()}
        self._process = subprocess.Popen(
            [sys.executable, str(ECHO), json.dumps(topics)],
            env=without_ros(),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def listen(self, name):
        qos = LATCHED_1 if name == 'grid' else RELIABLE_5
        return Inbox(self._node, f'/from_us/{name}', TYPES[name], qos)

    def sent_back(self, name, messages):
        """Send messages, each when the one before is back; return what came."""
        publisher, inbox = self._publishers[name], self._inboxes[name]
        until(lambda: publisher.get_subscription_count() == 1, 'our subscription')
        for k, message in enumerate(messages):
            publisher.publish(message)
            inbox.wait(k + 1)
        return inbox.messages

    def sent_back_late(self, name, messages):
        """Send messages; return what a subscriber gets who comes after each of them."""
        got = []
        for k, message in enumerate(messages):
            if k > 0:
                self._publishers[name].publish(message)
            inbox = self.listen(name)
            until(lambda inbox=inbox, message=message: inbox.messages[-1:] == [message], 'the latest')
            got.append(inbox.messages[-1])
        return got

    def end(self):
        _, said = self._process.communicate(timeout=PATIENCE_S)
        assert (self._process.returncode, said) == (0, '')


@pytest.fixture(scope='module')
def echo(node):
    made = Echo(node)
    yield made
    made.end()


@pytest.mark.parametrize('name', [name for name in ECHOED if name != 'grid'])
def test_every_message_arrives_in_both_directions(echo, name):
    expected = [ECHOED[name][0](Time(sec=k)) for k in range(10)]
    assert echo.sent_back(name, expected) == expected


def test_what_is_latched_arrives_late_in_both_directions(echo):
    expected = [grid(Time(sec=k)) for k in range(3)]
    assert echo.sent_back_late('grid', expected) == expected


@pytest.mark.usefixtures('echo')
def test_ros_sees_our_node_with_its_topics(node):
    until(lambda: 'echo' in node.get_node_names(), 'our node')

    def offered():
        return dict(node.get_publisher_names_and_types_by_node('echo', '/'))

    def wanted():
        return dict(node.get_subscriber_names_and_types_by_node('echo', '/'))

    until(lambda: len(offered()) == len(wanted()) == len(ECHOED), 'its topics')
    for name, message_class in TYPES.items():
        assert offered()[f'/from_us/{name}'] == [type_name(message_class)]
        assert wanted()[f'/to_us/{name}'] == [type_name(message_class)]


def centre_x_m(info):
    return info.origin.position.x + info.width * info.resolution / 2


class Camera:
    """A camera driver on rclpy, and a subscriber to what is found in its images."""

    def __init__(self, node, name):
        self.name = name
        self._images = node.create_publisher(Image, f'/{name}/image_raw', RELIABLE_5)
        self._infos = node.create_publisher(CameraInfo, f'/{name}/camera_info', RELIABLE_5)
        self.found = Inbox(node, f'/stream_infer/{name}/detections', Detection2DArray, RELIABLE_5)

    def has_our_pipeline(self):
        publishers = (self._images, self._infos)
        return all(publisher.get_subscription_count() == 1 for publisher in publishers)

    def publish(self, stamp):
        self._infos.publish(camera_info(f'{self.name}_optical', stamp))
        self._images.publish(image(f'{self.name}_optical', stamp))


@pytest.fixture
def pipeline(tmp_path):
    """`stream_infer run` in a process without ROS: the process, and the file of its output."""
    config, output = tmp_path / 'run.yaml', tmp_path / 'output.txt'
    # No image is late, on a busy machine either.
    config.write_text('sync: {deadline_ms: 5000.0}\nbound_ms: 20000.0\n')
    command = ['run', '--config', str(config), '--cameras', ','.join(CAMERAS), '--engine', 'fake', '--plain']
    with output.open('w') as file:
        process = subprocess.Popen(
            [sys.executable, '-m', 'stream_infer_ros', *command, '--loopback'],
            env=without_ros(),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    yield process, output
    process.kill()
    process.wait()
    print(output.read_text())


def test_stream_infer_run_takes_every_image_and_its_results_are_read(node, pipeline):
    process, output = pipeline
    cameras = [Camera(node, name) for name in CAMERAS]
    maps = Inbox(node, '/stream_infer/occupancy_grid', OccupancyGrid, LATCHED_1)
    moving = node.create_publisher(TFMessage, '/tf', RELIABLE_5)
    fixed = node.create_publisher(TFMessage, '/tf_static', LATCHED_9)
    for name in CAMERAS:
        fixed.publish(transform('base_link', f'{name}_optical', stamped_now(), z_m=1.0, optical=True))
    until(lambda: all(camera.has_our_pipeline() for camera in cameras), 'the pipeline', 2 * PATIENCE_S)
    until(lambda: moving.get_subscription_count() == 1, 'its subscription of /tf')
    stamps = []

    def mapped():
        """Publish one more set; True if the map's window is about the robot, so that transforms came, too."""
        stamps.append(stamped_now())
        moving.publish(transform('odom', 'base_link', stamps[-1], x_m=ROBOT_AT_M))
        for camera in cameras:
            camera.publish(stamps[-1])
        for camera in cameras:
            camera.found.wait(len(stamps))
        return maps.messages and abs(centre_x_m(maps.messages[-1].info) - ROBOT_AT_M) < 0.2

    until(lambda: mapped() and len(stamps) >= LEAST_SETS, 'a map about the robot')
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0
    assert 'Traceback' not in output.read_text()
    for camera in cameras:
        headers = [(found.header.frame_id, found.header.stamp) for found in camera.found.messages]
        assert headers == [(f'{camera.name}_optical', stamp) for stamp in stamps]
