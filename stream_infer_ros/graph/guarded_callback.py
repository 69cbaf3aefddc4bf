"""A subscriber's callback, kept from taking its adapter down with it."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from stream_infer_ros.graph.graph import Cdr, OnMessage

_log = logging.getLogger(__name__)


class GuardedCallback:
    """Calls `on_message`; what it raises is logged once with the topic, and counted in `failures`."""

    __slots__ = ('failures', 'on_message', 'topic')

    def __init__(self, topic: str, on_message: OnMessage) -> None:
        self.topic = topic
        self.on_message = on_message
        self.failures = 0

    def __call__(self, cdr: Cdr, received_ns: int) -> None:
        try:
            self.on_message(cdr, received_ns)
        except Exception:  # whatever the subscriber got wrong, the other subscriptions still need this thread
            self.failures += 1
            if self.failures == 1:
                _log.exception(
                    'subscriber of %s raised; later failures on this topic are only counted', self.topic
                )


def count_by_topic(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Counts summed by topic; topics without any are left out."""
    by_topic: dict[str, int] = {}
    for topic, count in counts:
        if count:
            by_topic[topic] = by_topic.get(topic, 0) + count
    return by_topic
