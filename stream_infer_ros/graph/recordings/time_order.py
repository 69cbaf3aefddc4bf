"""Merging of message sequences by time, with as few of them open as possible."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator

from stream_infer_ros.graph.recordings.storage import StoredMessage

# The earliest time of a sequence, and a function that opens it.
Source = tuple[int, Callable[[], Iterator[StoredMessage]]]


def in_time_order(sources: Iterable[Source]) -> Iterator[StoredMessage]:
    """Merge sequences of messages, each of which is sorted by time.

    A sequence is opened only when its earliest time is reached, so that of a long recording only the chunks
    and files around the current time are in memory. Messages with equal times keep the order of `sources`.
    """
    waiting = [(start_ns, number, open_it) for number, (start_ns, open_it) in enumerate(sources)]
    waiting.sort(key=lambda source: source[:2], reverse=True)
    heads: list[tuple[int, int, StoredMessage, Iterator[StoredMessage]]] = []
    while waiting or heads:
        while waiting and (not heads or waiting[-1][:2] <= heads[0][:2]):
            _, number, open_it = waiting.pop()
            messages = open_it()
            if (first := next(messages, None)) is not None:
                heapq.heappush(heads, (first.stamp_ns, number, first, messages))
        if not heads:
            continue
        _, number, message, messages = heads[0]
        yield message
        following = next(messages, None)
        if following is None:
            heapq.heappop(heads)
        else:
            heapq.heapreplace(heads, (following.stamp_ns, number, following, messages))
