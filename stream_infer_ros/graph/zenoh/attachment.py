"""What rmw_zenoh attaches to every message: sequence number, time of publishing, gid of the publisher.

Zenoh's serialization: i64 little-endian twice, then the 16 bytes of the gid with their count before them
(rmw_zenoh 0.2.4 and later; Kilted and Rolling alike). Jazzy's 0.2.0 to 0.2.3 put its name before each field:
that is read, too. We always write the former: rmw_zenoh ends its process at one it cannot read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_CURRENT = struct.Struct('<qqB16s')
_NAMED = struct.Struct('<B15sqB16sqB10sB16s')
_NAMES = (15, b'sequence_number', 16, b'source_timestamp', 10, b'source_gid')
_GID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Attachment:
    """`sequence` counts a publisher's messages from 1; `published_ns` is its clock; `gid` 16 bytes."""

    sequence: int
    published_ns: int
    gid: bytes

    def to_bytes(self) -> bytes:
        return _CURRENT.pack(self.sequence, self.published_ns, _GID_BYTES, self.gid)


def parse_attachment(data: bytes) -> Attachment | None:
    """None where it is neither form: the sender is no rmw_zenoh."""
    if len(data) == _CURRENT.size:
        sequence, published_ns, count, gid = _CURRENT.unpack(data)
        return Attachment(sequence, published_ns, gid) if count == _GID_BYTES else None
    if len(data) == _NAMED.size:
        a, b, sequence, c, d, published_ns, e, f, count, gid = _NAMED.unpack(data)
        if (a, b, c, d, e, f) == _NAMES and count == _GID_BYTES:
            return Attachment(sequence, published_ns, gid)
    return None
