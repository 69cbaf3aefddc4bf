"""Conversion between our QoS profiles and those of Cyclone DDS."""

from __future__ import annotations

from cyclonedds.core import Policy
from cyclonedds.core import Qos as DdsQos
from cyclonedds.util import duration

from stream_infer_ros.graph.graph import Qos

# The longest wait of `publish` while the writer's history is full because a reliable reader stalls.
MAX_BLOCKING_NS = int(duration(milliseconds=100))

_UNLIMITED = -1


def to_dds(qos: Qos, user_data: bytes = b'') -> DdsQos:
    """Return the policies that rmw_cyclonedds sets for this profile. Discovery sends `user_data` to peers.

    `best_available` becomes reliable and transient_local: such a publisher matches all subscriptions.
    """
    policies = [
        Policy.Reliability.BestEffort
        if qos.reliability == 'best_effort'
        else Policy.Reliability.Reliable(MAX_BLOCKING_NS),
        Policy.Durability.Volatile,
        Policy.History.KeepLast(qos.depth),
        Policy.DataRepresentation(use_cdrv0_representation=True),
    ]
    if qos.durability != 'volatile':
        policies[1] = Policy.Durability.TransientLocal
        # This policy, not the history, limits the messages that late subscribers receive.
        policies.append(
            Policy.DurabilityService(
                cleanup_delay=0,
                history=Policy.History.KeepLast(qos.depth),
                max_samples=_UNLIMITED,
                max_instances=_UNLIMITED,
                max_samples_per_instance=_UNLIMITED,
            )
        )
    if user_data:
        policies.append(Policy.Userdata(user_data))
    return DdsQos(*policies)


def from_dds(qos: DdsQos) -> Qos:
    """Return the profile of a discovered endpoint. Transient and persistent count as transient_local."""
    history = qos[Policy.History]
    return Qos(
        reliability='best_effort' if qos[Policy.Reliability] == Policy.Reliability.BestEffort else 'reliable',
        durability='volatile' if qos[Policy.Durability] == Policy.Durability.Volatile else 'transient_local',
        depth=history.depth if isinstance(history, Policy.History.KeepLast) else 0,
    )
