"""Instructions for Cyclone's serialiser for a message type, as Cyclone's IDL compiler generates them for C.

Cyclone applies the instructions to every message that is sent or received: it refuses bytes that are not a
message of the type, and converts the byte order. `dds/ddsc/dds_opcodes.h` of Cyclone DDS defines them.
Offsets and sizes are those of the C struct that the compiler would declare for the message.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from rosbags.interfaces import Nodetype
from rosbags.typesys.store import Typestore

from stream_infer_ros.errors import GraphError

# enum dds_stream_typecode
_1BY, _2BY, _4BY, _8BY, _STRING, _BOUNDED_STRING, _SEQUENCE, _ARRAY = range(1, 9)
_STRUCT, _BOUNDED_SEQUENCE, _NESTED, _BOOL = 0x0A, 0x0B, 0x0D, 0x0E
_FIELD = 1 << 24  # DDS_OP_ADR
_RETURN = 0  # DDS_OP_RTS
_FLOAT, _SIGNED = 1 << 1, 1 << 2  # flags of a field


class _Primitive(NamedTuple):
    code: int
    size: int
    flags: int = 0


_PRIMITIVES = {
    'bool': _Primitive(_BOOL, 1),
    'byte': _Primitive(_1BY, 1),
    'octet': _Primitive(_1BY, 1),
    'char': _Primitive(_1BY, 1),  # ROS 2's char is an unsigned number
    'uint8': _Primitive(_1BY, 1),
    'int8': _Primitive(_1BY, 1, _SIGNED),
    'uint16': _Primitive(_2BY, 2),
    'int16': _Primitive(_2BY, 2, _SIGNED),
    'uint32': _Primitive(_4BY, 4),
    'int32': _Primitive(_4BY, 4, _SIGNED),
    'uint64': _Primitive(_8BY, 8),
    'int64': _Primitive(_8BY, 8, _SIGNED),
    'float32': _Primitive(_4BY, 4, _FLOAT),
    'float64': _Primitive(_8BY, 8, _FLOAT),
}


class _Layout(NamedTuple):
    """The place a value takes in a C struct, in bytes."""

    size: int
    alignment: int


_STRING_LAYOUT = _Layout(8, 8)  # a pointer
_SEQUENCE_LAYOUT = _Layout(24, 8)  # struct dds_sequence


class SerializerOps(NamedTuple):
    """The instructions for one message type, and the layout of its C struct in bytes."""

    ops: tuple[int, ...]
    size: int
    alignment: int
    fixed_size: bool  # without strings and sequences


@cache
def serializer_ops(store: Typestore, type_name: str) -> SerializerOps:
    """Return the instructions for 'package/msg/Type'.

    Raises:
        GraphError: the store lacks the definition, or a field of the type cannot be described (wstring).
    """
    assembler = _Assembler(store)
    layout = assembler.layout_of_struct(type_name)
    return SerializerOps(assembler.assemble(), layout.size, layout.alignment, assembler.fixed_size)


class _Struct(NamedTuple):
    fields: list[tuple[Any, int]]  # definition, offset in the C struct
    layout: _Layout


class _Assembler:
    """Writes the instructions of a message type, followed by those of each nested type once."""

    def __init__(self, store: Typestore) -> None:
        self._store = store
        self._structs: dict[str, _Struct] = {}
        self._order: list[str] = []  # in which types are written: a type before those nested in it
        self._ops: list[int] = []
        self._jumps: list[tuple[int, int, str]] = []  # index of the jump, start of its field, target type
        self.fixed_size = True

    def layout_of_struct(self, type_name: str) -> _Layout:
        """Lay out a message type and all nested ones."""
        if type_name in self._structs:
            return self._structs[type_name].layout
        if type_name not in self._store.fielddefs:
            raise GraphError(
                f'type {type_name}: its definition is not known. Over DDS, only the types of ROS 2 Jazzy, '
                f'vision_msgs '
                'and map_msgs can be sent and received'
            )
        self._order.append(type_name)
        fields = []
        end, alignment = 0, 1
        for name, definition in self._store.fielddefs[type_name][1]:
            place = self._layout(f'{type_name}.{name}', definition)
            offset = _aligned(end, place.alignment)
            fields.append((definition, offset))
            end, alignment = offset + place.size, max(alignment, place.alignment)
        layout = _Layout(_aligned(end, alignment), alignment)
        self._structs[type_name] = _Struct(fields, layout)
        return layout

    def assemble(self) -> tuple[int, ...]:
        """Return the instructions of everything laid out."""
        starts = {}
        for type_name in self._order:
            starts[type_name] = len(self._ops)
            for definition, offset in self._structs[type_name].fields:
                self._field(definition, offset)
            self._ops.append(_RETURN)
        for index, begin, target in self._jumps:
            self._ops[index] |= (starts[target] - begin) & 0xFFFF
        return tuple(self._ops)

    def _layout(self, path: str, definition: Any) -> _Layout:
        kind, detail = definition
        if kind == Nodetype.NAME:
            return self.layout_of_struct(detail)
        if kind == Nodetype.ARRAY:
            element, length = detail
            place = self._layout(path, element)
            return _Layout(length * place.size, place.alignment)
        if kind == Nodetype.SEQUENCE:
            self._layout(path, detail[0])
            self.fixed_size = False
            return _SEQUENCE_LAYOUT
        base, bound = detail
        if base == 'string':
            self.fixed_size = False
            return _Layout(bound + 1, 1) if bound else _STRING_LAYOUT
        if base not in _PRIMITIVES:
            raise GraphError(f'{path}: a {base} cannot be described to Cyclone DDS; use another field type')
        size = _PRIMITIVES[base].size
        return _Layout(size, size)

    def _field(self, definition: Any, offset: int) -> None:
        kind, detail = definition
        begin = len(self._ops)
        if kind == Nodetype.NAME:
            self._ops += [_FIELD | _NESTED << 16, offset, 3 << 16]
            self._jumps.append((begin + 2, begin, detail))
        elif kind == Nodetype.ARRAY:
            self._collection(_ARRAY, detail[0], [offset, detail[1]])
        elif kind == Nodetype.SEQUENCE and detail[1]:
            self._collection(_BOUNDED_SEQUENCE, detail[0], [offset, detail[1]])
        elif kind == Nodetype.SEQUENCE:
            self._collection(_SEQUENCE, detail[0], [offset])
        else:
            code, flags, bound = _scalar(detail)
            self._ops += [_FIELD | code << 16 | flags, offset, *bound]

    def _collection(self, code: int, element: Any, arguments: list[int]) -> None:
        """Write an array or sequence; `arguments` are the offset and the length or bound, if it has one."""
        kind, detail = element
        begin = len(self._ops)
        if kind != Nodetype.NAME:
            element_code, flags, bound = _scalar(detail)
            if code == _ARRAY and bound:
                bound = [0, *bound]
            self._ops += [_FIELD | code << 16 | element_code << 8 | flags, *arguments, *bound]
            return
        size, count = self._structs[detail].layout.size, len(arguments) + 3
        self._ops += [_FIELD | code << 16 | _STRUCT << 8, *arguments]
        jump = count << 16  # to the next field; `assemble` adds the offset of the element's instructions
        self._ops += [jump, size] if code == _ARRAY else [size, jump]
        self._jumps.append((begin + count - (2 if code == _ARRAY else 1), begin, detail))


def _scalar(detail: tuple[str, int]) -> tuple[int, int, list[int]]:
    """Return the type code, the flags and the additional argument of a string or number."""
    base, bound = detail
    if base == 'string':
        return (_BOUNDED_STRING, 0, [bound + 1]) if bound else (_STRING, 0, [])
    primitive = _PRIMITIVES[base]
    return primitive.code, primitive.flags, []


def _aligned(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment
