"""The publishers and subscriptions that were discovered in the domain."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from cyclonedds.builtin import (
    BuiltinDataReader,
    BuiltinTopic,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
    DcpsEndpoint,
)
from cyclonedds.core import InstanceState

from stream_infer_ros.graph.dds.participant import Participant
from stream_infer_ros.graph.dds.qos import from_dds
from stream_infer_ros.graph.graph import Qos
from stream_infer_ros.graph.names import ros_name

_PREFIX = 'rt/'  # of ROS topics; services and actions have other prefixes
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A reader or writer of a ROS topic in the domain. Our own endpoints are included."""

    topic: str
    type_name: str
    qos: Qos
    participant: UUID


class Endpoints:
    """The endpoints of one kind, updated by each query."""

    def __init__(self, participant: Participant, kind: Literal['publication', 'subscription']) -> None:
        builtin: BuiltinTopic = (
            BuiltinTopicDcpsPublication if kind == 'publication' else BuiltinTopicDcpsSubscription
        )
        self.reader = participant.own(BuiltinDataReader(participant.entity, builtin))
        self._lock = threading.Lock()
        self._known: dict[UUID, Endpoint] = {}

    def now(self) -> list[Endpoint]:
        """Return all endpoints that are known now."""
        with self._lock:
            while changes := self.reader.take(N=_BATCH):
                for change in changes:
                    self._apply(change)
            return list(self._known.values())

    def offered(self, topic: str, type_name: str) -> set[Qos]:
        """Return the QoS that the endpoints of a topic and type offer or request."""
        return {end.qos for end in self.now() if (end.topic, end.type_name) == (topic, type_name)}

    def _apply(self, change: DcpsEndpoint) -> None:
        info: Any = change.sample_info  # type: ignore[attr-defined]  # the binding adds it
        if info.instance_state != InstanceState.Alive:
            self._known.pop(change.key, None)
            return
        type_name = ros_name(change.type_name)
        if type_name is None or not change.topic_name.startswith(_PREFIX):
            return
        topic = '/' + change.topic_name.removeprefix(_PREFIX)
        self._known[change.key] = Endpoint(topic, type_name, from_dds(change.qos), change.participant_key)
