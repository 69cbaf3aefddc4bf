"""Runs the data path on one thread: every message passes all steps before the next one is read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from stream_infer_ros.graph.graph import Graph, Qos
from stream_infer_ros.pipeline.assembly import Assembly
from stream_infer_ros.pipeline.data_path import Perceive, data_path
from stream_infer_ros.pipeline.results import PerceivedSet, Result
from stream_infer_ros.pipeline.scheduling import Job
from stream_infer_ros.pipeline.steps.read import Message, Tick
from stream_infer_ros.sync.frame_set import FrameSet


class Recording(Graph, Protocol):
    """A graph whose messages come when asked for: `steps` delivers one to its subscribers for each step."""

    def steps(self, realtime: bool = False) -> Iterator[None]: ...


class OneThread:
    """A runner that runs everything on the calling thread. Nothing is dropped for being late.

    Args:
        messages: the messages.
        now_ns: the clock of the graph.
    """

    def __init__(self, messages: Iterable[Message | Tick], now_ns: Callable[[], int]) -> None:
        self._messages = messages
        self._now_ns = now_ns

    def messages(self) -> Iterator[Message | Tick]:
        yield from self._messages

    def schedule(self, sets: Iterable[FrameSet]) -> Iterator[Job]:
        for number, frame_set in enumerate(sets):
            yield Job(number, frame_set)

    def perceive(self, jobs: Iterator[Job], perceive: Perceive) -> Iterator[PerceivedSet | None]:
        for job in jobs:
            yield perceive(job, 0)

    def now_ns(self) -> int:
        return self._now_ns()


def replay(recording: Recording, assembly: Assembly, realtime: bool = False) -> Iterator[Result]:
    """Yield the results of a recording. The clock is that of the recording: the results are always the same.

    Args:
        realtime: keep the pace of the recording.

    Raises whatever a step raises, and BagError if the recording turns out to be damaged.
    """
    messages = _recorded_messages(recording, assembly, realtime)
    yield from data_path(assembly.steps, OneThread(messages, recording.now_ns))
    assembly.steps.locate.give_up_waiting()


def _recorded_messages(recording: Recording, assembly: Assembly, realtime: bool) -> Iterator[Message | Tick]:
    arrived: deque[Message] = deque()

    def subscribe(topic: str, type_name: str, qos: Qos) -> None:
        recording.subscribe(topic, type_name, qos, lambda cdr, ns: arrived.append(Message(topic, cdr, ns)))

    for topic, type_name, qos in assembly.subscriptions():
        subscribe(topic, type_name, qos)
    for _ in recording.steps(realtime):
        while arrived:
            message = arrived.popleft()
            yield Tick(message.received_ns)
            yield message
            assembly.health.diagnostics.publish_if_due(message.received_ns)
    # Nothing more will come, so that sets no longer have to wait for their missing cameras.
    while (deadline_ns := assembly.steps.match.next_deadline_ns()) is not None:
        yield Tick(deadline_ns)
