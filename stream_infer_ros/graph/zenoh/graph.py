"""A ROS 2 node over zenoh that is compatible with rmw_zenoh, without an installation of ROS."""

from __future__ import annotations

import atexit
import os
from itertools import count
from typing import Any

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError, MessageError
from stream_infer_ros.graph.adapter_base import AdapterBase
from stream_infer_ros.graph.domain import domain_id
from stream_infer_ros.graph.graph import OnMessage, Qos, QosProblem, TopicInfo
from stream_infer_ros.graph.names import check_names
from stream_infer_ros.graph.zenoh.configuration import session_plan
from stream_infer_ros.graph.zenoh.discovery import Discovery, why_apart
from stream_infer_ros.graph.zenoh.entity import Endpoint, Kind, Node, gid
from stream_infer_ros.graph.zenoh.failure import as_graph_error
from stream_infer_ros.graph.zenoh.publisher import Payloads, ZenohPublisher, declare_publisher
from stream_infer_ros.graph.zenoh.reception import Reception, declare_subscriber
from stream_infer_ros.graph.zenoh.session import open_session
from stream_infer_ros.graph.zenoh.shared_memory import NoSharedMemory, SharedMemory
from stream_infer_ros.messages.typestore import type_hash


class ZenohGraph(AdapterBase):
    """A `Graph` on a zenoh session, as a ROS 2 node.

    Mode, endpoints and discovery range come from `config` and the environment (`configuration.py`). Each
    subscription has a thread. If a program ends without `close`, the graph is closed at exit.

    Raises:
        GraphError: a setting or an environment variable is invalid, or zenoh does not accept it.
    """

    def __init__(self, config: GraphConfig) -> None:
        super().__init__()
        self._ids = count(1)
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
        with self._lock, as_graph_error(f'subscribing to {topic}', 'was the session closed?'):
            self._refuse_if_closed(topic)
            declared = declare_subscriber(self._session, self._node.topic_key(endpoint), qos)
            callback = self._guard(topic, on_message)
            reception = Reception(declared, callback, f'{self._name} zenoh {topic}')
            self._receptions.append(reception)
            self._count_losses(topic, lambda: reception.gaps.lost)
            # Announced last, because a peer that sees the subscription must be able to rely on it.
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
        return sorted({TopicInfo(end.topic, end.type_name) for end in self._known('publisher')})

    def qos_problems(self) -> list[QosProblem]:
        requested = self._known('subscription')
        problems = {
            why_apart(offer, request)
            for offer in self._known('publisher')
            for request in requested
            if offer.topic == request.topic and self._node.session in (offer.session, request.session)
        }
        return sorted(problem for problem in problems if problem is not None)

    def _leave(self) -> None:
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
                f'topic {topic}: the definition of {type_name} is not known. Over zenoh, only the types of '
                'ROS 2 Jazzy, vision_msgs and map_msgs can be sent and received'
            ) from error
        return Endpoint(kind, self._node.session, topic, type_name, described, qos)

    def _announce(self, token: str) -> None:
        self._tokens.append(self._session.liveliness().declare_token(token))

    def _known(self, kind: Kind) -> list[Endpoint]:
        return [] if self.closed else self._discovery.endpoints(kind)
