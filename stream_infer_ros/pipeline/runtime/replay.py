"""Running the pipeline over a recording: one thread, the recording's clock, the same result every time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from stream_infer_ros.graph.graph import Cdr, Graph, Qos
from stream_infer_ros.pipeline.assembly import Assembly
from stream_infer_ros.pipeline.processed_set import FusedSet
from stream_infer_ros.sync.frame_set import FrameSet

OnFused = Callable[[FusedSet, int], None]


class Playable(Graph, Protocol):
    """A graph whose messages come when asked for: callbacks run inside `play`, in the recording's order."""

    def play(self, realtime: bool = False) -> int: ...


class ReplayRunner:
    """Every message goes through all steps before the next one is read: nothing is dropped for being late.

    Args:
        on_fused: called with each published set and the recording's time, nanoseconds.
    """

    def __init__(self, graph: Playable, assembly: Assembly, on_fused: OnFused | None = None) -> None:
        self._graph = graph
        self._assembly = assembly
        self._on_fused = on_fused
        self._failure: Exception | None = None
        for topic, type_name, qos in assembly.subscriptions():
            self._listen(topic, type_name, qos)

    def run(self, realtime: bool = False) -> None:
        """Play the recording to its end, at its own pace if `realtime`. Raises what a step failed with."""
        self._graph.play(realtime)
        if self._failure is not None:
            raise self._failure
        # Nothing more will come: what still waits for a missing camera has waited long enough.
        while (deadline_ns := self._assembly.pipeline.intake.next_deadline_ns()) is not None:
            self._process(self._assembly.pipeline.intake.poll(deadline_ns), self._graph.now_ns())

    def _listen(self, topic: str, type_name: str, qos: Qos) -> None:
        def take(cdr: Cdr, received_ns: int) -> None:
            if self._failure is not None:
                return
            try:
                self._advance(topic, cdr, received_ns)
            except Exception as failure:  # a graph logs what a callback raises; `run` must raise it
                self._failure = failure

        self._graph.subscribe(topic, type_name, qos, take)

    def _advance(self, topic: str, cdr: Cdr, now_ns: int) -> None:
        pipeline = self._assembly.pipeline
        self._process(pipeline.intake.poll(now_ns), now_ns)
        self._process(pipeline.receive(topic, cdr, now_ns), now_ns)
        self._assembly.diagnostics.publish_if_due(now_ns)

    def _process(self, sets: Sequence[FrameSet], now_ns: int) -> None:
        for frame_set in sets:
            fused = self._assembly.pipeline.deliver(self._assembly.pipeline.perceive(frame_set), now_ns)
            if self._on_fused is not None:
                self._on_fused(fused, now_ns)
