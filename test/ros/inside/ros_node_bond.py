"""The bond with a lifecycle manager: it forms, lasts, and breaks when the node or its pipeline ends."""

import signal
import subprocess
import sys
import threading
import time

import pytest
import rclpy

pytest.importorskip(
    'bond.msg', reason='no message package `bond`: the bond with a lifecycle manager was not tested'
)

from bond.msg import Status
from node_harness import CAMERAS, Bench, Cameras, ros_arguments, until
from rclpy.qos import QoSProfile

from stream_infer_ros.errors import EngineError
from stream_infer_ros.nodes.occupancy_fusion_node import OccupancyFusionNode
from stream_infer_ros.nodes.stream_infer_node import StreamInferNode

# The default of Nav2's lifecycle manager.
BOND_TIMEOUT_S = 4.0
PERIOD_S = 0.1
CONNECT_TIMEOUT_S = 10.0


class ManagersEnd:
    """The manager's side of a bond, which nav2_lifecycle_manager creates after activation through bondcpp."""

    def __init__(self, node, bond_id, topic='bond', heartbeat_timeout_s=BOND_TIMEOUT_S):
        self._node, self._bond_id, self._timeout_s = node, bond_id, heartbeat_timeout_s
        self.state = 'waiting for sister'
        self.heartbeats, self.confirmed = 0, False
        self._heard_s = None
        self._publisher = node.create_publisher(Status, topic, QoSProfile(depth=5))
        self._subscription = node.create_subscription(Status, topic, self._on_status, QoSProfile(depth=100))
        self._timer = node.create_timer(PERIOD_S, self._on_timer)

    def wait_until_formed(self, patience_s=CONNECT_TIMEOUT_S):
        until(lambda: self.state == 'alive', 'the bond forms', patience_s)

    def break_bond(self):
        self.state = 'await sister death'
        self._publish(False)

    def leave(self):
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._subscription)
        self._node.destroy_publisher(self._publisher)

    def _on_status(self, status):
        if status.id != self._bond_id or status.instance_id == 'manager':
            return
        if status.active:
            self.heartbeats += 1
            if self.state == 'waiting for sister':
                self.state = 'alive'
            self._heard_s = time.monotonic()
        elif self.state == 'await sister death':
            self.state, self.confirmed = 'dead', True
        elif self.state != 'dead':
            self.state = 'dead'
            self._publish(False)

    def _on_timer(self):
        if self.state in ('waiting for sister', 'alive'):
            self._publish(True)
        if self.state == 'alive' and time.monotonic() - self._heard_s > self._timeout_s:
            self.state = 'dead'

    def _publish(self, active):
        self._publisher.publish(
            Status(
                id=self._bond_id,
                instance_id='manager',
                active=active,
                heartbeat_timeout=self._timeout_s,
                heartbeat_period=PERIOD_S,
            )
        )


def bench(**parameters):
    settings = {'cameras': CAMERAS, 'engine__kind': 'fake', 'autostart': False, **parameters}
    return Bench(StreamInferNode, ros_arguments(**settings))


def activated(ros, **options):
    """Start a node as a manager does; return the manager's side of the bond."""
    assert ros.change('configure')
    assert ros.change('activate')
    end = ManagersEnd(ros.peer, ros.node.get_name(), **options)
    end.wait_until_formed()
    return end


class Busy:
    """Keep the executor of the node in a callback during the block."""

    def __init__(self, node):
        self._started, self._done = threading.Event(), threading.Event()
        self._timer = node.create_timer(0.0, self._work)
        self._node = node

    def __enter__(self):
        assert self._started.wait(10.0)

    def __exit__(self, *_):
        self._done.set()

    def _work(self):
        self._node.destroy_timer(self._timer)
        self._started.set()
        assert self._done.wait(30.0)


@pytest.mark.parametrize('kind', [StreamInferNode, OccupancyFusionNode])
def test_a_manager_starts_pauses_and_resumes_a_node(kind):
    arguments = {'cameras': CAMERAS, 'autostart': False}
    if kind is StreamInferNode:
        arguments['engine__kind'] = 'fake'
    with Bench(kind, ros_arguments(**arguments)) as ros:
        end = activated(ros)
        until(lambda: end.heartbeats > 5, 'heartbeats')
        assert ros.change('deactivate')
        until(lambda: end.state == 'dead', 'the bond breaks', 1.0)
        end.leave()
        assert ros.change('activate')
        again = ManagersEnd(ros.peer, ros.node.get_name())
        again.wait_until_formed(BOND_TIMEOUT_S / 2)  # the time that the manager waits


def test_a_manager_that_leaves_is_confirmed_and_the_node_goes_on():
    with bench() as ros:
        end = activated(ros)
        end.break_bond()
        until(lambda: end.confirmed, 'the node confirms', 1.0)
        assert ros.state() == 'active'


def test_a_killed_node_breaks_the_bond():
    code = 'from stream_infer_ros.nodes.executables import stream_infer_node as run; run()'
    arguments = ros_arguments(cameras=CAMERAS, engine__kind='fake')[1:]
    process = subprocess.Popen([sys.executable, '-c', code, *arguments])
    rclpy.init(args=['test'])
    try:
        node = rclpy.create_node('manager')
        end = ManagersEnd(node, 'stream_infer', heartbeat_timeout_s=1.0)
        spin(node, lambda: end.heartbeats > 3)
        assert end.state == 'alive'
        process.send_signal(signal.SIGKILL)
        process.wait()
        spin(node, lambda: end.state == 'dead')
        node.destroy_node()
    finally:
        process.kill()
        process.wait()
        rclpy.shutdown()


def test_a_node_that_ends_in_order_says_so():
    with bench() as ros:
        end = activated(ros)
        ros.node.stop()
        until(lambda: end.state == 'dead', 'the bond breaks', 1.0)


def test_a_busy_executor_delays_no_heartbeat():
    with bench() as ros:
        end = activated(ros)
        with Busy(ros.node):
            before = end.heartbeats
            until(lambda: end.heartbeats > before + 20, 'heartbeats go on')
            assert end.state == 'alive'


@pytest.mark.parametrize('busy', [False, True], ids=['idle', 'busy'])
def test_a_failed_pipeline_breaks_the_bond_whatever_the_executor_does(busy):
    def breaks(*_):
        raise EngineError('the device fell off the bus')

    with bench() as ros, Cameras(ros.graph):
        end = activated(ros)
        ros.node._network.engines[0].run = breaks
        if busy:
            with Busy(ros.node):
                until(lambda: end.state == 'dead', 'the bond breaks', BOND_TIMEOUT_S)
        until(lambda: end.state == 'dead', 'the bond breaks', BOND_TIMEOUT_S)
        ros.until_state('inactive')


def test_the_bond_is_in_the_namespace_of_the_node():
    arguments = [*ros_arguments(cameras=CAMERAS, engine__kind='fake', autostart=False), '-r', '__ns:=/robot1']
    with Bench(StreamInferNode, arguments) as ros:
        activated(ros, topic='/robot1/bond')


def test_it_can_be_switched_off():
    with bench(bond_heartbeat_period=0.0) as ros:
        assert ros.change('configure')
        assert ros.change('activate')
        assert ros.node.count_publishers('/bond') == ros.node.count_subscribers('/bond') == 0


@pytest.mark.parametrize('autostart', [False, True])
def test_without_the_message_package_the_node_runs(monkeypatch, capfd, autostart):
    """The warning appears only if a manager is expected."""
    monkeypatch.setitem(sys.modules, 'bond.msg', None)
    with bench(autostart=autostart) as ros:
        if not autostart:
            assert ros.change('configure')
            assert ros.change('activate')
        ros.until_state('active')
    said = 'no bond for a lifecycle manager: type bond/msg/Status' in capfd.readouterr().err
    assert said != autostart


def spin(node, condition):
    deadline_s = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < deadline_s
        rclpy.spin_once(node, timeout_sec=0.1)
