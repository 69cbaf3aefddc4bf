"""The one thread that takes messages of all subscriptions and calls the subscribers."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from cyclonedds.core import GuardCondition, InstanceState, ReadCondition, SampleState, ViewState, WaitSet
from cyclonedds.idl import IdlStruct
from cyclonedds.sub import DataReader
from cyclonedds.util import duration

from stream_infer_ros.graph.dds import calls
from stream_infer_ros.graph.dds.participant import Participant
from stream_infer_ros.graph.guarded_callback import GuardedCallback

_FOREVER = duration(infinite=True)


@dataclass(frozen=True, slots=True)
class Reception:
    """A reader and whom its messages go to."""

    reader: DataReader[IdlStruct]
    callback: GuardedCallback

    def lost(self) -> int:
        """Messages that were on their way and did not arrive whole."""
        status: Any = self.reader.get_sample_lost_status()  # type: ignore[no-untyped-call]
        return int(status.total_count)


class Receiver:
    """Waits on all readers at once; messages are taken in batches, each reader in its turn."""

    def __init__(self, participant: Participant, thread_name: str) -> None:
        self._participant = participant
        self._waitset = participant.own(WaitSet(participant.entity))
        self._wake = participant.own(GuardCondition(participant.entity))
        self._waitset.attach(self._wake)
        self.receptions: tuple[Reception, ...] = ()
        self._stopping = False
        # A daemon, so that a program that forgets to close can still end.
        self._thread = threading.Thread(target=self._run, name=thread_name, daemon=True)
        self._thread.start()

    def add(self, reception: Reception) -> None:
        """Deliver what arrives at this reader from now on, and what is there already."""
        unread = ViewState.Any | SampleState.NotRead | InstanceState.Any
        condition = self._participant.own(ReadCondition(reception.reader, unread))
        self.receptions = (*self.receptions, reception)  # a new tuple: the thread may be walking the old one
        self._waitset.attach(condition)

    def stop(self) -> None:
        """No callback starts after this returns, and none is running, save the one that called it."""
        self._stopping = True
        self._wake.set(True)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._waitset.wait(_FOREVER)
            for reception in self.receptions:
                if not self._stopping:
                    self._deliver(reception)

    def _deliver(self, reception: Reception) -> None:
        messages = calls.take(reception.reader._ref)
        received_ns = time.time_ns()
        for cdr in messages:
            if self._stopping:
                return
            reception.callback(cdr, received_ns)
