"""A publisher over zenoh."""

from __future__ import annotations

import threading
import time
from typing import Any, Protocol

import zenoh
from zenoh import ext

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.adapter_base import closed_publisher
from stream_infer_ros.graph.graph import Cdr, Qos
from stream_infer_ros.graph.zenoh.attachment import Attachment
from stream_infer_ros.graph.zenoh.discovery import Discovery
from stream_infer_ros.graph.zenoh.entity import Endpoint
from stream_infer_ros.graph.zenoh.failure import as_graph_error

_HEADER_BYTES = 4  # the encapsulation
# The period of announcing the sequence number of the last latched message, which reveals its loss. As in
# rmw_zenoh.
_HEARTBEAT_S = 0.5


class Payloads(Protocol):
    """Makes the zenoh payload (ZBytes) of a message."""

    def payload(self, cdr: Cdr) -> Any: ...


def declare_publisher(session: zenoh.Session, key: str, qos: Qos) -> Any:
    """Return a zenoh publisher with the settings of rmw_zenoh for this QoS.

    With transient_local it keeps its last messages. The session limits how long it waits when it cannot send
    (`configuration.py`).
    """
    best_effort = qos.reliability == 'best_effort'
    common: dict[str, Any] = {
        'encoding': zenoh.Encoding.APPLICATION_CDR,
        'congestion_control': zenoh.CongestionControl.DROP,
        'reliability': zenoh.Reliability.BEST_EFFORT if best_effort else zenoh.Reliability.RELIABLE,
    }
    if qos.durability == 'volatile':
        return session.declare_publisher(key, **common)
    return ext.declare_advanced_publisher(
        session,
        key,
        cache=ext.CacheConfig(max_samples=qos.depth),
        publisher_detection=True,
        sample_miss_detection=None
        if best_effort
        else ext.MissDetectionConfig(heartbeat=None, sporadic_heartbeat=_HEARTBEAT_S),
        **common,
    )


class ZenohPublisher:
    """A `Publisher`. Subscribers know it by its `gid`."""

    def __init__(
        self, endpoint: Endpoint, gid: bytes, declared: Any, payloads: Payloads, discovery: Discovery
    ) -> None:
        self._closed = False
        self._endpoint, self._gid, self._declared = endpoint, gid, declared
        self._payloads, self._discovery = payloads, discovery
        self._lock = threading.Lock()  # keeps the sequence numbers in order
        self._sequence = 0

    def publish(self, cdr: Cdr) -> None:
        """As in `Publisher`. Also raises GraphError for bytes without an encapsulation header."""
        if len(cdr) < _HEADER_BYTES or cdr[0] != 0:
            raise GraphError(
                f'topic {self._endpoint.topic}: {len(cdr)} bytes are not a {self._endpoint.type_name}; '
                'publish the encapsulation header and the fields of that type'
            )
        with self._lock:
            if self._closed:
                raise closed_publisher(self._endpoint.topic)
            self._sequence += 1
            attachment = Attachment(self._sequence, time.time_ns(), self._gid).to_bytes()
            with as_graph_error(f'publishing on {self._endpoint.topic}', 'was the session closed?'):
                self._declared.put(self._payloads.payload(cdr), attachment=attachment)

    def subscribers(self) -> int:
        return 0 if self._closed else self._discovery.subscribers(self._endpoint)

    def close(self) -> None:
        """Refuse further messages, after the one that is being sent."""
        with self._lock:
            self._closed = True
