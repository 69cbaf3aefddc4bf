"""What rclpy's own executors use and rclpy does not call public; where distributions differ it is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from rclpy.subscription import Subscription

from stream_infer_ros.errors import GraphError

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

__all__ = [
    'InvalidHandle',
    'PublisherEventCallbacks',
    'RCLError',
    'SubscriptionEventCallbacks',
    'WaitSet',
    'as_graph_error',
    'message_lost_event',
]

InvalidHandle = _rclpy.InvalidHandle
RCLError = _rclpy.RCLError
WaitSet = _rclpy.WaitSet

_Event = getattr(_rclpy, 'EventHandle', None) or _rclpy.QoSEvent  # Humble's name
_MESSAGE_LOST = _rclpy.rcl_subscription_event_type_t.RCL_SUBSCRIPTION_MESSAGE_LOST


def message_lost_event(subscription: Subscription) -> Any | None:
    """The event that counts what `subscription` lost; None where the middleware has none."""
    with subscription.handle:
        try:
            return _Event(subscription.handle, _MESSAGE_LOST)
        except _rclpy.UnsupportedEventTypeError:
            return None


@contextmanager
def as_graph_error(doing: str) -> Iterator[None]:
    """Turn what rclpy raises into a GraphError that says what was being done."""
    try:
        yield
    except InvalidHandle as error:
        raise GraphError(f'{doing}: the node was destroyed; close the graph before its node') from error
    except RCLError as error:
        raise GraphError(f'{doing}: ROS refused ({error}); is the context still up?') from error
