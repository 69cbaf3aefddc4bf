"""TensorRT plans in files: bare ones, and those of Ultralytics, which have a header with metadata.

Ultralytics (engine/exporter.py) writes the length of the header in 4 bytes (little endian), the header, which
is a JSON object, and the plan.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stream_infer_ros.inference.model_metadata import metadata_text

# Plans of TensorRT 8 and newer begin with the first, older ones with the second.
_MAGIC = (b'ftrt', b'ptrt')
_LENGTH_BYTES = 4
_LONGEST_HEADER = 1 << 20
# As much of a file is needed to tell whether it is a plan.
LONGEST_HEAD = _LENGTH_BYTES + _LONGEST_HEADER


@dataclass(frozen=True, slots=True)
class PlanHeader:
    """The part of a file before its plan.

    Attributes:
        metadata: as Ultralytics writes it into ONNX files; empty without a header.
        offset: position of the plan in the file, bytes.
    """

    metadata: Mapping[str, str]
    offset: int


def plan_header(head: bytes) -> PlanHeader | None:
    """Return the header of a plan; None if this is not the beginning of a plan.

    `head` is the beginning of the file, at least `LONGEST_HEAD` bytes of it if it has as many.
    """
    if head.startswith(_MAGIC):
        return PlanHeader({}, 0)
    length = int.from_bytes(head[:_LENGTH_BYTES], 'little')
    end = _LENGTH_BYTES + length
    if (
        not 2 <= length <= _LONGEST_HEADER
        or head[_LENGTH_BYTES : _LENGTH_BYTES + 1] != b'{'
        or len(head) < end
    ):
        return None
    try:
        parsed = json.loads(head[_LENGTH_BYTES:end])
    except ValueError:
        return None
    return PlanHeader({key: metadata_text(value) for key, value in parsed.items()}, end)


def read_plan(path: Path) -> tuple[bytes, Mapping[str, str]]:
    """Return the plan in a file without its header, and the metadata. The file must contain a plan."""
    data = path.read_bytes()
    header = plan_header(data)
    assert header is not None, 'the caller knows the format of the file'
    return data[header.offset :], header.metadata
