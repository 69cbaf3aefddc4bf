"""The other endpoints that a node knows on its topics."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rclpy.duration import Infinite
from rclpy.node import Node
from rclpy.qos import LivelinessPolicy, QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.topic_endpoint_info import TopicEndpointInfo

from stream_infer_ros.graph.compatibility import mismatch
from stream_infer_ros.graph.graph import Qos, QosProblem, TopicInfo
from stream_infer_ros.graph.ros.qos import from_rclpy, to_rclpy

Kind = Literal['publisher', 'subscription']

# Every ROS node publishes to these topics.
_PLUMBING = ('/parameter_events', '/rosout')


@dataclass(frozen=True, slots=True)
class OwnEnd:
    """An endpoint of ours; `topic` is the name before remapping, which rclpy expects in queries."""

    kind: Kind
    topic: str
    type_name: str
    qos: Qos


def topics(node: Node) -> list[TopicInfo]:
    """Return topics with at least one publisher, sorted by name, without those that every node has."""
    found = []
    for name, types in node.get_topic_names_and_types():
        messages = [kind for kind in types if kind.split('/')[1:2] == ['msg']]
        if messages and name not in _PLUMBING and node.count_publishers(name):
            if len(messages) > 1:  # some may only have subscriptions
                messages = sorted({end.topic_type for end in node.get_publishers_info_by_topic(name)})
            found += [TopicInfo(name, kind) for kind in messages]
    return sorted(found, key=lambda info: (info.name, info.type_name))


class Others:
    """A cache of the endpoints of topics, ours included, which is cheap to query repeatedly.

    Querying rclpy for the endpoints of a topic takes 100 us, and for their number 10 us. While the number is
    unchanged, the last answer is used again, for up to `_KEPT_S`. Topics have their names before remapping.
    """

    _KEPT_S = 2.0

    def __init__(self, node: Node) -> None:
        self._node = node
        self._last: dict[tuple[Kind, str], tuple[int, float, list[TopicEndpointInfo]]] = {}

    def ends(self, kind: Kind, topic: str) -> list[TopicEndpointInfo]:
        """Return all endpoints of that kind that are known now."""
        name = self._node.resolve_topic_name(topic)
        publishers = kind == 'publisher'
        count = self._node.count_publishers(name) if publishers else self._node.count_subscribers(name)
        now_s = time.monotonic()
        last = self._last.get((kind, topic))
        if last is not None and count == last[0] and now_s < last[1]:
            return last[2]
        ask = (
            self._node.get_publishers_info_by_topic
            if publishers
            else self._node.get_subscriptions_info_by_topic
        )
        ends = ask(topic) if count else []
        self._last[kind, topic] = count, now_s + self._KEPT_S, ends
        return ends

    def offered(self, topic: str, type_name: str) -> set[Qos]:
        """Return the QoS that publishers of a topic and type offer."""
        ends = self.ends('publisher', topic)
        return {from_rclpy(end.qos_profile) for end in ends if end.topic_type == type_name}

    def problems(self, own: Iterable[OwnEnd]) -> list[QosProblem]:
        """Return endpoints of ours with an incompatible peer, under the topic's name after remapping."""
        found = set()
        for end in own:
            others = self.ends('subscription' if end.kind == 'publisher' else 'publisher', end.topic)
            name = self._node.resolve_topic_name(end.topic)
            found |= {_why_apart(name, end, other) for other in others}
        return sorted((p for p in found if p is not None), key=lambda p: (p.topic, p.policy, p.remedy))


def _why_apart(topic: str, own: OwnEnd, other: TopicEndpointInfo) -> QosProblem | None:
    sides = [(own.qos, own.type_name), (from_rclpy(other.qos_profile), other.topic_type)]
    profiles = [_as_discovered(own.qos), other.qos_profile]
    if own.kind == 'subscription':
        sides.reverse()
        profiles.reverse()
    (offered, offered_type), (requested, requested_type) = sides
    problem = mismatch(topic, offered, offered_type, requested, requested_type)
    if problem is not None or own.qos.is_best_available:
        return problem
    compatibility, reason = qos_check_compatible(*profiles)  # of deadline and liveliness
    if compatibility != QoSCompatibility.ERROR:
        return None
    policy = 'deadline' if 'deadline' in reason.lower() else 'liveliness'
    return QosProblem(topic, policy, f'{reason.strip()} change the QoS of {other.node_name}')


def _as_discovered(qos: Qos) -> QoSProfile:
    """Return our profile as others discover it: an unset deadline means none, not a deadline of 0."""
    profile = to_rclpy(qos)
    profile.deadline = profile.lifespan = profile.liveliness_lease_duration = Infinite
    profile.liveliness = LivelinessPolicy.AUTOMATIC
    return profile
