"""The ros adapter passes the conformance suite, with its own node and with that of a caller.

The peer is an rclpy node in another process, so that the suite runs on any middleware that ROS is set to.
"""

import threading

import pytest
import rclpy
from graph_harness import DOMAIN_ID, DdsHarness, PeerProcess
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from test_graph_conformance import *  # noqa: F403  (the suite, with the harness below)
from test_graph_conformance import _end_the_peer  # noqa: F401

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph.ros import OwnNodeGraph, RosGraph


class OwnNodeHarness(DdsHarness):
    resolves_names = True

    def start(self):
        if DdsHarness.peer is None:
            DdsHarness.peer = PeerProcess(kind='rclpy')
        self.graph = self.make_graph()
        for topic, kind, qos, _ in self.scripted:
            self.talk(topic, kind, qos)
        return self.graph

    def make_graph(self):
        return OwnNodeGraph(GraphConfig(kind='ros', domain_id=DOMAIN_ID, loopback=True))


class SpunNodeHarness(OwnNodeHarness):
    """On a node that an executor of its owner spins, as in a ROS program."""

    def make_graph(self):
        self.context = Context()
        rclpy.init(context=self.context, domain_id=DOMAIN_ID)
        self.node = rclpy.create_node('owner', context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.spinning = threading.Thread(target=self.spin)
        self.spinning.start()
        return RosGraph(self.node)

    def spin(self):
        try:
            self.executor.spin()
        except ExternalShutdownException:
            return

    def close(self):
        super().close()
        if self.graph is None:
            return
        rclpy.shutdown(context=self.context)
        self.spinning.join()
        self.node.destroy_node()


@pytest.fixture(params=[OwnNodeHarness, SpunNodeHarness], ids=['own node', 'spun node'])
def harness(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.close()
