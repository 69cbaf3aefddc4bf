"""Detection of lost messages by their sequence numbers, because zenoh does not report losses."""

from __future__ import annotations

from stream_infer_ros.graph.zenoh.attachment import Attachment


class SequenceGaps:
    """Counts the sequence numbers that are missing since the first message of each publisher.

    Messages that were sent before the publisher was discovered do not count. Messages that arrive twice or
    late (a latched message after a new one) are ignored.
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
