"""Conversion of ROS 1 messages into those of ROS 2, which have the same fields in another encoding."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from stream_infer_ros.messages.typestore import typestore

_RENAMED = {'tf/msg/tfMessage': 'tf2_msgs/msg/TFMessage'}
_HEADER, _SEQUENCE = 'std_msgs/msg/Header', 'seq'


class NotConvertible(Exception):
    """A type of ROS 1 is missing or different in ROS 2; the text says which."""


def ros2_type(type_name: str) -> str:
    """Return the name in ROS 2 of a type of ROS 1."""
    package, _, name = type_name.rpartition('/')
    full = type_name if package.endswith('/msg') else f'{package}/msg/{name}'
    return _RENAMED.get(full, full)


def converter(type_name: str, definition: str) -> Callable[[bytes], bytes]:
    """Return a function from ROS 1 bytes to CDR bytes. It raises an exception for bytes of another type.

    Args:
        type_name: of ROS 2.
        definition: of ROS 1, as recorded; if it is empty, the one of Noetic is assumed.

    Raises:
        NotConvertible: the definition differs from that of ROS 2, or ROS 2 has none.
    """
    if type_name not in typestore().fielddefs:
        raise NotConvertible(f'ROS 2 has no type {type_name}')
    try:
        types = get_types_from_msg(definition, type_name) if definition.strip() else {}
    except Exception as error:  # the parser raises several kinds
        raise NotConvertible(f'the definition of {type_name} is damaged') from error
    known = {**get_typestore(Stores.ROS1_NOETIC).fielddefs, **types}
    _compare(type_name, known)
    return partial(_convert, type_name)


def _convert(type_name: str, message: bytes) -> bytes:
    return bytes(typestore().ros1_to_cdr(message, type_name))


def _compare(type_name: str, ros1: dict[str, Any]) -> None:
    """Raise NotConvertible unless both have the same fields, but for the counter of ROS 1's header."""
    if type_name not in ros1:
        raise NotConvertible(f'the definition of {type_name} is not recorded')
    old = [own for own in ros1[type_name][1] if (type_name, own[0]) != (_HEADER, _SEQUENCE)]
    new = typestore().fielddefs[type_name][1]
    if [(name.lower(), kind) for name, kind in old] != [(name.lower(), kind) for name, kind in new]:
        raise NotConvertible(f'{type_name} has other fields in ROS 2')
    for _, kind in new:
        for inner in _types_in(kind):
            _compare(inner, ros1 | {name: typestore().fielddefs[name] for name in _TIMES})


_TIMES = ('builtin_interfaces/msg/Time', 'builtin_interfaces/msg/Duration')


def _types_in(kind: Any) -> list[str]:
    """Return the names of the message types in the type of a field."""
    if isinstance(kind, tuple):
        return [name for part in kind for name in _types_in(part)]
    return [kind] if isinstance(kind, str) and '/msg/' in kind else []
