"""All private parts of rclpy that this package uses, and the names that differ between distributions.

rclpy's EventsExecutor (in `rclpy.experimental`) is the public way to receive messages without building a wait
set for each. It is not used here for these reasons (measured on 2026-11-30 on two cores of an AMD EPYC; rclpy
7.1.6 and 9.1.2 from PyPI on Fast DDS, four cameras of 640x480 at 10 Hz, raw):

- In the wheels, its `spin()` receives nothing and keeps a core busy. The wheels are built for glibc 2.28,
  where libstdc++ turns the endless wait of the event queue into one that has already expired. The loop then
  hardly ever releases the lock of the queue to the middleware's thread. With a time limit it receives all
  images.
- Even then it takes 2.9 ms of CPU time per image. SingleThreadedExecutor takes 2.1 ms, and `Receiver` 1.1 ms.
- Humble and Jazzy before 7.1.3 do not have it, and it refuses nodes that have guard conditions.

This module was run with Jazzy (7.1.6) and Kilted (9.1.2), and compared with the sources of Humble (3.3.15),
Jazzy (7.1.3) and the rolling branch up to 2026, from which Lyrical is made. The test
`test/ros/inside/ros_rclpy_internals.py` checks every name and signature on each ROS that it finds, so that
changes in a new rclpy show immediately.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from lifecycle_msgs.srv import ChangeState
from rclpy.context import Context
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerGuardCondition
from rclpy.subscription import Subscription

try:
    from rclpy.clock_type import ClockType
except ImportError:
    from rclpy.clock import ClockType  # type: ignore[attr-defined]  # Humble
try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

__all__ = [
    'ClockType',
    'InUse',
    'LostMessages',
    'PublisherEventCallbacks',
    'RCLError',
    'SubscriptionEventCallbacks',
    'WaitSet',
    'guard_conditions',
    'parameter_overrides',
    'rcl_address',
    'take_serialized',
    'wrap_change_state',
]

RCLError = _rclpy.RCLError

ChangeStateCallback = Callable[[ChangeState.Request, ChangeState.Response], ChangeState.Response]


class _HasHandle(Protocol):
    @property
    def handle(self) -> Any: ...


class InUse:
    """Keeps the rcl object of a context or subscription from destruction until `release`.

    Raises:
        InvalidHandle: its destruction was already requested.
    """

    def __init__(self, entity: _HasHandle) -> None:
        self._handle = entity.handle
        self._handle.__enter__()

    def release(self) -> None:
        """Allow destruction. If it was requested in the meantime, it happens now."""
        self._handle.__exit__(None, None, None)


def guard_conditions(context: Context) -> tuple[GuardCondition, SignalHandlerGuardCondition]:
    """Return a guard condition to trigger by hand, and one that signals trigger. They belong to no node."""
    return GuardCondition(None, None, context), SignalHandlerGuardCondition(context)


class WaitSet:
    """Waits on subscriptions and guard conditions, which must be kept `InUse` for as long as it exists."""

    def __init__(
        self, context: Context, subscriptions: Sequence[Subscription[Any]], guards: Sequence[GuardCondition]
    ) -> None:
        running: Any = context.handle  # None before the context is initialised
        self._wait_set = _rclpy.WaitSet(len(subscriptions), len(guards), 0, 0, 0, 0, running)
        self._subscriptions = [subscription.handle for subscription in subscriptions]
        self._guards = [guard.handle for guard in guards]

    def wait(self, timeout_ns: int) -> list[int]:
        """Return the `rcl_address` of subscriptions that have a message. A negative timeout waits forever."""
        self._wait_set.clear_entities()  # waiting removed what was not ready
        for subscription in self._subscriptions:
            self._wait_set.add_subscription(subscription)
        for guard in self._guards:
            self._wait_set.add_guard_condition(guard)
        self._wait_set.wait(timeout_ns)
        ready: list[int] = self._wait_set.get_ready_entities('subscription')
        return ready


def rcl_address(subscription: Subscription[Any]) -> int:
    """Return the address of a subscription's `rcl_subscription_t`."""
    address: int = subscription.handle.pointer
    return address


def take_serialized(subscription: Subscription[Any]) -> bytes | None:
    """Take the next message as CDR; return None if there is none."""
    taken = subscription.handle.take_message(subscription.msg_type, True)
    return None if taken is None else bytes(taken[0])


class LostMessages:
    """Counts messages that the middleware lost on the way to a subscription; 0 if it does not report them."""

    def __init__(self, subscription: Subscription[Any]) -> None:
        event = getattr(_rclpy, 'EventHandle', None) or vars(_rclpy)['QoSEvent']  # Humble's name
        kind = _rclpy.rcl_subscription_event_type_t.RCL_SUBSCRIPTION_MESSAGE_LOST
        self._event: Any = None
        with subscription.handle:
            try:
                self._event = event(subscription.handle, kind)
            except _rclpy.UnsupportedEventTypeError:
                return

    def count(self) -> int:
        """Return the number of messages lost so far."""
        if self._event is None:
            return 0
        with self._event:
            status = self._event.take_event()
        return 0 if status is None else int(status.total_count)

    def close(self) -> None:
        """Stop counting. Safe to call twice."""
        if self._event is not None:
            self._event.destroy_when_not_in_use()
            self._event = None


def parameter_overrides(node: Node) -> Mapping[str, Parameter[Any]]:
    """Return parameters from files, the command line or the node's constructor, declared or not."""
    overrides: Mapping[str, Parameter[Any]] = node._parameter_overrides
    return overrides


def wrap_change_state(
    node: LifecycleNode, wrap: Callable[[ChangeStateCallback], ChangeStateCallback]
) -> None:
    """Replace the callback of the node's service `change_state` by `wrap(callback)`."""
    service = node._service_change_state
    service.callback = wrap(service.callback)
