"""The attachment of rmw_zenoh to every message: sequence number, time of publishing, gid of the publisher.

The format is two little-endian int64, the number 16 in one byte, and the 16 bytes of the gid (rmw_zenoh 0.2.4
and later, also in Kilted and Rolling). The versions 0.2.0 to 0.2.3 of Jazzy write its name before each field.
We read both formats, but write only the first, because rmw_zenoh crashes on attachments that it cannot read.
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
    """The attachment of one message.

    Attributes:
        sequence: counts the messages of a publisher from 1.
        published_ns: the time of publishing on the publisher's clock.
        gid: 16 bytes that identify the publisher.
    """

    sequence: int
    published_ns: int
    gid: bytes

    def to_bytes(self) -> bytes:
        return _CURRENT.pack(self.sequence, self.published_ns, _GID_BYTES, self.gid)


def parse_attachment(data: bytes) -> Attachment | None:
    """Return the attachment; None if it has neither format, because the sender is not rmw_zenoh."""
    if len(data) == _CURRENT.size:
        sequence, published_ns, count, gid = _CURRENT.unpack(data)
        return Attachment(sequence, published_ns, gid) if count == _GID_BYTES else None
    if len(data) == _NAMED.size:
        a, b, sequence, c, d, published_ns, e, f, count, gid = _NAMED.unpack(data)
        if (a, b, c, d, e, f) == _NAMES and count == _GID_BYTES:
            return Attachment(sequence, published_ns, gid)
    return None


class SequenceGaps:
    """Counts lost messages: sequence numbers missing since the first message of each publisher.

    Zenoh itself does not report losses. Messages that were sent before the publisher was discovered do not
    count. Messages that arrive twice or late (a latched message after a new one) are ignored.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._last: dict[bytes, int] = {}

    def note(self, attachment: Attachment) -> None:
        last = self._last.get(attachment.gid)
        if last is None or attachment.sequence > last:
            self._last[attachment.gid] = attachment.sequence
            if last is not None:
                self.lost += attachment.sequence - last - 1
