"""The graph over DDS: a ROS 2 participant made of Cyclone DDS and raw CDR."""

from stream_infer_ros.graph.dds.graph import DdsGraph

__all__ = ['DdsGraph']
