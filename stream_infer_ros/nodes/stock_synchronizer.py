"""sync.policy message_filters: the stock Python ApproximateTimeSynchronizer, run on our frames."""

from __future__ import annotations

from collections.abc import Sequence

from message_filters import ApproximateTimeSynchronizer, SimpleFilter
from rclpy.duration import Duration

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.nodes.frame_message import FrameMessage
from stream_infer_ros.sync import FrameSet, StreamClock
from stream_infer_ros.sync.deadline import JUMP_NS
from stream_infer_ros.sync.frame_driven import FrameDriven
from stream_infer_ros.sync.matched import matched_set


class StockSynchronizer(FrameDriven):
    """Set for set what `message_filters.ApproximateTimeSynchronizer` makes of the same messages.

    To compare with, or to move a system over step by step: a set holds a frame of every camera, so one dead
    camera silences it, and its cost grows with the product of what lies in the queues. Unlike there, stamps
    that go back (a bag looped) empty the queues, which would otherwise keep what is newest for ever.

    Drops: `unmatched` (the queue was full, or a frame of the same stamp took its place), `jump`.

    Args:
        cameras: names; their order is the order of the slots.
        queue_size: frames kept per camera.
        slop_ns: widest spread of a set; 0: half the shortest period, as soon as one is known.
        first_slop_ns: until then.

    Raises:
        ConfigError: no cameras, or one twice; in `add`: a frame of a camera not named.
    """

    def __init__(
        self, cameras: Sequence[str], queue_size: int, slop_ns: int, first_slop_ns: int = 40_000_000
    ) -> None:
        super().__init__(cameras)
        self._inputs = [SimpleFilter() for _ in cameras]
        self._stock = ApproximateTimeSynchronizer(self._inputs, queue_size, slop=0.0)
        self._stock.registerCallback(self._matched)
        self._closed: list[FrameSet] = []
        self._clocks = [StreamClock() for _ in cameras]
        self._given = [0] * len(cameras)
        self._jumped = [0] * len(cameras)
        self._sets = 0
        self._automatic = slop_ns == 0
        self._set_slop(slop_ns or first_slop_ns)

    @property
    def slop_ns(self) -> int | None:
        return self._slop_ns

    def drops(self) -> dict[str, dict[str, int]]:
        drops = {}
        for camera, slot in self._slots.items():
            held = self._sets + len(self._stock.queues[slot]) + self._jumped[slot]
            counts = {'unmatched': self._given[slot] - held, 'jump': self._jumped[slot]}
            drops[camera] = {cause: n for cause, n in counts.items() if n}
        return drops

    def retune(self, config: SyncConfig) -> None:
        self._automatic = config.slop_ns == 0
        if config.slop_ns:
            self._set_slop(config.slop_ns)
        else:
            self._tune_slop()

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        slot = self._slots[frame.camera]
        clock = self._clocks[slot]
        if clock.newest_stamp_ns is not None and frame.stamp_ns < clock.newest_stamp_ns - JUMP_NS:
            self._forget()
        if clock.observe(frame.stamp_ns, now_ns) and self._automatic:
            self._tune_slop()
        self._given[slot] += 1
        self._inputs[slot].signalMessage(FrameMessage(frame))
        closed, self._closed = self._closed, []
        return closed

    def _matched(self, *messages: FrameMessage) -> None:
        self._sets += 1
        self._closed.append(matched_set([message.frame for message in messages]))

    def _tune_slop(self) -> None:
        periods_ns = [clock.period_ns for clock in self._clocks if clock.period_ns]
        if periods_ns:
            self._set_slop(min(periods_ns) // 2)

    def _set_slop(self, slop_ns: int) -> None:
        self._slop_ns = slop_ns
        self._stock.slop = Duration(nanoseconds=slop_ns)

    def _forget(self) -> None:
        for slot, queue in enumerate(self._stock.queues):
            self._jumped[slot] += len(queue)
            queue.clear()
            self._clocks[slot].restart()
