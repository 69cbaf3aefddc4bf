"""The graph on rclpy: raw CDR messages through a node, received on one separate thread."""

from stream_infer_ros.graph.ros.graph import RosGraph
from stream_infer_ros.graph.ros.own_node import OwnNodeGraph

__all__ = ['OwnNodeGraph', 'RosGraph']
