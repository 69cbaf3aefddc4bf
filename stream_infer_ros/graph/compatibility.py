"""When two ends of a topic match: the requested-versus-offered rules of DDS for the policies we use."""

from __future__ import annotations

from stream_infer_ros.graph.graph import Qos, QosProblem


def mismatch(
    topic: str, offered: Qos, offered_type: str, requested: Qos, requested_type: str
) -> QosProblem | None:
    """Why a publisher and a subscription on `topic` do not match; None where they do.

    A subscription may ask for no more than the publisher offers (DDS 1.4, section 2.2.3); history depth is
    each side's own affair.
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
            'the publisher offers best_effort, the subscription wants reliable: '
            'subscribe with best_effort, or publish with reliable',
        )
    if requested.durability == 'transient_local' and offered.durability == 'volatile':
        return QosProblem(
            topic,
            'durability',
            'the publisher offers volatile, the subscription wants transient_local: '
            'subscribe with volatile, or publish with transient_local',
        )
    return None
