"""The graph over DDS: a ROS 2 participant on Cyclone DDS that exchanges serialised messages."""

from stream_infer_ros.graph.dds.graph import DdsGraph

__all__ = ['DdsGraph']
