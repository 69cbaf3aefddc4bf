"""A subscription over zenoh: a ring buffer of messages, and the thread that calls the subscriber."""

from __future__ import annotations

import threading
import time
from typing import Any

import zenoh
from zenoh import ext

from stream_infer_ros.graph.graph import Qos
from stream_infer_ros.graph.guarded_callback import GuardedCallback
from stream_infer_ros.graph.zenoh.attachment import SequenceGaps, parse_attachment


def declare_subscriber(session: zenoh.Session, key: str, qos: Qos) -> Any:
    """Return a zenoh subscriber with the settings of rmw_zenoh for this QoS, on a ring of `depth` messages.

    Zenoh fills the ring without the interpreter lock. A full ring drops the oldest message (KEEP_LAST), which
    is noticed by its sequence number. With transient_local or best_available, latched messages are requested
    from all publishers that have some, including those that appear later.
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
    """Takes messages from the ring and calls the subscriber, on a separate thread."""

    def __init__(self, declared: Any, callback: GuardedCallback, thread_name: str) -> None:
        self.callback = callback
        self.gaps = SequenceGaps()
        self._declared = declared
        self._ring = declared.handler
        self._stopping = False
        # A daemon thread, so that a program that does not close the graph can end.
        self._thread = threading.Thread(target=self._run, name=thread_name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop. When this returns, no callback runs or will run, except one that called this."""
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
            del sample  # frees its shared memory
            if not self._stopping:
                self.callback(cdr, received_ns)
