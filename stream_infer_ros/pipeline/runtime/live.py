"""Running the pipeline on a live graph: three threads (or more, for several engines), and bounded queues."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter_ns

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import Config
from stream_infer_ros.graph.graph import Cdr, Graph, Qos
from stream_infer_ros.messages.diagnostics import DiagnosticStatus
from stream_infer_ros.pipeline.health.camera_state import CameraState
from stream_infer_ros.pipeline.health.diagnostics import Diagnostics
from stream_infer_ros.pipeline.health.state_log import LogLine, StateLog
from stream_infer_ros.pipeline.inputs.subscriptions import subscriptions
from stream_infer_ros.pipeline.pipeline import Pipeline
from stream_infer_ros.pipeline.processed_set import FusedSet, PerceivedSet
from stream_infer_ros.pipeline.runtime.in_order import InOrder
from stream_infer_ros.pipeline.runtime.inbox import Inbox
from stream_infer_ros.pipeline.runtime.work_queue import Work, WorkQueue
from stream_infer_ros.pipeline.scheduling.derived_deadline import FOLLOWING
from stream_infer_ros.process_memory import freeze_garbage_collector
from stream_infer_ros.sync.frame_set import FrameSet, SetReason

OnFused = Callable[[FusedSet, int], None]
OnLog = Callable[[LogLine], None]

# Longest a thread sleeps before it looks at the clock again.
IDLE_S = 0.1
# Messages that may wait for the match thread, of each topic: one image too old is worth nothing, one
# transform too few costs every view that needs it.
TRANSFORMS_WAITING = 1000
MESSAGES_WAITING = 5
RESULTS_WAITING = 2  # for each engine: one in the making, one waiting
# How long what follows a run takes is looked at this often: percentiles sort thousands of values.
LOOK_EVERY = 50


class LiveRunner:
    """Receiving, inference and publishing overlap, each on its own thread.

    middleware thread -> inbox -> [match] -> work queue -> [perceive] -> results in order -> [deliver]

    There is one perceive thread for each engine.

    Args:
        on_fused: called on the deliver thread with each published set and its publication time, nanoseconds.
        on_log: called on the deliver thread with each log line made from /diagnostics.
    """

    def __init__(
        self,
        graph: Graph,
        pipeline: Pipeline,
        cameras: Sequence[CameraState],
        diagnostics: Diagnostics,
        config: Config,
        on_fused: OnFused | None = None,
        on_log: OnLog | None = None,
    ) -> None:
        self._graph = graph
        self._pipeline = pipeline
        self._cameras = cameras
        self._diagnostics = diagnostics
        self._on_fused = on_fused
        self._on_log = on_log
        self._state_log = StateLog()
        self._refresh_s = min(0.5, config.map.blind_after_s / 4)
        # Calibrations repeat themselves, and nothing needs one before the next image.
        self._quiet = frozenset(camera.topics.camera_info for camera in cameras)
        self._inbox = Inbox(
            {
                topic: TRANSFORMS_WAITING if topic in pipeline.intake.transform_topics else MESSAGES_WAITING
                for topic in pipeline.intake.sources
            },
            self._quiet,
        )
        self._work = WorkQueue(pipeline.schedule, graph.now_ns, self._lost)
        self._results: InOrder[tuple[PerceivedSet, Work]] = InOrder(RESULTS_WAITING * pipeline.instances)
        self._stopped = threading.Event()
        self._failure: BaseException | None = None
        perceive = [partial(self._perceive, instance) for instance in range(pipeline.instances)]
        self._threads = [
            threading.Thread(target=self._guarded, args=(step,), name=f'stream_infer {name}')
            for name, step in (
                ('match', self._match),
                *(('perceive', step) for step in perceive),
                ('deliver', self._deliver),
            )
        ]

    def start(self) -> None:
        """Subscribe and begin; the garbage collector spares what is there by now."""
        freeze_garbage_collector()
        for thread in self._threads:
            thread.start()
        transforms = self._pipeline.intake.transform_topics
        for topic, type_name, qos in subscriptions(self._cameras, self._pipeline.with_map, transforms):
            self._subscribe(topic, type_name, qos)

    @property
    def is_running(self) -> bool:
        """True until stopped or failed."""
        return not self._stopped.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until stopped or failed; True if so. Raises what a thread failed with."""
        ended = self._stopped.wait(timeout_s)
        if self._failure is not None:
            raise self._failure
        return ended

    def stop(self) -> None:
        """End all threads; what is in work is finished. Safe to call twice, from any other thread.

        `wait(0)` afterwards raises what a thread failed with on its way out.
        """
        gc.unfreeze()
        self._stopped.set()
        self._inbox.close()
        self._work.close()
        self._results.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _subscribe(self, topic: str, type_name: str, qos: Qos) -> None:
        sender = next((c.name for c in self._cameras if c.topics.image == topic), topic)

        def on_message(cdr: Cdr, received_ns: int) -> None:
            # A calibration that a newer one replaced is no loss.
            if not self._inbox.put(topic, cdr, received_ns) and topic not in self._quiet:
                self._pipeline.statistics.lost('inbox_full', sender)

        self._graph.subscribe(topic, type_name, qos, on_message)

    def _match(self) -> None:
        while not self._stopped.is_set():
            self._inbox.wait(self._until_deadline_s())
            # Read before the inbox: all that came until then is taken first, so that a thread that was held
            # up does not close sets whose frames lie in the inbox, nor take them for a jump of time.
            now_ns = self._graph.now_ns()
            for topic, cdr, received_ns in self._inbox.drain():
                self._hand_over(self._pipeline.receive(topic, cdr, received_ns))
            self._hand_over(self._pipeline.intake.poll(now_ns))

    def _until_deadline_s(self) -> float:
        deadline_ns = self._pipeline.intake.next_deadline_ns()
        if deadline_ns is None:
            return IDLE_S
        return min(max((deadline_ns - self._graph.now_ns()) / 1e9, 0.0), IDLE_S)

    def _hand_over(self, sets: Sequence[FrameSet]) -> None:
        for frame_set in sets:
            self._work.put(frame_set)

    def _perceive(self, instance: int) -> None:
        while not self._stopped.is_set():
            if self._pipeline.stands_aside(instance):
                self._stopped.wait(IDLE_S)
                continue
            work = self._work.take(IDLE_S)
            if work is None:
                continue
            now_ns, start_ns = self._graph.now_ns(), perf_counter_ns()
            self._pipeline.statistics.took('queue', now_ns - work.put_ns)
            perceived = self._pipeline.perceive(work.frame_set, now_ns, instance)
            if perceived.frames:
                took_ns = perf_counter_ns() - start_ns - perceived.publishing_ns
                self._work.took(len(perceived.frames), took_ns)
            superseded = self._results.put(work.number, (perceived, work))
            if superseded is not None:
                self._give_up(superseded[0])

    def _deliver(self) -> None:
        published_ns, sets = self._graph.now_ns(), 0
        while not self._stopped.is_set():
            taken = self._results.take(self._refresh_s)
            now_ns = self._graph.now_ns()
            if taken is not None:
                perceived, work = taken
                fused = self._pipeline.deliver(perceived, now_ns)
                published_ns = self._graph.now_ns()
                self._note(perceived, work, published_ns)
                sets += 1
                if sets % LOOK_EVERY == 0:  # not at the first, which is slow
                    self._work.follows(self._pipeline.look_at_times())
                if self._on_fused is not None:
                    self._on_fused(fused, published_ns)
            elif not 0 <= now_ns - published_ns < self._refresh_s * 1e9:  # the clock may go back, too
                self._pipeline.refresh(now_ns)
                published_ns = now_ns
            self._log(self._diagnostics.publish_if_due(now_ns))

    def _log(self, statuses: Sequence[DiagnosticStatus]) -> None:
        if statuses and self._on_log is not None:
            for line in self._state_log.lines(statuses):
                self._on_log(line)

    def _note(self, perceived: PerceivedSet, work: Work, published_ns: int) -> None:
        """Record the duration and the age of a set: of its oldest frame, or of each independent frame."""
        if perceived.frames and work.whole:  # one cut short says nothing of what a whole one meets
            self._pipeline.statistics.took(FOLLOWING, published_ns - work.put_ns)
        if perceived.frame_set.reason is not SetReason.ARRIVED:
            stamps = [(perceived.oldest_stamp_ns, published_ns)] if perceived.frames else []
        else:
            stamps = [(frame.stamp_ns, out_ns) for frame, out_ns in perceived.out(published_ns)]
        for stamp_ns, out_ns in stamps:
            self._pipeline.statistics.took('total', out_ns - stamp_ns)

    def _give_up(self, perceived: PerceivedSet) -> None:
        """Count a set that a newer one replaced before it was fused; its detections may be published."""
        for frame in perceived.frames:
            if perceived.published_ns:
                self._pipeline.statistics.not_mapped('late', frame.camera)
            else:
                self._lost('superseded', frame)

    def _lost(self, cause: str, frame: Frame) -> None:
        self._pipeline.statistics.lost(cause, frame.camera)

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except BaseException as failure:  # handed to whoever waits, never lost
            self._failure = self._failure or failure  # what follows the first is its consequence
        finally:
            self._stopped.set()
            self._inbox.close()
            self._work.close()
            self._results.close()
