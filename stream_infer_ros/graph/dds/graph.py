"""A ROS 2 participant over Cyclone DDS, without an installation of ROS."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable

from cyclonedds.idl import IdlStruct
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph.adapter_base import AdapterBase
from stream_infer_ros.graph.best_available import BestAvailable
from stream_infer_ros.graph.compatibility import mismatch
from stream_infer_ros.graph.dds.configuration import domain_xml
from stream_infer_ros.graph.dds.discovery import NodeAnnouncement, type_hash_user_data
from stream_infer_ros.graph.dds.endpoints import Endpoint, Endpoints
from stream_infer_ros.graph.dds.failure import as_graph_error
from stream_infer_ros.graph.dds.participant import Participant
from stream_infer_ros.graph.dds.publisher import DdsPublisher
from stream_infer_ros.graph.dds.qos import to_dds
from stream_infer_ros.graph.dds.receiver import Receiver, Reception
from stream_infer_ros.graph.dds.untyped_topic import UntypedTopic
from stream_infer_ros.graph.domain import domain_id
from stream_infer_ros.graph.graph import OnMessage, Qos, QosProblem, TopicInfo
from stream_infer_ros.graph.guarded_callback import GuardedCallback
from stream_infer_ros.graph.names import check_names
from stream_infer_ros.messages.typestore import type_hash, typestore


class DdsGraph(AdapterBase):
    """A `Graph` on a DDS domain, as a ROS 2 node.

    Domain, discovery range and interfaces come from `config` and the environment (`configuration.py`). One
    thread receives the messages of all subscriptions. If a program ends without `close`, the graph is closed
    at exit.

    Raises:
        GraphError: a setting or an environment variable is invalid, or Cyclone DDS does not accept it.
    """

    def __init__(self, config: GraphConfig) -> None:
        super().__init__()
        self._topics: dict[tuple[str, str], UntypedTopic] = {}
        self._best_available: BestAvailable | None = None
        xml = domain_xml(config, os.environ, os.getpid())
        self._participant = Participant(domain_id(config, os.environ), xml)
        try:
            with as_graph_error('starting the DDS graph', 'see what Cyclone wrote above'):
                self._announcement = NodeAnnouncement(self._participant, config.node_name, config.namespace)
                self._publications = Endpoints(self._participant, 'publication')
                self._subscriptions = Endpoints(self._participant, 'subscription')
                self._receiver = Receiver(self._participant, f'{config.node_name} dds receiver')
        except BaseException:
            self._participant.close()
            raise
        atexit.register(self.close)

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: OnMessage) -> None:
        check_names(topic, type_name)
        with self._lock, as_graph_error(f'subscribing to {topic}', 'is the domain still open?'):
            self._refuse_if_closed(topic)
            # A wrong type raises here, even if the reader is created later.
            self._topic(topic, type_name)
            callback = self._guard(topic, on_message)
            if not qos.is_best_available:
                self._read(topic, type_name, qos, callback)
                return
            if self._best_available is None:
                offers = Endpoints(self._participant, 'publication')
                self._best_available = BestAvailable(offers.offered, self._read)
                self._receiver.add(offers.reader, self._decide)
            self._best_available.wish(topic, type_name, qos, callback)
        self._receiver.call_soon(self._decide)

    def advertise(self, topic: str, type_name: str, qos: Qos) -> DdsPublisher:
        check_names(topic, type_name)
        with self._lock, as_graph_error(f'advertising {topic}', 'is the domain still open?'):
            self._refuse_if_closed(topic)
            dds_topic, user_data = self._topic(topic, type_name)
            writer: DataWriter[IdlStruct] = self._participant.own(
                DataWriter(self._participant.entity, dds_topic, qos=to_dds(qos, user_data))
            )
            self._announcement.add_writer(writer)
            publisher = DdsPublisher(topic, type_name, writer)
            self._publishers.append(publisher)
            self._count_losses(topic, lambda: publisher.not_sent)
            return publisher

    def topics(self) -> list[TopicInfo]:
        return sorted({TopicInfo(end.topic, end.type_name) for end in self._look(self._publications)})

    def qos_problems(self) -> list[QosProblem]:
        requested = self._look(self._subscriptions)
        offered = self._look(self._publications)
        me = None if self.closed else self._participant.guid
        problems = {
            mismatch(offer.topic, offer.qos, offer.type_name, request.qos, request.type_name)
            for offer in offered
            for request in requested
            if offer.topic == request.topic and me in (offer.participant, request.participant)
        }
        return sorted(problem for problem in problems if problem is not None)

    def _leave(self) -> None:
        self._receiver.stop()
        self._announcement.withdraw()
        self._participant.close()

    def _read(self, topic: str, type_name: str, qos: Qos, callback: GuardedCallback) -> Callable[[], None]:
        """Make a reader and receive from it; return a function that undoes this. Both need the lock."""
        dds_topic, user_data = self._topic(topic, type_name)
        reader: DataReader[IdlStruct] = self._participant.own(
            DataReader(self._participant.entity, dds_topic, qos=to_dds(qos, user_data))
        )
        self._announcement.add_reader(reader)
        reception = Reception(self._receiver, reader, callback)
        stop_counting = self._count_losses(topic, reception.lost)
        end = self._receiver.add(reader, reception)

        def give_up() -> None:
            end()
            stop_counting()
            self._announcement.remove_reader(reader)
            self._participant.give_up(reader)

        return give_up

    def _decide(self) -> None:
        """Update best_available subscriptions to the current publishers. Runs on the receiver's thread."""
        with self._lock:
            if not self.closed and self._best_available is not None:
                self._best_available.decide()

    def _topic(self, topic: str, type_name: str) -> tuple[UntypedTopic, bytes]:
        """Return the DDS topic, made once for all our endpoints, and the user data of the endpoints."""
        made = self._topics.get((topic, type_name))
        if made is None:
            made = self._participant.own(
                UntypedTopic(self._participant.entity, 'rt' + topic, typestore(), type_name)
            )
            self._topics[topic, type_name] = made
        return made, type_hash_user_data(type_hash(type_name))

    def _look(self, endpoints: Endpoints) -> list[Endpoint]:
        with self._lock:
            return [] if self.closed else endpoints.now()
