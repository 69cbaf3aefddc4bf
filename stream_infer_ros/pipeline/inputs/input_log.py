"""The messages that came on an input topic, and those that were refused."""

from __future__ import annotations

import threading

# The longest reason that is kept: an error may quote what it found in a message.
LONGEST_REASON = 300


class TopicLog:
    """Counts the messages of one topic. Every method can be called from any thread.

    A message may also be refused after it was taken, as an image whose pixels turn out to be corrupt.

    Args:
        topic: its name.
        refused_means: the words for messages that were refused.

    Attributes:
        received: number of messages that came.
        refused: number of those that were not usable.
        reason: the reason of the last refusal, in one line of bounded length; empty if there was none.
        last_received_ns: when the last message came; None before the first.
    """

    __slots__ = ('_lock', '_refused_means', 'last_received_ns', 'reason', 'received', 'refused', 'topic')

    def __init__(self, topic: str, refused_means: str = 'refused') -> None:
        self.topic = topic
        self.received = 0
        self.refused = 0
        self.reason = ''
        self.last_received_ns: int | None = None
        self._refused_means = refused_means
        self._lock = threading.Lock()

    def receive(self, now_ns: int) -> None:
        """Count a message that came. Called by one thread."""
        self.received += 1
        self.last_received_ns = now_ns

    def refuse(self, reason: str) -> None:
        """Count a message that is not usable."""
        with self._lock:
            self.refused += 1
            self.reason = one_line(reason)

    @property
    def usable(self) -> int:
        """Number of messages that were usable."""
        return max(0, self.received - self.refused)

    @property
    def refusals(self) -> str:
        """The number of messages that came and were refused, and the last reason; empty if none was."""
        if not self.refused:
            return ''
        came = f'{self.received} message{"s" if self.received != 1 else ""} came on {self.topic}'
        if self.usable:
            return f'{came}, {self.refused} {self._refused_means}, the last because: {self.reason}'
        all_of_them = 'all ' if self.received != 1 else ''
        return f'{came}, {all_of_them}{self._refused_means}: {self.reason}'


def one_line(text: str) -> str:
    """Return a text as one printable line of at most LONGEST_REASON characters."""
    line = ''.join(c if c.isprintable() else repr(c)[1:-1] for c in text[: 4 * LONGEST_REASON])
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + '...'
