"""A thread that waits for messages, in addition to the executor that spins the node.

An executor of rclpy builds a new wait set for each message, checks every entity of every node and wraps the
call in a task. Here one wait set is kept, and the handlers of ready subscriptions are called directly.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.subscription import Subscription

from stream_infer_ros.graph.ros.rclpy_internals import InUse, WaitSet, guard_conditions, rcl_address

_log = logging.getLogger(__name__)
_FOREVER_NS = -1


class NotForExecutors(CallbackGroup):
    """The callback group of subscriptions that the receiver serves, which no executor may serve."""

    def can_execute(self, entity: object) -> bool:
        return False

    def beginning_execution(self, entity: object) -> bool:
        return False

    def ending_execution(self, entity: object) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _End:
    subscription: Subscription[Any]
    in_use: InUse
    on_ready: Callable[[], None]


class Receiver:
    """Waits on all subscriptions at once, and calls the handlers of those that have messages.

    Args:
        look: called on the thread at the start, when woken, and after the number of seconds that it returned.
            If it returned None, it is called only when woken.

    Attributes:
        failure: the logged error that ended the thread; None while it works, or if it was stopped.
    """

    def __init__(self, context: Context, thread_name: str, look: Callable[[], float | None]) -> None:
        self._context = context
        self._look = look
        self._look_at_s: float | None = 0.0
        self._lock = threading.Lock()  # over the two below
        self._ends: dict[int, _End] = {}  # by rcl address
        self._wait_set: WaitSet | None = None  # None: to be rebuilt, as subscriptions changed
        self.stopping = False
        self.failure: Exception | None = None
        self._context_in_use = InUse(context)  # until the thread ends, like all that it waits for
        # A signal shuts contexts down, and wakes the thread through the second guard condition only.
        self._wake, self._signal = guard_conditions(context)
        context.on_shutdown(self.wake)
        # A daemon, so that a program that does not call `stop` can still end.
        self._thread = threading.Thread(target=self._run, name=thread_name, daemon=True)
        self._thread.start()

    def add(self, subscription: Subscription[Any], on_ready: Callable[[], None]) -> None:
        """Call `on_ready` whenever `subscription` has messages, including those that are already there."""
        end = _End(subscription, InUse(subscription), on_ready)
        with self._lock:
            self._ends[rcl_address(subscription)] = end
            self._wait_set = None
        self.wake()

    def remove(self, subscription: Subscription[Any]) -> None:
        """Undo `add`. Call this only on the receiver's own thread, in `look`."""
        with self._lock:
            end = self._ends.pop(rcl_address(subscription))
            self._wait_set = None
        end.in_use.release()

    def wake(self) -> None:
        """Cause `look` to be called soon."""
        self._look_at_s = 0.0
        try:
            self._wake.trigger()
        except InvalidHandle:  # stopped meanwhile; no wake-up is needed
            return

    def stop(self) -> None:
        """Stop the thread. Afterwards no handler runs, except the one that called this."""
        self.stopping = True
        self.wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self.stopping:
                self._look_if_due()
                ready = self._wait()
                if not ready and not self._context.ok():  # checked only then, because it takes 5 us
                    return
                for on_ready in ready:
                    if self.stopping:
                        return
                    on_ready()
        except Exception as failure:  # the graph reports it on its next call
            self.failure = failure
            _log.exception('receiving from ROS failed; no more messages will arrive')
        finally:
            self._release()

    def _look_if_due(self) -> None:
        if self._look_at_s is not None and time.monotonic() >= self._look_at_s:
            self._look_at_s = None  # before the look, so that a wake-up during the look is noticed
            after_s = self._look()
            if after_s is not None and self._look_at_s is None:
                self._look_at_s = time.monotonic() + after_s

    def _wait(self) -> list[Callable[[], None]]:
        """Wait, and return the handlers of ready subscriptions; empty if woken, or if `look` is due."""
        with self._lock:
            if self._wait_set is None:
                subscriptions = [end.subscription for end in self._ends.values()]
                self._wait_set = WaitSet(self._context, subscriptions, [self._wake, self._signal])
            wait_set = self._wait_set
        return [self._ends[address].on_ready for address in wait_set.wait(self._patience_ns())]

    def _patience_ns(self) -> int:
        look_at_s = self._look_at_s
        if look_at_s is None:
            return _FOREVER_NS
        return max(int((look_at_s - time.monotonic()) * 1e9), 0)

    def _release(self) -> None:
        """Release everything that was kept in use, including subscriptions that were not removed."""
        self._wait_set = None
        self._wake.destroy()
        self._signal.destroy()
        with self._lock:
            ends, self._ends = self._ends, {}
        for end in ends.values():
            end.in_use.release()
        self._context_in_use.release()
