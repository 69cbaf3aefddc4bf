"""A subscriber's callback, kept from taking its adapter down with it."""

from __future__ import annotations

import logging

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


def failures_by_topic(callbacks: list[GuardedCallback]) -> dict[str, int]:
    """Failures summed by topic; topics without any are left out."""
    by_topic: dict[str, int] = {}
    for callback in callbacks:
        if callback.failures:
            by_topic[callback.topic] = by_topic.get(callback.topic, 0) + callback.failures
    return by_topic
