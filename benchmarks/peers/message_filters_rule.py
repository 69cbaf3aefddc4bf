"""The algorithm of the Python ApproximateTimeSynchronizer of message_filters, without ROS."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from stream_infer_ros.cameras.frame import Frame


class MessageFiltersPython:
    """Its matching rule.

    Of every queue the stamps within the slop of the new one, nearest first; then the first combination that
    spreads less than the slop.
    """

    def __init__(self, cameras: Sequence[str], queue_size: int, slop_ns: int) -> None:
        self._queues: dict[str, dict[int, Frame]] = {camera: {} for camera in cameras}
        self._queue_size, self._slop_ns = queue_size, slop_ns

    def add(self, frame: Frame, now_ns: int) -> Sequence[Sequence[Frame]]:
        """The set that this frame completed, if any."""
        mine, stamp_ns = self._queues[frame.camera], frame.stamp_ns
        mine[stamp_ns] = frame
        while len(mine) > self._queue_size:
            del mine[min(mine)]
        choices = []
        for camera, queue in self._queues.items():
            known = [stamp_ns] if camera == frame.camera else queue
            near = [s for s in known if abs(s - stamp_ns) <= self._slop_ns]
            if not near:
                return ()
            choices.append(sorted(near, key=lambda s: abs(s - stamp_ns)))
        for stamps in itertools.product(*choices):
            if max(stamps) - min(stamps) < self._slop_ns:
                queues = self._queues.values()
                return ([queue.pop(s) for queue, s in zip(queues, stamps, strict=True)],)
        return ()
