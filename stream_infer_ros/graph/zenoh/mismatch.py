"""When two ends of a topic do not meet over zenoh: their keys differ, which hold the type and its hash.

Reliability and durability keep nobody apart here: a subscription gets what is sent.
"""

from __future__ import annotations

from stream_infer_ros.graph import compatibility
from stream_infer_ros.graph.graph import QosProblem
from stream_infer_ros.graph.zenoh.entity import Endpoint


def why_apart(publisher: Endpoint, subscription: Endpoint) -> QosProblem | None:
    """Why the ends of one topic do not meet; None where they do."""
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
            'tells none); use the same ROS 2, or Cyclone DDS',
        )
    return None
