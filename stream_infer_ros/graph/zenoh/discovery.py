"""The publishers and subscriptions in the domain, which are discovered by liveliness tokens."""

from __future__ import annotations

import threading
from typing import Any

import zenoh

from stream_infer_ros.graph.compatibility import mismatch
from stream_infer_ros.graph.graph import QosProblem
from stream_infer_ros.graph.zenoh.entity import Endpoint, Kind, everybody, parse_endpoint

# More than the tokens of a domain. All existing tokens arrive before our thread runs.
_MOST_WAITING = 1 << 16


class Discovery:
    """Follows the tokens of a domain, including our own and those that existed before."""

    def __init__(self, session: zenoh.Session, domain: int, thread_name: str) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Endpoint] = {}
        channel: Any = zenoh.handlers.FifoChannel(_MOST_WAITING)
        self._subscriber = session.liveliness().declare_subscriber(everybody(domain), channel, history=True)
        # A daemon thread, so that a program that does not close the graph can end. Zenoh's own thread for
        # callbacks is not one.
        self._thread = threading.Thread(target=self._run, name=thread_name, daemon=True)
        self._thread.start()

    def endpoints(self, kind: Kind) -> list[Endpoint]:
        """Return all publishers or subscriptions that are known now."""
        with self._lock:
            return [end for end in self._known.values() if end.kind == kind]

    def subscribers(self, publisher: Endpoint) -> int:
        """Return the number of subscriptions that receive the messages of this publisher."""
        return sum(
            (end.topic, end.type_name, end.type_hash)
            == (publisher.topic, publisher.type_name, publisher.type_hash)
            for end in self.endpoints('subscription')
        )

    def stop(self) -> None:
        self._subscriber.undeclare()
        self._thread.join()

    def _run(self) -> None:
        channel = self._subscriber.handler
        while True:
            try:
                sample = channel.recv()
            except zenoh.ZError:  # undeclared
                return
            self._on_token(sample)

    def _on_token(self, sample: zenoh.Sample) -> None:
        token = str(sample.key_expr)
        end = parse_endpoint(token)
        if end is None:
            return
        with self._lock:
            if sample.kind == zenoh.SampleKind.PUT:
                self._known[token] = end
            else:
                self._known.pop(token, None)


def why_apart(publisher: Endpoint, subscription: Endpoint) -> QosProblem | None:
    """Return why a publisher and a subscription of one topic do not match; None if they match.

    Zenoh matches them if their keys are equal, which contain the type and its hash. Unlike in DDS,
    reliability and durability do not matter.
    """
    if publisher.type_name != subscription.type_name:
        return mismatch(
            publisher.topic, publisher.qos, publisher.type_name, publisher.qos, subscription.type_name
        )
    if publisher.type_hash != subscription.type_hash:
        return QosProblem(
            publisher.topic,
            'type',
            f'{publisher.type_name} is published as {publisher.type_hash}, subscribed as '
            f'{subscription.type_hash}: the two were built from different definitions (a ROS 2 before Iron '
            'has no hashes); use the same ROS 2, or Cyclone DDS',
        )
    return None
