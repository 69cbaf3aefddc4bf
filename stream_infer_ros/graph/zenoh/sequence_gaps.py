"""Losses as the sequence numbers tell: zenoh itself reports none."""

from __future__ import annotations

from stream_infer_ros.graph.zenoh.attachment import Attachment


class SequenceGaps:
    """Counts the numbers that were left out by each publisher since the first message of it that came.

    What a publisher sent before we met it is no loss; what comes twice or late (a latched message after a
    fresh one) changes nothing.
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
