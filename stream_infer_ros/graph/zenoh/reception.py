"""One subscription over zenoh: a ring of its last messages, and the thread that calls the subscriber."""

from __future__ import annotations

import threading
import time
from typing import Any

import zenoh
from zenoh import ext

from stream_infer_ros.graph.graph import Qos
from stream_infer_ros.graph.guarded_callback import GuardedCallback
from stream_infer_ros.graph.zenoh.attachment import parse_attachment
from stream_infer_ros.graph.zenoh.sequence_gaps import SequenceGaps


def declare_subscriber(session: zenoh.Session, key: str, qos: Qos) -> Any:
    """A subscriber of zenoh with what rmw_zenoh sets for such a profile, on a ring of `depth` messages.

    Zenoh fills the ring without asking the interpreter for its lock; the oldest goes, as KEEP_LAST says, and
    is missed by its number. Whoever wants what was latched asks every publisher, late ones included.
    """
    ring: Any = zenoh.handlers.RingChannel(max(1, qos.depth))
    if qos.durability == 'volatile':
        return session.declare_subscriber(key, ring)
    return ext.declare_advanced_subscriber(
        session,
        key,
        ring,
        history=ext.HistoryConfig(detect_late_publishers=True, max_samples=max(1, qos.depth)),
        recovery=None
        if qos.reliability == 'best_effort'
        else ext.RecoveryConfig(periodic_queries=None, heartbeat=True),
        subscriber_detection=True,
    )


class Reception:
    """Takes messages from the ring and hands them to the subscriber, on a thread of its own."""

    def __init__(self, declared: Any, callback: GuardedCallback, thread_name: str) -> None:
        self.callback = callback
        self.gaps = SequenceGaps()
        self._declared = declared
        self._ring = declared.handler
        self._stopping = False
        # A daemon, so that a program that forgets to close can still end.
        self._thread = threading.Thread(target=self._run, name=thread_name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No callback starts after this returns, and none is running, save the one that called it."""
        self._stopping = True
        self._declared.undeclare()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            try:
                sample = self._ring.recv()
            except zenoh.ZError:  # undeclared
                return
            received_ns = time.time_ns()
            attached = None if sample.attachment is None else parse_attachment(sample.attachment.to_bytes())
            if attached is not None:
                self.gaps.note(attached)
            cdr = sample.payload.to_bytes()
            del sample  # gives its place in shared memory back
            if not self._stopping:
                self.callback(cdr, received_ns)
