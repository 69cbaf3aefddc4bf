"""The callback of a subscriber, whose exceptions must not end the thread of the adapter."""

from __future__ import annotations

import logging

from stream_infer_ros.graph.graph import Cdr, OnMessage

_log = logging.getLogger(__name__)


class GuardedCallback:
    """Calls `on_message`. Its first exception is logged with the topic; all are counted in `failures`."""

    __slots__ = ('failures', 'on_message', 'topic')

    def __init__(self, topic: str, on_message: OnMessage) -> None:
        self.topic = topic
        self.on_message = on_message
        self.failures = 0

    def __call__(self, cdr: Cdr, received_ns: int) -> None:
        try:
            self.on_message(cdr, received_ns)
        except Exception:  # the other subscriptions still need this thread
            self.failures += 1
            if self.failures == 1:
                _log.exception(
                    'a subscriber of %s raised an exception; later exceptions on this topic are only counted',
                    self.topic,
                )
