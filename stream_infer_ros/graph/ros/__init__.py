"""The graph on rclpy: raw CDR in and out of somebody's node, received on one thread of its own."""

from stream_infer_ros.graph.ros.graph import RosGraph
from stream_infer_ros.graph.ros.own_node import OwnNodeGraph

__all__ = ['OwnNodeGraph', 'RosGraph']
