"""The thread that receives the messages of all subscriptions."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from cyclonedds.core import (
    GuardCondition,
    InstanceState,
    ReadCondition,
    SampleState,
    ViewState,
    WaitSet,
)
from cyclonedds.idl import IdlStruct
from cyclonedds.sub import DataReader

from stream_infer_ros.graph.dds import calls
from stream_infer_ros.graph.dds.participant import Participant
from stream_infer_ros.graph.guarded_callback import GuardedCallback

_WAKE = 0
_UNREAD = ViewState.Any | SampleState.NotRead | InstanceState.Any


class Receiver:
    """Waits on all readers at once, and calls the handlers of readers that have unread data."""

    def __init__(self, participant: Participant, thread_name: str) -> None:
        self._participant = participant
        self._waitset = participant.own(WaitSet(participant.entity))
        self._wake = participant.own(GuardCondition(participant.entity))
        self._tokens = count(1)
        self._handlers: dict[int, Callable[[], None]] = {}
        self.stopping = False
        self._soon: deque[Callable[[], None]] = deque()
        calls.attach(self._waitset._ref, self._wake._ref, _WAKE)
        # A daemon thread, so that a program that does not close the graph can end.
        self._thread = threading.Thread(target=self._run, name=thread_name, daemon=True)
        self._thread.start()

    def add(self, reader: DataReader[Any], on_ready: Callable[[], None]) -> Callable[[], None]:
        """Call `on_ready` whenever `reader` has unread data, including data that is there already.

        Return a function that ends this. Only the receiver's thread may call it.
        """
        condition = self._participant.own(ReadCondition(reader, _UNREAD))
        token = next(self._tokens)
        self._handlers[token] = on_ready
        calls.attach(self._waitset._ref, condition._ref, token)

        def end() -> None:
            del self._handlers[token]
            self._participant.give_up(condition)

        return end

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` on the receiver's thread."""
        self._soon.append(function)
        self._wake.set(True)

    def stop(self) -> None:
        """Stop. When this returns, no handler runs or will run, except one that called this."""
        self.stopping = True
        self._wake.set(True)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self.stopping:
            for token in calls.wait(self._waitset._ref):
                if self.stopping:
                    return
                if token == _WAKE:
                    self._wake.take()
                    while self._soon:
                        self._soon.popleft()()
                elif token in self._handlers:  # otherwise an earlier handler has ended it
                    self._handlers[token]()


@dataclass(frozen=True, slots=True)
class Reception:
    """The handler of one subscription. It takes a batch of messages and calls the subscriber for each."""

    receiver: Receiver
    reader: DataReader[IdlStruct]
    callback: GuardedCallback

    def __call__(self) -> None:
        messages = calls.take(self.reader._ref)
        received_ns = time.time_ns()
        for cdr in messages:
            if self.receiver.stopping:
                return
            self.callback(cdr, received_ns)

    def lost(self) -> int:
        """Return the number of messages that did not arrive completely."""
        status: Any = self.reader.get_sample_lost_status()  # type: ignore[no-untyped-call]
        return int(status.total_count)
