"""The graph over zenoh, with the keys, attachments and tokens of rmw_zenoh."""

from stream_infer_ros.graph.zenoh.graph import ZenohGraph

__all__ = ['ZenohGraph']
