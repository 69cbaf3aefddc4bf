"""The fields at the top level of a protobuf file, which distinguish ONNX from TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, NamedTuple

_MOST_FIELDS = 64
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# onnx.proto, ModelProto: ir_version = 1, graph = 7, and the numbers of all fields.
_IR_VERSION, _GRAPH = 1, 7
_ONNX_FIELDS = {*range(1, 9), 14, 20, 25, 26}


class Field(NamedTuple):
    """One field.

    Attributes:
        number: as in the .proto file.
        kind: wire type.
        value: value of a varint, length of bytes, else 0.
        begin: the first bytes of a field of bytes.
    """

    number: int
    kind: int
    value: int
    begin: bytes = b''


def top_level_fields(path: Path) -> list[Field]:
    """Return the first fields of a file, up to the first byte that is not protobuf.

    The last one may be cut short.
    """
    fields: list[Field] = []
    size = path.stat().st_size
    with path.open('rb') as file:
        while file.tell() < size and len(fields) < _MOST_FIELDS:
            tag = _varint(file)
            if tag is None or tag >> 3 == 0:
                break
            number, kind = tag >> 3, tag & 7
            if kind in (_FIXED32, _FIXED64):
                file.seek(4 if kind == _FIXED32 else 8, 1)
                fields.append(Field(number, kind, 0))
                continue
            value = _varint(file)
            if kind not in (_VARINT, _BYTES) or value is None:
                break
            here = file.tell()
            begin = file.read(min(value, 64)) if kind == _BYTES else b''
            file.seek(here + value if kind == _BYTES else here)
            fields.append(Field(number, kind, value, begin))
    return fields


def is_onnx(fields: list[Field]) -> bool:
    """Return True for the fields of an ONNX file, even if the file is cut short within its graph."""
    kinds = {field.number: field.kind for field in fields}
    return (
        kinds.get(_IR_VERSION) == _VARINT and kinds.get(_GRAPH) == _BYTES and not kinds.keys() - _ONNX_FIELDS
    )


def _varint(file: BinaryIO) -> int | None:
    value = 0
    for shift in range(0, 64, 7):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    return None
