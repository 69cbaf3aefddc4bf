"""The rules of DDS for matching the QoS of a publisher and a subscription."""

from __future__ import annotations

from stream_infer_ros.graph.graph import Qos, QosProblem


def mismatch(
    topic: str, offered: Qos, offered_type: str, requested: Qos, requested_type: str
) -> QosProblem | None:
    """Return why a publisher and a subscription on `topic` do not match; None if they match.

    A subscription must not request more than the publisher offers (DDS 1.4, section 2.2.3). The history depth
    of the two is independent.
    """
    if offered_type != requested_type:
        return QosProblem(
            topic,
            'type',
            f'published as {offered_type}, subscribed as {requested_type}: remap one of the two',
        )
    if requested.reliability == 'reliable' and offered.reliability == 'best_effort':
        return QosProblem(
            topic,
            'reliability',
            'the publisher offers best_effort, the subscription requests reliable: '
            'subscribe with best_effort, or publish with reliable',
        )
    if requested.durability == 'transient_local' and offered.durability == 'volatile':
        return QosProblem(
            topic,
            'durability',
            'the publisher offers volatile, the subscription requests transient_local: '
            'subscribe with volatile, or publish with transient_local',
        )
    return None
