"""Message types for the Python binding of Cyclone DDS, for peers that use the binding's own calls."""

from __future__ import annotations

import threading
import types
from typing import Any

from cyclonedds.idl import IdlStruct
from cyclonedds.idl import types as idl_types
from rosbags.interfaces import Nodetype
from rosbags.typesys.store import Typestore

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.names import wire_name

idl: Any = idl_types  # annotated types are created at run time, which static types cannot express

_PRIMITIVES: dict[str, Any] = {
    'bool': bool,
    'byte': idl.byte,
    'char': idl.uint8,  # ROS 2's char is an unsigned number
    'octet': idl.byte,
    'int8': idl.int8,
    'uint8': idl.uint8,
    'int16': idl.int16,
    'uint16': idl.uint16,
    'int32': idl.int32,
    'uint32': idl.uint32,
    'int64': idl.int64,
    'uint64': idl.uint64,
    'float32': idl.float32,
    'float64': idl.float64,
}

_made: dict[tuple[Typestore, str], type[IdlStruct]] = {}
_lock = threading.RLock()


def idl_type(store: Typestore, type_name: str) -> type[IdlStruct]:
    """Return the Cyclone type of 'package/msg/Type'; the same object for the same store and name.

    Raises:
        GraphError: the store lacks the definition, or a field cannot be described by DDS types (wstring).
    """
    with _lock:
        key = (store, type_name)
        if key not in _made:
            if type_name not in store.fielddefs:
                raise GraphError(
                    f'type {type_name}: its definition is not known here (those of ROS 2 Jazzy, '
                    'vision_msgs and map_msgs are); over DDS only known types can be sent and received'
                )
            _, fields = store.fielddefs[type_name]
            annotations = {
                name: _field(store, f'{type_name}.{name}', definition) for name, definition in fields
            }
            _made[key] = types.new_class(
                type_name.rsplit('/', 1)[-1],
                (IdlStruct,),
                {'typename': wire_name(type_name)},
                lambda namespace: namespace['__annotations__'].update(annotations),
            )
        return _made[key]


def _field(store: Typestore, path: str, definition: Any) -> Any:
    kind, detail = definition
    if kind == Nodetype.NAME:
        return idl_type(store, detail)
    if kind == Nodetype.ARRAY:
        element, length = detail
        return idl.array[_field(store, path, element), length]
    if kind == Nodetype.SEQUENCE:
        element, bound = detail
        inner = _field(store, path, element)
        return idl.sequence[inner, bound] if bound else idl.sequence[inner]
    base, bound = detail
    if base == 'string':
        return idl.bounded_str[bound] if bound else str
    if base not in _PRIMITIVES:
        raise GraphError(f'{path}: a {base} cannot be described to Cyclone DDS; use another field type')
    return _PRIMITIVES[base]
