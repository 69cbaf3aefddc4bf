"""Runs the data path on a live graph: bounded queues between three threads, or more for several engines."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from stream_infer_ros.drop_causes import DropCause, NotMappedCause
from stream_infer_ros.graph.graph import Graph
from stream_infer_ros.pipeline.assembly import Assembly
from stream_infer_ros.pipeline.data_path import Perceive, data_path
from stream_infer_ros.pipeline.health.state_log import LogLine, StateLog
from stream_infer_ros.pipeline.health.statistics import Stage
from stream_infer_ros.pipeline.results import PerceivedSet, Result
from stream_infer_ros.pipeline.runtime.in_order import InOrder
from stream_infer_ros.pipeline.runtime.inbox import Inbox
from stream_infer_ros.pipeline.runtime.work_queue import WorkQueue
from stream_infer_ros.pipeline.scheduling import Job
from stream_infer_ros.pipeline.steps.read import Message, Tick
from stream_infer_ros.process_memory import freeze_garbage_collector
from stream_infer_ros.sync.frame_set import FrameSet, SetReason

OnResult = Callable[[Result], None]
OnLog = Callable[[LogLine], None]

# The longest time that a thread sleeps before it reads the clock again.
IDLE_S = 0.1
# The messages of each topic that may wait to be matched. An old image is worth nothing; a missing transform
# costs every view that needs it.
TRANSFORMS_WAITING = 1000
MESSAGES_WAITING = 5
# The results that may wait for each engine: one in the making, one finished.
RESULTS_WAITING = 2
# The latency budget is adapted after this many sets, because that sorts thousands of durations.
SETS_PER_ADAPTATION = 50


class LiveRunner:
    """Runs matching, inference and publishing at the same time, on separate threads.

    middleware thread -> inbox -> [match] -> work queue -> [perceive] -> results in order -> [deliver]

    There is one perceive thread for each engine.

    Args:
        on_result: called on the deliver thread with each published result.
        on_log: called on the deliver thread with each log line made from /diagnostics.
    """

    def __init__(
        self,
        graph: Graph,
        assembly: Assembly,
        on_result: OnResult | None = None,
        on_log: OnLog | None = None,
    ) -> None:
        self._graph = graph
        self._assembly = assembly
        self._steps = assembly.steps
        self._statistics = assembly.statistics
        self._on_result = on_result
        self._on_log = on_log
        self._state_log = StateLog()
        self._refresh_s = min(0.5, assembly.config.map.blind_after_s / 4)
        transforms = self._steps.read.transform_topics
        self._inbox = Inbox(
            {
                topic: TRANSFORMS_WAITING if topic in transforms else MESSAGES_WAITING
                for topic in self._steps.read.sources
            },
            assembly.statistics,
            senders={camera.topics.image: camera.name for camera in assembly.cameras},
            # Most drivers send the calibration with every image, and only the next image needs it.
            quiet={camera.topics.camera_info for camera in assembly.cameras},
        )
        self._work = WorkQueue(assembly.schedule, assembly.budget, graph.now_ns, assembly.statistics)
        self._results: InOrder[PerceivedSet] = InOrder(RESULTS_WAITING * len(self._steps.perceivers))
        self._stopped = threading.Event()
        self._failure: BaseException | None = None
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads and subscribe. The garbage collector skips all objects that exist by now."""
        freeze_garbage_collector()
        self._start_thread('deliver', self._deliver)
        for topic, type_name, qos in self._assembly.subscriptions():
            self._graph.subscribe(topic, type_name, qos, partial(self._inbox.put, topic))

    @property
    def is_running(self) -> bool:
        """True until stopped or failed."""
        return not self._stopped.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until stopped or failed; return True if so. Raises the error that ended a thread."""
        ended = self._stopped.wait(timeout_s)
        if self._failure is not None:
            raise self._failure
        return ended

    def stop(self) -> None:
        """End all threads after what they are doing. Call it from any other thread; it may be called twice.

        `wait(0)` afterwards raises the error that ended a thread, if there was one.
        """
        gc.unfreeze()
        self._end()
        for thread in self._threads:
            thread.join()

    # The runner of the data path.

    def messages(self) -> Iterator[Message | Tick]:
        """Yield the messages of the inbox, on the match thread."""
        while not self._stopped.is_set():
            self._inbox.wait(self._until_deadline_s())
            # The clock is read before the inbox, so that everything that arrived until then is matched first.
            # A thread that was held up would otherwise close sets whose frames are still in the inbox, or
            # take them for a jump of time.
            now_ns = self.now_ns()
            yield from self._inbox.drain()
            yield Tick(now_ns)

    def schedule(self, sets: Iterable[FrameSet]) -> Iterator[Job]:
        """Start the match thread, which puts the sets into the work queue; return the queue."""

        def match() -> None:
            for frame_set in sets:
                self._work.put(frame_set)

        self._start_thread('match', match)
        return self._work

    def perceive(self, jobs: Iterator[Job], perceive: Perceive) -> Iterator[PerceivedSet | None]:
        """Start a thread for each engine; yield their results in order, on the deliver thread."""
        for engine in range(len(self._steps.perceivers)):
            self._start_thread('perceive', partial(self._run_engine, jobs, perceive, engine))
        yielded_ns = self.now_ns()
        while not self._stopped.is_set():
            seen = self._results.take(self._refresh_s)
            now_ns = self.now_ns()
            # The clock may also go back.
            if seen is not None or not 0 <= now_ns - yielded_ns < self._refresh_s * 1e9:
                yield seen
                yielded_ns = self.now_ns()
            self._publish_diagnostics(now_ns)

    def now_ns(self) -> int:
        return self._graph.now_ns()

    # The work of the threads.

    def _run_engine(self, jobs: Iterator[Job], perceive: Perceive, engine: int) -> None:
        while not self._stopped.is_set():
            if self._must_stand_aside(engine):
                self._stopped.wait(IDLE_S)
                continue
            job = next(jobs, None)
            if job is None:
                return
            perceiver = self._steps.perceivers[engine]
            restarts = perceiver.restarts
            seen = perceive(job, engine)
            if (
                seen.images and perceiver.restarts == restarts
            ):  # a restart takes seconds, and is no cost of a run
                run_ns = seen.times.spent_ns(Stage.LETTERBOX, Stage.INFERENCE, Stage.DECODE)
                self._work.took(len(seen.images), run_ns)
            dropped = self._results.put(job.number, seen)
            if dropped is not None:
                self._count_superseded(dropped)

    def _must_stand_aside(self, engine: int) -> bool:
        """True if this engine is down and another works: it would take most sets, and lose them."""
        perceivers = self._steps.perceivers
        return perceivers[engine].is_down and not all(perceiver.is_down for perceiver in perceivers)

    def _deliver(self) -> None:
        """Run the data path; each result is published when it is yielded."""
        for sets, result in enumerate(data_path(self._steps, self), 1):
            self._record_age(result)
            if sets % SETS_PER_ADAPTATION == 0:  # not after the first set, which is slow
                self._assembly.budget.adapt()
            if self._on_result is not None:
                self._on_result(result)

    def _record_age(self, result: Result) -> None:
        """Record the age of a set: that of its oldest frame, or of each frame if they are independent."""
        seen = result.perceived
        if seen.images and seen.job.whole:  # a set that was cut short does not show what a whole one takes
            self._statistics.took(Stage.PROCESSING, result.published_ns - seen.job.put_ns)
        if seen.frame_set.reason is SetReason.ARRIVED:
            for frame, published_ns in result.published_frames():
                self._statistics.took(Stage.TOTAL, published_ns - frame.exposed_ns)
        elif seen.images:
            self._statistics.took(Stage.TOTAL, result.published_ns - seen.exposed_ns)

    def _count_superseded(self, seen: PerceivedSet) -> None:
        """Count the frames of a set that a newer one replaced before it was delivered."""
        for image in seen.images:
            if image.published_ns is None:
                self._statistics.lost(DropCause.SUPERSEDED, image.frame.camera)
            else:
                self._statistics.not_mapped(NotMappedCause.LATE, image.frame.camera)

    def _publish_diagnostics(self, now_ns: int) -> None:
        statuses = self._assembly.health.diagnostics.publish_if_due(now_ns)
        if statuses and self._on_log is not None:
            for line in self._state_log.lines(statuses):
                self._on_log(line)

    # Starting and ending threads.

    def _start_thread(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._guarded, args=(work,), name=f'stream_infer {name}')
        self._threads.append(thread)
        thread.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:  # raised by `wait`
            self._failure = self._failure or failure  # further errors are consequences of the first
        finally:
            self._end()

    def _end(self) -> None:
        self._stopped.set()
        self._inbox.close()
        self._work.close()
        self._results.close()

    def _until_deadline_s(self) -> float:
        deadline_ns = self._steps.match.next_deadline_ns()
        if deadline_ns is None:
            return IDLE_S
        return min(max((deadline_ns - self.now_ns()) / 1e9, 0.0), IDLE_S)
