"""diagnostic_msgs/msg/DiagnosticArray."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'diagnostic_msgs/msg/DiagnosticArray'


class DiagnosticLevel(IntEnum):
    """State of a component (REP-107)."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True, slots=True)
class DiagnosticStatus:
    """The state of one component.

    Attributes:
        level: the state.
        name: 'node: component'. Tools group statuses by it.
        message: one line of text for people.
        hardware_id: the hardware it depends on. Tools merge statuses by it.
        values: details, by name.
    """

    level: DiagnosticLevel
    name: str
    message: str
    hardware_id: str = ''
    values: Mapping[str, str] = field(default_factory=dict)


def encode_diagnostic_array(stamp_ns: int, statuses: Sequence[DiagnosticStatus]) -> bytes:
    """Encode the states of components. `stamp_ns` is in nanoseconds."""
    writer = CdrWriter(TYPE_NAME)
    writer.header(stamp_ns, '')
    writer.uint32(len(statuses))
    for status in statuses:
        writer.uint8(status.level)
        for text in (status.name, status.message, status.hardware_id):
            writer.string(text)
        writer.uint32(len(status.values))
        for key, value in status.values.items():
            writer.string(key)
            writer.string(value)
    return writer.finish()
