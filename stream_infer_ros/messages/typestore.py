"""The one store of message types: what each consists of, and its type hash."""

from __future__ import annotations

from functools import cache
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from stream_infer_ros.errors import MessageError
from stream_infer_ros.messages.definitions import DEFINITIONS


@cache
def typestore() -> Typestore:
    """Return the shared types of ROS 2 Jazzy, vision_msgs, map_msgs and bond; do not change them.

    Every message this package sends or receives has the same definition from Humble on.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    for type_name, definition in DEFINITIONS.items():
        store.register(get_types_from_msg(definition, type_name))
    # rosidl turns char into uint8 before it hashes a type, rosbags does not: its hash of
    # rmw_dds_common/msg/ParticipantEntitiesInfo is not the one that ROS 2 announces.
    store.fielddefs = {
        type_name: (constants, [(name, _char_as_uint8(field)) for name, field in fields])
        for type_name, (constants, fields) in store.fielddefs.items()
    }
    return store


@cache
def type_hash(type_name: str) -> str:
    """The REP-2016 hash of a type, 'RIHS01_...', as peers announce and compare it.

    Raises:
        MessageError: the type is not in the store.
    """
    store = typestore()
    if type_name not in store.fielddefs:
        raise MessageError(
            f'expected a message type of ROS 2 Jazzy, vision_msgs, map_msgs or bond, got {type_name!r}; '
            "names are written 'package/msg/Type'"
        )
    return store.hash_rihs01(type_name)


def _char_as_uint8(field: Any) -> Any:
    if isinstance(field, tuple):
        return tuple(_char_as_uint8(part) for part in field)
    return 'uint8' if field == 'char' else field
