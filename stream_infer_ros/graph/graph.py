"""The seam to the middleware: everything that crosses it is a CDR byte string."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Cdr = bytes | bytearray | memoryview
OnMessage = Callable[[Cdr, int], None]


@dataclass(frozen=True, slots=True)
class Qos:
    """The part of a ROS 2 QoS profile that matters here; names as in rmw.

    A subscription that is `best_available` matches every publisher, and has lost messages sent again where
    that offers reliable; a publisher that is so offers reliable.
    """

    reliability: Literal['reliable', 'best_effort', 'best_available'] = 'reliable'
    durability: Literal['volatile', 'transient_local'] = 'volatile'
    depth: int = 10


SENSOR_DATA = Qos('best_effort', 'volatile', 5)
CAMERA_INPUT = Qos('best_available', 'volatile', 5)
RELIABLE = Qos('reliable', 'volatile', 10)
LATCHED = Qos('reliable', 'transient_local', 1)
TF = Qos('reliable', 'volatile', 100)
TF_STATIC = Qos('reliable', 'transient_local', 100)


@dataclass(frozen=True, slots=True)
class QosProblem:
    """Two ends of a topic that found each other and do not talk.

    `policy` is 'reliability', 'durability' or 'type'; `remedy` says what to change.
    """

    topic: str
    policy: str
    remedy: str


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """A topic somebody publishes: absolute name ('/cam0/image_raw') and type ('sensor_msgs/msg/Image')."""

    name: str
    type_name: str


class Publisher(Protocol):
    """One topic to write to."""

    def publish(self, cdr: Cdr) -> None:
        """Send one message: encapsulation header and body. Raises GraphError after the graph was closed.

        The buffer may be handed on without a copy: the caller must not write to it afterwards.
        """
        ...

    def subscribers(self) -> int:
        """How many listen now."""
        ...


class Graph(Protocol):
    """A ROS graph: topics, a clock, and bytes.

    Topic names are absolute, types are 'package/msg/Type'; anything else is refused with a GraphError.
    `on_message(cdr, received_ns)` runs on a thread of the adapter and must return at once; one subscription's
    messages arrive in order and one at a time. It must not write to the buffer: others may read the same one.
    An exception it raises closes nothing and is not lost: it is logged once with the topic, and counted.
    """

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: OnMessage) -> None: ...

    def advertise(self, topic: str, type_name: str, qos: Qos) -> Publisher: ...

    def topics(self) -> list[TopicInfo]:
        """Topics with at least one publisher known by now, sorted by name."""
        ...

    def qos_problems(self) -> list[QosProblem]:
        """Our endpoints that met a peer they cannot talk to, as known by now; empty when all is well."""
        ...

    def callback_failures(self) -> dict[str, int]:
        """How often an `on_message` raised, by topic; topics without failures are left out."""
        ...

    def losses(self) -> dict[str, int]:
        """Messages that were overwritten before they were taken, lost on the way in, or not sent because a
        subscriber stalled, as far as the adapter knows, by topic; topics without losses are left out."""
        ...

    def why_lost(self) -> str:
        """Return why the middleware probably loses messages in its current configuration, and the remedy.

        Empty if the reason is unknown. Call this only when messages are being lost.
        """
        ...

    def now_ns(self) -> int:
        """The graph's clock: the system's for live adapters, the recording's for bags."""
        ...

    def close(self) -> None:
        """Leave the graph; no callback runs after it returns. Safe to call twice."""
        ...
