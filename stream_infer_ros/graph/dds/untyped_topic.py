"""DDS topics whose readers and writers announce the name of their type, but no description of it.

If a reader and a writer both announce a description (XTypes type information), the descriptions are compared.
Fast DDS 3 (ROS 2 Kilted and later) announces descriptions of types with sequences that Cyclone DDS 11.0.1
cannot read. Cyclone then does not match the reader and the writer. If one side announces no description, only
the type names are compared, as between all earlier ROS 2 middlewares.

The Python binding always announces a description. These topics are therefore created as in a C program: from
a descriptor with instructions for the serialiser. This also avoids Cyclone's type library, which can crash in
11.0.1 when a topic is described while types of other endpoints appear or disappear.
"""

from __future__ import annotations

import ctypes as ct

from cyclonedds.core import Entity
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.topic import Topic
from rosbags.typesys.store import Typestore

from stream_infer_ros.graph.dds.library import function
from stream_infer_ros.graph.dds.serializer_ops import serializer_ops
from stream_infer_ros.graph.names import wire_name

_FIXED_SIZE = 1 << 4  # DDS_TOPIC_FIXED_SIZE


class _Serialized(ct.Structure):
    """struct dds_type_meta_ser."""

    _fields_ = (('data', ct.c_void_p), ('size', ct.c_uint32))


class _Descriptor(ct.Structure):
    """dds_topic_descriptor_t of dds_public_impl.h."""

    _fields_ = (
        ('size', ct.c_uint32),
        ('alignment', ct.c_uint32),
        ('flags', ct.c_uint32),
        ('key_count', ct.c_uint32),
        ('type_name', ct.c_char_p),
        ('keys', ct.c_void_p),
        ('op_count', ct.c_uint32),
        ('ops', ct.POINTER(ct.c_uint32)),
        ('meta', ct.c_char_p),
        ('type_information', _Serialized),
        ('type_mapping', _Serialized),
        ('restrict_data_representation', ct.c_uint32),
    )


_create_topic = function(
    'dds_create_topic',
    ct.c_int32,
    ct.c_int32,
    ct.POINTER(_Descriptor),
    ct.c_char_p,
    ct.c_void_p,
    ct.c_void_p,
)


class UntypedTopic(Topic[IdlStruct]):
    """A topic without type information, for a message type of ROS 2.

    Create readers and writers on it as on any `Topic`. They transfer serialised messages (`calls.py`).

    Raises:
        GraphError: the store lacks the type's definition, or the type cannot be described.
        DDSException: the participant was deleted, or the name is not valid.
    """

    def __init__(self, participant: DomainParticipant, name: str, store: Typestore, type_name: str) -> None:
        described = serializer_ops(store, type_name)
        ops = (ct.c_uint32 * len(described.ops))(*described.ops)
        descriptor = _Descriptor(
            size=described.size,
            alignment=described.alignment,
            flags=_FIXED_SIZE if described.fixed_size else 0,
            type_name=wire_name(type_name).encode(),
            op_count=len(ops),
            ops=ops,
            meta=b'',
        )
        # Cyclone copies the parts of the descriptor that it needs.
        Entity.__init__(
            self, _create_topic(participant._ref, ct.byref(descriptor), name.encode(), None, None)
        )
        self.data_type = IdlStruct
        self._keepalive_entities = [participant]
