"""Messages between our DDS participant, in a process without ROS, and rclpy on its default middleware."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from builtin_interfaces.msg import Time
from node_harness import PATIENCE_S, until
from typed_ends import (
    BEST_EFFORT_5,
    LATCHED_1,
    RELIABLE_5,
    Inbox,
    camera_info,
    detections,
    grid,
    image,
    node_beside_us,
    transform,
    without_ros,
)

from stream_infer_ros.graph import CAMERA_INPUT, LATCHED, RELIABLE

ECHO = Path(__file__).with_name('dds_echo.py')


@pytest.fixture(scope='module')
def node():
    with node_beside_us() as made:
        yield made


# A message of each kind, our QoS, and the QoS of the ROS node.
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


class Echo:
    """Our participant in a separate process, which sends the messages of this node back."""

    def __init__(self, node):
        self._node = node
        self._publishers = {
            name: node.create_publisher(TYPES[name], f'/to_us/{name}', qos)
            for name, (_, _, qos) in ECHOED.items()
        }
        self._publishers['grid'].publish(grid(Time()))  # latched before our participant starts
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
        """Send messages, each after the previous one has returned; return the received messages."""
        publisher, inbox = self._publishers[name], self._inboxes[name]
        until(lambda: publisher.get_subscription_count() == 1, 'our subscription', 3 * PATIENCE_S)
        for k, message in enumerate(messages):
            publisher.publish(message)
            inbox.wait(k + 1)
        return inbox.messages

    def sent_back_late(self, name, messages):
        """Send messages; return what a subscriber gets that is created after each of them."""
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
