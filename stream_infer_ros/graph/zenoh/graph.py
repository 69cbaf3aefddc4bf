"""A ROS 2 node over zenoh, as rmw_zenoh would be, with no ROS installed."""

from __future__ import annotations

import atexit
import os
import threading
import time
from itertools import count
from typing import Any

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError, MessageError
from stream_infer_ros.graph.domain import domain_id
from stream_infer_ros.graph.graph import OnMessage, Qos, QosProblem, TopicInfo
from stream_infer_ros.graph.guarded_callback import GuardedCallback, count_by_topic
from stream_infer_ros.graph.names import check_names
from stream_infer_ros.graph.zenoh.configuration import session_plan
from stream_infer_ros.graph.zenoh.discovery import Discovery
from stream_infer_ros.graph.zenoh.entity import Endpoint, Kind, Node, gid
from stream_infer_ros.graph.zenoh.failure import as_graph_error
from stream_infer_ros.graph.zenoh.mismatch import why_apart
from stream_infer_ros.graph.zenoh.publisher import Payloads, ZenohPublisher, declare_publisher
from stream_infer_ros.graph.zenoh.reception import Reception, declare_subscriber
from stream_infer_ros.graph.zenoh.session import open_session
from stream_infer_ros.graph.zenoh.shared_memory import NoSharedMemory, SharedMemory
from stream_infer_ros.messages.typestore import type_hash


class ZenohGraph:
    """A `Graph` on a zenoh session, under a node name of ROS 2.

    Mode, endpoints and reach come from `config` and the environment (`configuration.py`). Each subscription
    has a thread. A program that ends without `close` still leaves the graph in order.

    Raises:
        GraphError: a setting or variable is no good, or zenoh does not accept it.
    """

    def __init__(self, config: GraphConfig) -> None:
        self._lock = (
            threading.Lock()
        )  # over what follows and closing; never held while a subscriber is called
        self._closed = False
        self._ids = count(1)
        self._publishers: list[ZenohPublisher] = []
        self._receptions: list[Reception] = []
        self._tokens: list[Any] = []
        self._name = config.node_name
        domain = domain_id(config, os.environ)
        self._session = open_session(session_plan(config, os.environ))
        self._payloads: Payloads = SharedMemory() if config.zenoh.shared_memory else NoSharedMemory()
        self._node = Node(domain, str(self._session.zid()), config.namespace, config.node_name)
        try:
            with as_graph_error('starting the zenoh graph', 'check namespace and node name'):
                self._discovery = Discovery(self._session, domain, f'{self._name} zenoh discovery')
                self._announce(self._node.token())
        except GraphError:
            self._session.close()
            raise
        atexit.register(self.close)

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: OnMessage) -> None:
        endpoint = self._endpoint('subscription', topic, type_name, qos)
        callback = GuardedCallback(topic, on_message)
        with self._lock, as_graph_error(f'subscribing to {topic}', 'was the session closed?'):
            self._refuse_if_closed(topic)
            declared = declare_subscriber(self._session, self._node.topic_key(endpoint), qos)
            self._receptions.append(Reception(declared, callback, f'{self._name} zenoh {topic}'))
            # Last, so that who sees it can be sure to be heard.
            self._announce(self._node.endpoint_token(next(self._ids), endpoint))

    def advertise(self, topic: str, type_name: str, qos: Qos) -> ZenohPublisher:
        endpoint = self._endpoint('publisher', topic, type_name, qos)
        with self._lock, as_graph_error(f'advertising {topic}', 'was the session closed?'):
            self._refuse_if_closed(topic)
            declared = declare_publisher(self._session, self._node.topic_key(endpoint), qos)
            token = self._node.endpoint_token(next(self._ids), endpoint)
            publisher = ZenohPublisher(endpoint, gid(token), declared, self._payloads, self._discovery)
            self._publishers.append(publisher)
            self._announce(token)
            return publisher

    def topics(self) -> list[TopicInfo]:
        found = {TopicInfo(end.topic, end.type_name) for end in self._known('publisher')}
        return sorted(found, key=lambda info: (info.name, info.type_name))

    def qos_problems(self) -> list[QosProblem]:
        requested = self._known('subscription')
        problems = {
            why_apart(offer, request)
            for offer in self._known('publisher')
            for request in requested
            if offer.topic == request.topic and self._node.session in (offer.session, request.session)
        }
        return sorted((p for p in problems if p is not None), key=lambda p: (p.topic, p.policy))

    def callback_failures(self) -> dict[str, int]:
        return count_by_topic((own.callback.topic, own.callback.failures) for own in self._receptions)

    def losses(self) -> dict[str, int]:
        return count_by_topic((own.callback.topic, own.gaps.lost) for own in self._receptions)

    def why_lost(self) -> str:
        return ''

    def now_ns(self) -> int:
        return time.time_ns()

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self.close)
        for publisher in self._publishers:
            publisher.close()
        for reception in self._receptions:
            reception.stop()
        for token in self._tokens:
            token.undeclare()
        self._discovery.stop()
        self._session.close()

    def _endpoint(self, kind: Kind, topic: str, type_name: str, qos: Qos) -> Endpoint:
        check_names(topic, type_name)
        try:
            described = type_hash(type_name)
        except MessageError as error:
            raise GraphError(
                f'topic {topic}: the definition of {type_name} is not known here (those of ROS 2 Jazzy, '
                'vision_msgs and map_msgs are); over zenoh only known types can be sent and received'
            ) from error
        return Endpoint(kind, self._node.session, topic, type_name, described, qos)

    def _announce(self, token: str) -> None:
        self._tokens.append(self._session.liveliness().declare_token(token))

    def _known(self, kind: Kind) -> list[Endpoint]:
        return [] if self._closed else self._discovery.endpoints(kind)

    def _refuse_if_closed(self, topic: str) -> None:
        if self._closed:
            raise GraphError(f'topic {topic}: the graph was closed; make a new one')
