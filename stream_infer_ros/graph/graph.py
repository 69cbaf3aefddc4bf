"""The interface to the middleware, through which all messages pass as CDR byte strings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Cdr = bytes | bytearray | memoryview
OnMessage = Callable[[Cdr, int], None]


@dataclass(frozen=True, slots=True)
class Qos:
    """The part of a ROS 2 QoS profile that matters here; names as in rmw.

    A `best_available` subscription matches every publisher. Lost messages are sent again if all publishers
    are reliable, and messages from before the subscription are sent if all publishers are transient_local. A
    `best_available` publisher is reliable and transient_local, and thus matches every subscription.
    """

    reliability: Literal['reliable', 'best_effort', 'best_available'] = 'reliable'
    durability: Literal['volatile', 'transient_local', 'best_available'] = 'volatile'
    depth: int = 10

    @property
    def is_best_available(self) -> bool:
        """True if a policy is left to what the publishers offer."""
        return 'best_available' in (self.reliability, self.durability)


SENSOR_DATA = Qos('best_effort', 'volatile', 5)
CAMERA_INPUT = Qos('best_available', 'best_available', 5)
RELIABLE = Qos('reliable', 'volatile', 10)
LATCHED = Qos('reliable', 'transient_local', 1)
TF = Qos('reliable', 'volatile', 100)
TF_STATIC = Qos('reliable', 'transient_local', 100)


@dataclass(frozen=True, slots=True, order=True)
class QosProblem:
    """Two endpoints of a topic that discovered each other and are incompatible.

    `policy` is 'reliability', 'durability' or 'type'; `remedy` says what to change.
    """

    topic: str
    policy: str
    remedy: str


@dataclass(frozen=True, slots=True, order=True)
class TopicInfo:
    """A topic that has a publisher: absolute name ('/cam0/image_raw') and type ('sensor_msgs/msg/Image')."""

    name: str
    type_name: str


class Publisher(Protocol):
    """A publisher of one topic."""

    def publish(self, cdr: Cdr) -> None:
        """Send one message: encapsulation header and body. Raises GraphError after the graph was closed.

        The buffer may be passed on without a copy, so the caller must not write to it afterwards.
        """
        ...

    def subscribers(self) -> int:
        """Return the current number of subscribers."""
        ...


class Graph(Protocol):
    """A ROS graph: topics, a clock, and bytes.

    Topic names are absolute, types are 'package/msg/Type'; anything else is refused with a GraphError.
    `on_message(cdr, received_ns)` runs on a thread of the adapter and must return at once. The messages of
    one subscription arrive in order and one at a time. `on_message` must not write to the buffer, because
    others may read it. If it raises an exception, that is logged once with the topic, and counted.
    """

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: OnMessage) -> None: ...

    def advertise(self, topic: str, type_name: str, qos: Qos) -> Publisher: ...

    def topics(self) -> list[TopicInfo]:
        """Return the topics with at least one publisher that is known now, sorted by name."""
        ...

    def qos_problems(self) -> list[QosProblem]:
        """Return our endpoints that have an incompatible peer, as known now."""
        ...

    def callback_failures(self) -> dict[str, int]:
        """Return the number of exceptions of `on_message` by topic, without topics that have none."""
        ...

    def losses(self) -> dict[str, int]:
        """Return the number of lost messages by topic, as far as it is known, without topics that have none.

        A message is lost if it was overwritten before it was taken, lost on the way in, or not sent because a
        subscriber stalled.
        """
        ...

    def why_lost(self) -> str:
        """Return why the middleware probably loses messages in its current configuration, and the remedy.

        Empty if the reason is unknown. Call this only when messages are being lost.
        """
        ...

    def now_ns(self) -> int:
        """Return the time: that of the system for live adapters, that of the recording for bags."""
        ...

    def close(self) -> None:
        """Leave the graph; no callback runs after it returns. Safe to call twice."""
        ...
