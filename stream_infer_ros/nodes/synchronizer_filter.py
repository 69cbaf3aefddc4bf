"""Our matching policies as a replacement for the synchronizers of message_filters."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from message_filters import SimpleFilter
from rclpy.node import Node

from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.nodes.frame_filters import stamp_ns
from stream_infer_ros.sync import FrameSet, Synchronizer, make_synchronizer


@dataclass(frozen=True, slots=True)
class _Held:
    """The values that a policy matches, and their message."""

    camera: str
    stamp_ns: int
    received_ns: int
    message: Any


class SynchronizerFilter(SimpleFilter):
    """Replacement for `message_filters.ApproximateTimeSynchronizer(filters, queue_size, slop)`.

    Callbacks get one message per input, in the order of the inputs, as there. With the `deadline` policy, a
    set is also output when an input is silent or late, with None for missing messages. All messages that have
    a header with a stamp can be matched: images, detections, `FrameMessage`s.

    Callbacks run on the thread of the input that completed the set, or on the node's executor at a deadline.
    An exception of a callback is raised there too, and does not block later sets.

    Args:
        node: provides the clock for deadlines, and a timer. It must be spun.
        inputs: stock filters or ours.
        config: policy and its settings.
        names: of the inputs in `drops()`; default '0', '1', ...
    """

    def __init__(
        self,
        node: Node,
        inputs: Sequence[SimpleFilter],
        config: SyncConfig | None = None,
        names: Sequence[str] = (),
    ) -> None:
        super().__init__()
        names = names or [str(position) for position in range(len(inputs))]
        self._node = node
        self._clock = node.get_clock()
        fixed = config or SyncConfig()
        self._synchronizer = make_synchronizer(names, lambda: fixed)
        self._lock = threading.Lock()  # over the synchronizer; not held while a callback runs
        self._timer = node.create_timer(1.0, self._poll)
        self._timer.cancel()
        self._due_ns: int | None = None
        for name, upstream in zip(names, inputs, strict=True):
            upstream.registerCallback(self._take, name)

    @property
    def synchronizer(self) -> Synchronizer:
        """The policy in use, for its state and statistics."""
        return self._synchronizer

    def drops(self) -> Mapping[str, Mapping[DropCause, int]]:
        """Return the number of messages that are in no set, by input and cause."""
        with self._lock:
            return self._synchronizer.drops()

    def destroy(self) -> None:
        """Destroy the timer; deadlines no longer apply."""
        self._node.destroy_timer(self._timer)

    def _take(self, message: Any, name: str) -> None:
        now_ns = self._clock.now().nanoseconds
        with self._lock:
            held: Any = _Held(name, stamp_ns(message), now_ns, message)  # policies do not use the pixels
            sets = self._synchronizer.add(held, now_ns)
            self._await_deadline(now_ns)
        self._signal(sets)

    def _poll(self) -> None:
        now_ns = self._clock.now().nanoseconds
        with self._lock:
            self._due_ns = None
            self._timer.cancel()  # timers of rclpy go on for ever
            sets = self._synchronizer.poll(now_ns)
            self._await_deadline(now_ns)
        self._signal(sets)

    def _await_deadline(self, now_ns: int) -> None:
        due_ns = self._synchronizer.next_deadline_ns()
        if due_ns == self._due_ns:
            return
        self._due_ns = due_ns
        if due_ns is None:
            self._timer.cancel()
            return
        self._timer.timer_period_ns = max(due_ns - now_ns, 1)
        self._timer.reset()
        if self._node.executor is not None:
            self._node.executor.wake()  # it may be asleep, with the timer as it was

    def _signal(self, sets: Sequence[FrameSet]) -> None:
        for frame_set in sets:
            held: Sequence[Any] = frame_set.frames
            self.signalMessage(*(one and one.message for one in held))
