"""sync.policy message_filters: the stock ApproximateTimeSynchronizer in Python, run on our frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from message_filters import ApproximateTimeSynchronizer, SimpleFilter
from rclpy.duration import Duration

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.nodes.frame_filters import FrameMessage
from stream_infer_ros.sync.frame_driven import FrameDriven
from stream_infer_ros.sync.frame_set import FrameSet
from stream_infer_ros.sync.matched import matched_set
from stream_infer_ros.sync.stream_clock import JUMP_NS, StreamClock
from stream_infer_ros.sync.synchronizer import Settings


class StockSynchronizer(FrameDriven):
    """Makes the same sets as `message_filters.ApproximateTimeSynchronizer`.

    Use it for comparison, or to migrate a system step by step. A set holds a frame of every camera, so one
    silent camera stops all sets. The cost grows with the product of the lengths of the queues. Unlike in
    message_filters, stamps that go back (a recording that starts again) clear the queues, which would
    otherwise keep the newest messages forever.

    Drops: `unmatched` (the queue was full, or a frame of the same stamp replaced it), `jump`.

    Args:
        cameras: their names, in the order of the slots of a set.
        settings: returns the settings in use at present: `queue_size` (read once) and `slop_ms`, the largest
            spread of a set. With a slop of 0, it is half the shortest period as soon as one is known; until
            then, `deadline_ms` is used.

    Raises:
        ConfigError: no camera, or one that is named twice; in `add`: a frame of an unknown camera.
    """

    def __init__(self, cameras: Sequence[str], settings: Settings) -> None:
        super().__init__(cameras, settings)
        config = settings()
        self._inputs = [SimpleFilter() for _ in cameras]
        self._stock = ApproximateTimeSynchronizer(self._inputs, config.queue_size, slop=0.0)
        self._stock.registerCallback(self._matched)
        self._closed: list[FrameSet] = []
        self.clocks: dict[str, StreamClock] = {camera: StreamClock() for camera in cameras}
        self._given = [0] * len(cameras)
        self._jumped = [0] * len(cameras)
        self._sets = 0
        self._set_slop(config.deadline_ns)
        self._apply(config)

    @property
    def slop_ns(self) -> int | None:
        return self._slop_ns

    def drops(self) -> Mapping[str, Mapping[DropCause, int]]:
        drops = {}
        for camera, slot in self._slots.items():
            held = self._sets + len(self._stock.queues[slot]) + self._jumped[slot]
            counts = {DropCause.UNMATCHED: self._given[slot] - held, DropCause.JUMP: self._jumped[slot]}
            drops[camera] = {cause: n for cause, n in counts.items() if n}
        return drops

    def _apply(self, config: SyncConfig) -> None:
        self._config = config
        if config.slop_ms:
            self._set_slop(config.slop_ns)
        else:
            self._tune_slop()

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        config = self._settings()
        if config is not self._config:
            self._apply(config)
        slot = self._slots[frame.camera]
        clock = self.clocks[frame.camera]
        if clock.newest_stamp_ns is not None and frame.stamp_ns < clock.newest_stamp_ns - JUMP_NS:
            self._forget()
        if clock.observe(frame.stamp_ns) and not config.slop_ms:
            self._tune_slop()
        self._given[slot] += 1
        self._inputs[slot].signalMessage(FrameMessage(frame))
        closed, self._closed = self._closed, []
        return closed

    def _matched(self, *messages: FrameMessage) -> None:
        self._sets += 1
        self._closed.append(matched_set([message.frame for message in messages]))

    def _tune_slop(self) -> None:
        periods_ns = [clock.period_ns for clock in self.clocks.values() if clock.period_ns]
        if periods_ns:
            self._set_slop(min(periods_ns) // 2)

    def _set_slop(self, slop_ns: int) -> None:
        self._slop_ns = slop_ns
        self._stock.slop = Duration(nanoseconds=slop_ns)

    def _forget(self) -> None:
        for slot, queue in enumerate(self._stock.queues):
            self._jumped[slot] += len(queue)
            queue.clear()
        for clock in self.clocks.values():
            clock.restart()
