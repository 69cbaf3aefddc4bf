"""CPU of one frame in each matching policy, beside an empty loop: `python benchmarks/sync.py`.

Thread time, so that other work on the machine disturbs little; the best of several rounds, taken in turn.
"""

from __future__ import annotations

import gc
import itertools
import random
import time
from collections.abc import Callable, Sequence

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.sync import (
    ApproximateTimeSynchronizer,
    DeadlineSynchronizer,
    ExactSynchronizer,
    LatestSynchronizer,
)

MS = 1_000_000
START = 1_700_000_000_000 * MS
PERIOD_MS = 33
ROUNDS = 5
BUDGET_US = 3.0  # a message, 12 streams


class Nothing:
    """The floor: a loop and a method call."""

    def add(self, frame: Frame, now_ns: int) -> Sequence[object]:
        return ()


class MessageFiltersPython:
    """The matching rule of message_filters' Python ApproximateTimeSynchronizer, without ROS around it.

    Of every queue the stamps within the slop of the new one, nearest first; then the first combination that
    spreads less than the slop.
    """

    def __init__(self, cameras: Sequence[str], queue_size: int, slop_ns: int) -> None:
        self._queues: dict[str, dict[int, Frame]] = {camera: {} for camera in cameras}
        self._queue_size, self._slop_ns = queue_size, slop_ns

    def add(self, frame: Frame, now_ns: int) -> Sequence[object]:
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


def traffic(streams: int, messages: int, *, exact: bool, loss: float = 0.0) -> list[Frame]:
    """Frames in order of arrival, phases spread over 10 ms, jitter of 2 ms."""
    rng = random.Random(1)
    frames = []
    for tick, slot in itertools.product(range(messages // streams), range(streams)):
        late_ms = 0.0 if exact else slot * 10 / streams + rng.uniform(0, 2)
        stamp_ns = START + int((tick * PERIOD_MS + late_ms) * MS)
        if rng.random() >= loss:
            frames.append(Frame(f'c{slot}', stamp_ns, stamp_ns, None, 'rgb8', ''))
    return sorted(frames, key=lambda frame: frame.stamp_ns)


def cost_us(synchronizer: Nothing, frames: Sequence[Frame]) -> tuple[float, int]:
    """Thread time a message, and sets made."""
    sets, add = 0, synchronizer.add
    start = time.thread_time()
    for frame in frames:
        sets += len(add(frame, frame.stamp_ns))
    return (time.thread_time() - start) / len(frames) * 1e6, sets


def compare(streams: int, loss: float) -> dict[str, float]:
    cameras = [f'c{slot}' for slot in range(streams)]
    policies: dict[str, Callable[[], object]] = {
        'empty loop': Nothing,
        'deadline': lambda: DeadlineSynchronizer(cameras, 25 * MS),
        'approximate_time': lambda: ApproximateTimeSynchronizer(cameras, 10),
        'latest': lambda: LatestSynchronizer(cameras),
        'exact (one trigger)': lambda: ExactSynchronizer(cameras, 10),
        'message_filters (Python) rule': lambda: MessageFiltersPython(cameras, 10, 16 * MS),
    }
    jittered, triggered = (
        traffic(streams, 24_000, exact=False, loss=loss),
        traffic(streams, 24_000, exact=True),
    )
    results: dict[str, list[tuple[float, int]]] = {name: [] for name in policies}
    for _, (name, make) in itertools.product(range(ROUNDS), policies.items()):
        frames = triggered if name.startswith('exact') else jittered
        gc.collect()
        results[name].append(cost_us(make(), frames[:6000] if 'Python' in name else frames))
    floor = min(results['empty loop'])[0]
    print(f'{streams} streams, {loss:.0%} lost')
    for name, rounds in results.items():
        us, sets = min(rounds)
        print(f'  {name:<30} {us:8.2f} us a message   x {us / floor:7.1f}   {sets} sets')
    return {name: min(results[name])[0] for name in ('deadline', 'approximate_time')}


def main() -> None:
    costs = {streams: compare(streams, loss=0.05) for streams in (1, 6, 12, 24)}
    for policy, us in costs[12].items():
        growth = costs[24][policy] / costs[6][policy]
        print(
            f'{policy}: {us:.2f} us a message at 12 streams ({BUDGET_US} allowed); 24 cost {growth:.2f} x 6'
        )
    raise SystemExit(max(costs[12].values()) > BUDGET_US)


if __name__ == '__main__':
    main()
