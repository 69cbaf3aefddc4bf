"""The reasons why a publisher and a subscription do not match over zenoh.

Zenoh matches them if their keys are equal, which contain the type and its hash. Unlike in DDS, reliability
and durability do not matter.
"""

from __future__ import annotations

from stream_infer_ros.graph import compatibility
from stream_infer_ros.graph.graph import QosProblem
from stream_infer_ros.graph.zenoh.entity import Endpoint


def why_apart(publisher: Endpoint, subscription: Endpoint) -> QosProblem | None:
    """Return why a publisher and a subscription of one topic do not match; None if they match."""
    if publisher.type_name != subscription.type_name:
        return compatibility.mismatch(
            publisher.topic, publisher.qos, publisher.type_name, publisher.qos, subscription.type_name
        )
    if publisher.type_hash != subscription.type_hash:
        return QosProblem(
            publisher.topic,
            'type',
            f'{publisher.type_name} is published as {publisher.type_hash}, subscribed as '
            f'{subscription.type_hash}: the two were built from different definitions (a ROS 2 before Iron '
            'has no hashes); use the same ROS 2, or Cyclone DDS',
        )
    return None
