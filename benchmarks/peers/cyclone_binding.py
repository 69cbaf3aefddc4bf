"""cyclonedds' own Python write and take of raw bytes, between the ends of our dds graphs."""

from __future__ import annotations

import time
import types
from collections.abc import Callable
from typing import Any

from cyclonedds.core import InstanceState, ReadCondition, SampleState, ViewState, WaitSet
from cyclonedds.idl import IdlStruct
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from peers.idl_type import idl_type
from stream_infer_ros.graph import SENSOR_DATA, Qos
from stream_infer_ros.graph.dds.qos import to_dds
from stream_infer_ros.messages.typestore import typestore

IMAGE = 'sensor_msgs/msg/Image'


def raw_type() -> Any:
    """Image for the binding's own calls, its samples plain CDR: the hooks a user would override."""
    known = idl_type(typestore(), IMAGE)

    def body(namespace: dict[str, Any]) -> None:
        namespace['__annotations__'].update(known.__annotations__)
        namespace['__init__'] = lambda self, cdr: setattr(self, 'cdr', cdr)
        namespace['serialize'] = lambda self, **_: self.cdr
        namespace['deserialize'] = classmethod(lambda cls, cdr, **_: cls(cdr))
        namespace['deserialize_key'] = classmethod(lambda cls, key, **_: None)

    return types.new_class('Image', (IdlStruct,), {'typename': known.__idl_typename__}, body)


class Writing:
    """Publishes `/image` through DataWriter.write."""

    def __init__(self, graph: Any, qos: Qos) -> None:
        participant, self._type = graph._participant.entity, raw_type()
        self._writer: Any = DataWriter(
            participant, Topic(participant, 'rt/image', self._type), qos=to_dds(qos)
        )

    def publish(self, cdr: bytes) -> None:
        self._writer.write(self._type(cdr))

    def subscribers(self) -> int:
        return int(self._writer.get_publication_matched_status().current_count)


def take_for_ever(graph: Any, on_message: Callable[[bytes, int], None]) -> None:
    """Receive `/image` through DataReader.take."""
    participant = graph._participant.entity
    reader: Any = DataReader(participant, Topic(participant, 'rt/image', raw_type()), qos=to_dds(SENSOR_DATA))
    waitset = WaitSet(participant)
    waitset.attach(ReadCondition(reader, ViewState.Any | SampleState.NotRead | InstanceState.Any))
    while True:
        waitset.wait(duration(infinite=True))
        for sample in reader.take(N=16):
            if sample.sample_info.valid_data:
                on_message(sample.cdr, time.time_ns())
