"""Matching in time: our synchronizers and the Python ApproximateTimeSynchronizer, 2 to 12 streams.

    python benchmarks/sync.py [--json FILE]

The first table is the CPU time per frame of each policy and of an empty loop, with 5 % of the frames lost.
The others show the sets that come out when frames are lost, a camera fails, or a camera is late. "Stock" is
message_filters of a ROS 2 in /opt/ros; the benchmark then restarts itself in a sourced shell. Its algorithm
without ROS is always measured. Times are thread times, the best of several rounds that take turns.
"""

from __future__ import annotations

import gc
import itertools
import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

from machine import Results, Table, parser
from peers.message_filters_rule import MessageFiltersPython
from ros_setup import start_again_in_ros

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.sync import (
    ApproximateTimeSynchronizer,
    DeadlineSynchronizer,
    ExactSynchronizer,
    LatestSynchronizer,
)

MS = 1_000_000
START = 1_700_000_000_000 * MS
PERIOD_MS = 33
BUDGET_US = 3.0  # per message, 12 streams
STOCK_OVER_OURS = 20.0  # 64 was measured
STREAMS = (2, 4, 6, 8, 12, 24)
# Messages for the stock synchronizer, which is slow.
FEW_MESSAGES = 3000
MOMENTS = 300


class Matches(Protocol):
    def add(self, frame: Any, now_ns: int) -> Sequence[Any]: ...


class Nothing:
    """The lower limit: a loop and a method call."""

    def add(self, frame: Any, now_ns: int) -> Sequence[Any]:
        return ()


class Stock:
    """The synchronizer of message_filters, called without ROS."""

    def __init__(self, cameras: Sequence[str], queue_size: int, slop_ns: int) -> None:
        import message_filters  # noqa: PLC0415 (of a sourced ROS)

        self._inputs = {camera: message_filters.SimpleFilter() for camera in cameras}
        made = message_filters.ApproximateTimeSynchronizer(
            list(self._inputs.values()), queue_size, slop_ns * 1e-9
        )
        made.registerCallback(self._on_set)
        self._sets: list[Any] = []

    def _on_set(self, *messages: Any) -> None:
        self._sets.append(messages)

    def add(self, frame: Any, now_ns: int) -> Sequence[Any]:
        self._sets = []
        camera, message = frame
        self._inputs[camera].signalMessage(message)
        return self._sets


def traffic(streams: int, ticks: int, *, exact: bool, loss: float = 0.0) -> list[Frame]:
    """Return frames in order of arrival, with phases spread over 10 ms and a jitter of 2 ms."""
    rng = random.Random(1)
    frames = []
    for tick, slot in itertools.product(range(ticks), range(streams)):
        late_ms = 0.0 if exact else slot * 10 / streams + rng.uniform(0, 2)
        stamp_ns = START + int((tick * PERIOD_MS + late_ms) * MS)
        if rng.random() >= loss:
            frames.append(Frame(f'c{slot}', stamp_ns, stamp_ns, None, 'rgb8', ''))
    return sorted(frames, key=lambda frame: frame.stamp_ns)


def as_ros(frames: Iterable[Frame]) -> list[tuple[str, Any]]:
    """Return (camera, sensor_msgs/Image without pixels) of each frame."""
    from sensor_msgs.msg import Image  # noqa: PLC0415

    found = []
    for frame in frames:
        message = Image()
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(frame.stamp_ns, 10**9)
        found.append((frame.camera, message))
    return found


def cost_us(matches: Matches, frames: Sequence[Any]) -> float:
    """Return the thread time per message."""
    add, clock = matches.add, time.thread_time
    start = clock()
    for frame in frames:
        add(frame, 0 if isinstance(frame, tuple) else frame.stamp_ns)
    return (clock() - start) / len(frames) * 1e6


def compare(streams: int, rounds: int, messages: int, with_ros: bool) -> dict[str, float]:
    """Return microseconds per message of the best round, by policy."""
    cameras = [f'c{slot}' for slot in range(streams)]
    config = SyncConfig(deadline_ms=25.0, queue_size=10)

    def settings() -> SyncConfig:
        return config

    policies: dict[str, Callable[[], Matches]] = {
        'empty loop': Nothing,
        'deadline': lambda: DeadlineSynchronizer(cameras, settings),
        'approximate_time': lambda: ApproximateTimeSynchronizer(cameras, settings),
        'latest': lambda: LatestSynchronizer(cameras, settings),
        'exact, one trigger': lambda: ExactSynchronizer(cameras, settings),
        'stock rule alone': lambda: MessageFiltersPython(cameras, 10, 16 * MS),
    }
    if with_ros:
        policies['stock, message_filters'] = lambda: Stock(cameras, 10, 16 * MS)
    ticks = messages // streams
    jittered = traffic(streams, ticks, exact=False, loss=0.05)
    frames: dict[str, Sequence[Any]] = dict.fromkeys(policies, jittered)
    frames['exact, one trigger'] = traffic(streams, ticks, exact=True, loss=0.05)
    frames['stock rule alone'] = jittered[:FEW_MESSAGES]
    if with_ros:
        frames['stock, message_filters'] = as_ros(jittered[:FEW_MESSAGES])
    best = dict.fromkeys(policies, float('inf'))
    for _, (name, make) in itertools.product(range(rounds), policies.items()):
        gc.collect()
        best[name] = min(best[name], cost_us(make(), frames[name]))
    return best


# Name of a problem -> (camera, tick) -> delay of its frame in ms; None: the frame is lost.
TROUBLES: dict[str, Callable[[int, int, random.Random], float | None]] = {
    'none': lambda camera, tick, rng: 0.0,
    '5 % of frames lost': lambda camera, tick, rng: None if rng.random() < 0.05 else 0.0,
    '20 % of frames lost': lambda camera, tick, rng: None if rng.random() < 0.2 else 0.0,
    'a camera dies half-way': lambda camera, tick, rng: None if not camera and tick >= MOMENTS // 2 else 0.0,
    'a camera 60 ms late': lambda camera, tick, rng: 0.0 if camera else 60.0,
}


def outcomes(streams: int, trouble: str, with_ros: bool) -> dict[str, tuple[float, float]]:
    """Return by policy: the share of ticks with a set, and the share of arrived frames in sets."""
    rng = random.Random(2)
    arrivals = []
    for tick, slot in itertools.product(range(MOMENTS), range(streams)):
        stamp_ns = START + int((tick * PERIOD_MS + slot * 10 / streams + rng.uniform(0, 2)) * MS)
        late_ms = TROUBLES[trouble](slot, tick, rng)
        if late_ms is not None:
            frame = Frame(f'c{slot}', stamp_ns, stamp_ns, None, 'rgb8', '')
            arrivals.append((stamp_ns + int(late_ms * MS), frame))
    arrivals.sort(key=lambda arrival: arrival[0])
    cameras = [f'c{slot}' for slot in range(streams)]
    config = SyncConfig(deadline_ms=80.0, queue_size=10)
    ours: dict[str, Any] = {
        'deadline': DeadlineSynchronizer(cameras, lambda: config),
        'approximate_time': ApproximateTimeSynchronizer(cameras, lambda: config),
        'stock rule alone': MessageFiltersPython(cameras, 10, 16 * MS),
    }
    found = {}
    for name, synchronizer in ours.items():
        sets = [len(frames_of(one)) for one in fed(synchronizer, arrivals)]
        found[name] = len(sets) / MOMENTS, sum(sets) / len(arrivals)
    if with_ros:
        stock = Stock(cameras, 10, 16 * MS)
        sets = [len(one) for frame in as_ros(frame for _, frame in arrivals) for one in stock.add(frame, 0)]
        found['stock, message_filters'] = len(sets) / MOMENTS, sum(sets) / len(arrivals)
    return found


def fed(synchronizer: Any, arrivals: Sequence[tuple[int, Frame]]) -> list[Any]:
    """Return all sets. The clock also runs between arrivals and after the last one, for deadlines."""
    sets: list[Any] = []
    for now_ns, frame in arrivals:
        _close_due(synchronizer, now_ns, sets)
        sets += synchronizer.add(frame, now_ns)
    _close_due(synchronizer, arrivals[-1][0] + 10**9, sets)
    return sets


def _close_due(synchronizer: Any, until_ns: int, sets: list[Any]) -> None:
    while hasattr(synchronizer, 'poll'):
        due_ns = synchronizer.next_deadline_ns()
        if due_ns is None or due_ns > until_ns:
            return
        sets += synchronizer.poll(due_ns)


# Six cameras at 10 Hz that are triggered one after the other, and the moments of the measurement.
STAGGERED_MS = (0, 16, 32, 48, 64, 81)
STAGGERED_MOMENTS = 80
LATENCY_MS = 20.0  # mean of an exponential distribution
STAGGER_LEAST = 79  # complete moments of 80 with a deadline of 150 ms


def free_running(
    phases_ms: Sequence[float], rates_hz: Sequence[float], seconds: float, latency_ms: float, seed: int
) -> list[tuple[int, Frame]]:
    """Return (arrival, frame) of cameras with these phases and rates, with exponential latency.

    The stream of each camera stays in order.
    """
    rng, arrivals = random.Random(seed), []
    for slot, (phase_ms, rate_hz) in enumerate(zip(phases_ms, rates_hz, strict=True)):
        latest_ns = 0
        for tick in range(round(seconds * rate_hz)):
            stamp_ns = START + int((tick * 1000 / rate_hz + phase_ms + rng.uniform(-0.2, 0.2)) * MS)
            late_ns = int(rng.expovariate(1 / latency_ms) * MS) if latency_ms else 0
            latest_ns = max(latest_ns + 1, stamp_ns + late_ns)
            arrivals.append((latest_ns, Frame(f'c{slot}', stamp_ns, latest_ns, None, 'rgb8', '')))
    return sorted(arrivals, key=lambda arrival: arrival[0])


def staggered(seeds: int) -> tuple[Table, float]:
    """Return the complete moments of the staggered cameras, and the median of policy deadline at 150 ms."""
    table = Table(
        f'six cameras over 81 ms, 10 Hz: complete moments of {STAGGERED_MOMENTS}, by {seeds} seeds',
        ('latency', 'policy', 'deadline ms', 'least', 'median', 'most'),
    )
    median = 0.0
    for latency_ms, deadline_ms in ((0.0, 0.0), (LATENCY_MS, 0.0), (LATENCY_MS, 150.0)):
        config = SyncConfig(deadline_ms=deadline_ms)
        for policy in (DeadlineSynchronizer, ApproximateTimeSynchronizer):
            whole = []
            for seed in range(seeds):
                arrivals = free_running(STAGGERED_MS, [10] * 6, STAGGERED_MOMENTS / 10, latency_ms, seed)
                synchronizer: Any = policy([f'c{slot}' for slot in range(6)], lambda config=config: config)
                sets = fed(synchronizer, arrivals)
                whole.append(sum(None not in one.frames for one in sets))
            whole.sort()
            name = 'deadline' if policy is DeadlineSynchronizer else 'approximate_time'
            shown = f'{deadline_ms:g}' if name == 'deadline' else '-'
            latency = f'exponential, mean {latency_ms:g} ms' if latency_ms else 'none'
            table.row(latency, name, shown, whole[0], whole[len(whole) // 2], whole[-1])
            if name == 'deadline' and deadline_ms:
                median = whole[len(whole) // 2]
    return table, median


def different_rates() -> Table:
    """Return how sets of cameras with different rates come out."""
    table = Table(
        'cameras of different rates, 20 s, latency exponential with a mean of 5 ms',
        ('rates Hz', 'policy', 'sets', 'partial', 'frames in them', 'wait p95 ms'),
    )
    for rates_hz in ((8, 2), (8, 8, 2), (30, 15, 10), (10, 7)):
        arrivals = free_running([3 * slot for slot in range(len(rates_hz))], rates_hz, 20, 5.0, 1)
        config = SyncConfig(deadline_ms=150.0)
        for policy in (DeadlineSynchronizer, ApproximateTimeSynchronizer):
            cameras = [f'c{slot}' for slot in range(len(rates_hz))]
            synchronizer: Any = policy(cameras, lambda config=config: config)
            sets = timed(synchronizer, arrivals)
            waits_ms = sorted((when - max(f.received_ns for f in one.there)) / MS for when, one in sets)
            used = sum(len(one.there) for _, one in sets) / len(arrivals)
            partial = sum(one.partial for _, one in sets)
            name = 'deadline' if policy is DeadlineSynchronizer else 'approximate_time'
            rates = '/'.join(map(str, rates_hz))
            table.row(rates, name, len(sets), partial, f'{used:.0%}', waits_ms[int(0.95 * len(waits_ms))])
    return table


def timed(synchronizer: Any, arrivals: Sequence[tuple[int, Frame]]) -> list[tuple[int, Any]]:
    """Return (time at which it left, set) of all sets."""
    left: list[tuple[int, Any]] = []
    for now_ns, frame in arrivals:
        while (due_ns := synchronizer.next_deadline_ns()) is not None and due_ns <= now_ns:
            left += [(due_ns, one) for one in synchronizer.poll(due_ns)]
        left += [(now_ns, one) for one in synchronizer.add(frame, now_ns)]
    return left


def frames_of(one: Any) -> list[Frame]:
    return [frame for frame in getattr(one, 'frames', one) if frame is not None]


def main() -> int:
    options = parser(__doc__).parse_args()
    start_again_in_ros()
    results = Results('sync', 'Matching in time', options)
    with_ros = find_spec('message_filters') is not None
    if not with_ros:
        results.missing('the stock synchronizer itself: no ROS 2 for this Python (/opt/ros/*/setup.bash)')
    rounds, messages = (2, 6000) if options.quick else (5, 24_000)
    costs = {streams: compare(streams, rounds, messages, with_ros) for streams in STREAMS}
    table = Table(
        'us of CPU a message, 5 % lost, by number of streams', ('', *map(str, STREAMS), 'x floor, 12')
    )
    for name in costs[12]:
        us = [costs[streams][name] for streams in STREAMS]
        table.row(name, *us, costs[12][name] / costs[12]['empty loop'])
    results.show(table)
    for streams in (6, 12):
        made = Table(
            f'{streams} streams: moments that came out, of {MOMENTS}; frames in them, of those that arrived',
            ('trouble', 'policy', 'moments', 'frames'),
        )
        for trouble in TROUBLES:
            for name, (moments, used) in outcomes(streams, trouble, with_ros).items():
                made.row(trouble, name, f'{moments:.0%}', f'{used:.0%}')
        results.show(made)
    stagger, median = staggered(5 if options.quick else 31)
    results.show(stagger)
    results.show(different_rates())
    results.check('complete moments of six staggered cameras, of 80', median, STAGGER_LEAST, '', False)
    for policy in ('deadline', 'approximate_time'):
        results.check(f'{policy}, 12 streams, a message', costs[12][policy], BUDGET_US, 'us')
    results.figures(
        growth_24_over_6={name: costs[24][name] / costs[6][name] for name in costs[6]},
    )
    stock = costs[12].get('stock, message_filters')
    results.check(
        'message_filters / deadline, 12 streams',
        stock / costs[12]['deadline'] if stock else None,
        STOCK_OVER_OURS,
        'x',
        False,
    )
    return results.finish()


if __name__ == '__main__':
    sys.exit(main())
