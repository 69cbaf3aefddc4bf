"""Conversion of QoS profiles to and from rclpy, and overrides by parameters."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, get_args, get_type_hints

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.graph import Qos
from stream_infer_ros.graph.ros.rclpy_internals import parameter_overrides


def to_rclpy(qos: Qos) -> QoSProfile:
    """Convert to rclpy.

    `best_available` becomes reliable and transient_local: such a publisher matches all subscriptions.
    """
    best_effort = qos.reliability == 'best_effort'
    latched = qos.durability != 'volatile'
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=qos.depth,
        reliability=ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def from_rclpy(profile: QoSProfile) -> Qos:
    """Return the QoS that a discovered endpoint offers or requests; open values count as the weaker ones."""
    reliable = profile.reliability == ReliabilityPolicy.RELIABLE
    latched = profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    return Qos(
        'reliable' if reliable else 'best_effort',
        'transient_local' if latched else 'volatile',
        profile.depth,
    )


def overridden(node: Node, topic: str, end: Literal['publisher', 'subscription'], qos: Qos) -> Qos:
    """Apply the node's parameters `qos_overrides.<topic>.<end>.<policy>` to `qos`.

    Names and values are those of rclpy and rclcpp. `best_available` is valid on every distribution, because
    subscriptions here do not leave it to the middleware. History is always KEEP_LAST. `topic` is the name
    after remapping. The parameters are read-only, and are declared on first use.

    Raises:
        GraphError: a value is not valid for its policy.
    """
    values: dict[str, Any] = {
        field.name: _override(node, topic, end, field.name, qos) for field in fields(Qos)
    }
    return Qos(**values)


def _override(node: Node, topic: str, end: str, policy: str, qos: Qos) -> str | int:
    name = f'qos_overrides.{topic}.{end}.{policy}'
    default: str | int = getattr(qos, policy)
    allowed = get_args(get_type_hints(Qos)[policy])
    expected = f'one of {", ".join(allowed)}' if allowed else 'a whole number above 0'
    if not node.has_parameter(name):
        about = ParameterDescriptor(
            description=f'{policy} of the {end} on {topic}: {expected}', read_only=True
        )
        try:
            node.declare_parameter(name, default, about)
        except InvalidParameterTypeException as error:
            raise GraphError(f'parameter {name}: expected {expected} ({error})') from error
    if name not in parameter_overrides(node):  # another endpoint of the topic may have declared it
        return default
    value: str | int = node.get_parameter(name).value
    if (allowed and value not in allowed) or (not allowed and int(value) < 1):
        raise GraphError(f'parameter {name}: expected {expected}, got {value!r}')
    return value
