"""The announcement of our node, which `ros2 node list` and `ros2 node info` show.

DDS has participants and endpoints, but no nodes. Every ROS 2 participant therefore publishes a latched
rmw_dds_common/msg/ParticipantEntitiesInfo on the topic `ros_discovery_info`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from cyclonedds.core import Entity
from cyclonedds.idl import IdlStruct
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from stream_infer_ros.graph.dds import calls
from stream_infer_ros.graph.dds.participant import Participant
from stream_infer_ros.graph.dds.qos import to_dds
from stream_infer_ros.graph.dds.untyped_topic import UntypedTopic
from stream_infer_ros.graph.graph import LATCHED

_TYPE = 'rmw_dds_common/msg/ParticipantEntitiesInfo'
_NODE = 'rmw_dds_common/msg/NodeEntitiesInfo'
_GID = 'rmw_dds_common/msg/Gid'
_DEFINITIONS = {  # of Iron and later
    _GID: 'uint8[16] data',
    _NODE: (
        'string<=256 node_namespace\nstring<=256 node_name\n'
        'rmw_dds_common/Gid[] reader_gid_seq\nrmw_dds_common/Gid[] writer_gid_seq'
    ),
    _TYPE: 'rmw_dds_common/Gid gid\nrmw_dds_common/NodeEntitiesInfo[] node_entities_info_seq',
}


def type_hash_user_data(type_hash: str) -> bytes:
    """Return the user data of an endpoint that describes its type (REP-2011)."""
    return f'typehash={type_hash};'.encode()


class NodeAnnouncement:
    """The announcement of one node on one participant."""

    def __init__(self, participant: Participant, node_name: str, namespace: str) -> None:
        self._participant, self._node_name, self._namespace = participant, node_name, namespace
        self._readers: list[DataReader[IdlStruct]] = []
        self._writers: list[DataWriter[IdlStruct]] = []
        store = _store()
        user_data = type_hash_user_data(store.hash_rihs01(_TYPE))
        topic = participant.own(UntypedTopic(participant.entity, 'ros_discovery_info', store, _TYPE))
        self._writer = participant.own(DataWriter(participant.entity, topic, qos=to_dds(LATCHED, user_data)))
        self._announce()

    def add_reader(self, reader: DataReader[IdlStruct]) -> None:
        self._readers.append(reader)
        self._announce()

    def remove_reader(self, reader: DataReader[IdlStruct]) -> None:
        self._readers = [own for own in self._readers if own is not reader]
        self._announce()

    def add_writer(self, writer: DataWriter[IdlStruct]) -> None:
        self._writers.append(writer)
        self._announce()

    def withdraw(self) -> None:
        """Announce that the node is gone, before the participant leaves."""
        self._send([])

    def _announce(self) -> None:
        node = _store().types[_NODE](
            node_namespace=self._namespace,
            node_name=self._node_name,
            reader_gid_seq=[_gid(reader) for reader in self._readers],
            writer_gid_seq=[_gid(writer) for writer in self._writers],
        )
        self._send([node])

    def _send(self, nodes: list[Any]) -> None:
        store = _store()
        message = store.types[_TYPE](gid=_gid(self._participant.entity), node_entities_info_seq=nodes)
        calls.write(self._writer._ref, store.serialize_cdr(message, _TYPE))


@cache
def _store() -> Typestore:
    store = get_typestore(Stores.EMPTY)
    for type_name, definition in _DEFINITIONS.items():
        store.register(get_types_from_msg(definition, type_name))
    return store


def _gid(entity: Entity) -> Any:
    return _store().types[_GID](data=np.frombuffer(entity.guid.bytes, np.uint8))
