"""The classic policies against message_filters' own test cases: the same sets, at the same moment."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sync_rig import MS, fixed, frame

from stream_infer_ros.sync import (
    ApproximateTimeSynchronizer,
    ExactSynchronizer,
    LatestSynchronizer,
    SetReason,
    Synchronizer,
)

CASES = Path(__file__).resolve().parents[2] / '../shared/cases/sync_cases.json'
S = 1000 * MS


Emitted = list[tuple[int, tuple[int, ...]]]  # index of the input whose arrival closed it, stamps by slot


def played(synchronizer: Synchronizer, inputs: Sequence[tuple[str, int]]) -> Emitted:
    emitted = []
    for index, (camera, stamp_ns) in enumerate(inputs):
        for frame_set in synchronizer.add(frame(camera, stamp_ns), stamp_ns):
            assert frame_set.reason is SetReason.MATCHED
            stamps = tuple(f.stamp_ns for f in frame_set.frames if f)
            assert frame_set.spread_ns == max(stamps) - min(stamps)
            assert frame_set.stamp_ns == sum(stamps) // len(stamps)
            emitted.append((index, stamps))
    assert synchronizer.next_deadline_ns() is None
    assert list(synchronizer.poll(1 << 62)) == []
    return emitted


def approximate(case: dict) -> Synchronizer:
    settings = fixed(queue_size=case['queue_size'])
    return ApproximateTimeSynchronizer(case['topics'], settings, case.get('inter_message_lower_bound'))


def exact(case: dict) -> Synchronizer:
    return ExactSynchronizer(case['topics'], fixed(queue_size=case['queue_size']))


POLICIES = {'approximate': approximate, 'exact': exact}


def shared_cases() -> list[dict]:
    if not CASES.is_file():
        return []
    return [case for case in json.loads(CASES.read_text())['cases'] if case['policy'] in POLICIES]


def test_the_shared_cases_are_there() -> None:
    if not CASES.is_file():
        pytest.skip(f'{CASES} is missing: only the cases written down in this file run')
    names = [case['policy'] for case in shared_cases()]
    assert (names.count('approximate'), names.count('exact')) == (12, 2)


@pytest.mark.parametrize('case', shared_cases(), ids=lambda case: case['name'])
def test_shared_case(case: dict) -> None:
    inputs = [(case['topics'][i['topic']], i['stamp']) for i in case['input']]
    expected = list(zip(case['emitted_after_input'], map(tuple, case['expected']), strict=True))
    assert played(POLICIES[case['policy']](case), inputs) == expected


def seconds(text: str) -> list[tuple[str, int]]:
    """'a0 b1' -> frames of a at 0 s and of b at 1 s."""
    return [(word[0], int(word[1:]) * S) for word in text.split()]


@pytest.mark.parametrize(
    ('cameras', 'options', 'inputs', 'expected'),
    [
        ('ab', {}, 'a0 b0 a3 b3 a6 b6', [(1, (0, 0)), (3, (3, 3)), (5, (6, 6))]),
        ('ab', {}, 'a0 b1 a3 b4 a6 b7', [(2, (0, 1)), (4, (3, 4))]),
        ('ab', {}, 'a0 b7 a12 b15 a17 b18', [(2, (12, 7)), (5, (17, 18))]),
        (
            'ab',
            {'queue_size': 1},
            'a0 b1 b3 a4 b7 a8 a10 b11 a13 b14',
            [(4, (4, 3)), (8, (10, 11))],
        ),
        ('abcd', {}, 'a0 b1 c2 d3 a7', [(4, (0, 1, 2, 3))]),
        (
            'ab',
            {'lower_bounds_ns': {'a': 2 * S}},
            'a0 b1 a3 b4 a6 b7',
            [(1, (0, 1)), (3, (3, 4)), (5, (6, 7))],
        ),
        ('ab', {'max_interval_ms': 999.0}, 'a0 b1 a3 b4 a6 b7', []),
        ('ab', {'max_interval_ms': 1000.0}, 'a0 b1 a3 b4 a6 b7', [(2, (0, 1)), (4, (3, 4))]),
    ],
)
def test_approximate_time(cameras: str, options: dict, inputs: str, expected: list) -> None:
    in_ns = [(index, tuple(s * S for s in stamps)) for index, stamps in expected]
    lower_bounds_ns = options.pop('lower_bounds_ns', None)
    synchronizer = ApproximateTimeSynchronizer([*cameras], fixed(**options), lower_bounds_ns)
    assert played(synchronizer, seconds(inputs)) == in_ns


def test_the_age_penalty_prefers_older_sets() -> None:
    inputs = [('a', 0), ('b', 10), ('a', 14), ('b', 28), ('a', 50), ('b', 60)]
    assert played(ApproximateTimeSynchronizer('ab', fixed(age_penalty=0.0)), inputs)[0][1] == (14, 10)
    inputs = [('a', 0), ('b', 10), ('a', 19), ('b', 28), ('a', 50), ('b', 60)]
    assert played(ApproximateTimeSynchronizer('ab', fixed(age_penalty=0.0)), inputs)[0][1] == (19, 10)
    assert played(ApproximateTimeSynchronizer('ab', fixed(age_penalty=0.2)), inputs)[0][1] == (0, 10)


streams = st.lists(st.tuples(st.sampled_from('abc'), st.integers(0, 60)), max_size=60)


@given(streams, st.integers(1, 5), st.booleans())
def test_every_frame_is_in_one_set_or_waiting_or_counted(
    arrivals: list[tuple[str, int]], queue_size: int, exact: bool
) -> None:
    make = ExactSynchronizer if exact else ApproximateTimeSynchronizer
    synchronizer = make('abc', fixed(queue_size=queue_size))
    seen: list[int] = []
    frames = [frame(camera, stamp) for camera, stamp in arrivals]
    for f in frames:
        for frame_set in synchronizer.add(f, 0):
            assert [member.camera for member in frame_set.frames if member] == [*'abc']
            assert not exact or frame_set.spread_ns == 0
            seen += map(id, frame_set.frames)
    dropped = sum(sum(causes.values()) for causes in synchronizer.drops().values())
    assert len(seen) == len(set(seen))
    assert set(seen) <= set(map(id, frames))
    waiting = len(frames) - len(seen) - dropped
    assert 0 <= waiting <= 3 * queue_size


def test_exact_drops_older_stamps_with_a_newer_set() -> None:
    synchronizer = ExactSynchronizer('ab', fixed(queue_size=5))
    inputs = [('a', 1), ('a', 2), ('a', 2), ('b', 2), ('b', 1)]
    assert played(synchronizer, inputs) == [(3, (2, 2))]
    assert synchronizer.drops() == {'a': {'unmatched': 1, 'duplicate': 1}, 'b': {}}


# message_filters' test_latest_time_policy.cpp: in which ticks of 20 ms p, q and r send (in the order q, r,
# p), how many sets there are after each tick, and which p, q and r, by number, the last one holds.
TICKS = range(12)
LATEST = {
    'leading': (
        {'p': {*TICKS}, 'q': {*TICKS[::2]}, 'r': {*TICKS[::4]}},
        lambda t: (t, (t, t // 2, t // 4)) if t else (0, None),
    ),
    'trailing': (
        {'p': {*TICKS}, 'q': {*TICKS[1::2]}, 'r': {*TICKS[3::4]}},
        lambda t: (t - 2, (t, (t - 1) // 2, (t - 3) // 4)) if t > 2 else (0, None),
    ),
    'p slows down, leading': (
        {'p': {0, 1, 2, 3, 6, 9}, 'q': {*TICKS[::2]}, 'r': {*TICKS[::4]}},
        lambda t: (
            (0, None)
            if t == 0
            else (t, (t, t // 2, t // 4))
            if t < 4
            else (3, (3, 1, 0))
            if t < 6
            else ((t + 2) // 2, (t // 2, t // 2, (t - 2) // 4))
        ),
    ),
    'p slows down, trailing': (
        {'p': {0, 1, 2, 3, 4, 7, 10}, 'q': {*TICKS[1::2]}, 'r': {*TICKS[3::4]}},
        lambda t: (
            (0, None)
            if t < 3
            else (t - 2, (t, (t - 1) // 2, (t - 3) // 4))
            if t < 5
            else (2, (4, 1, 0))
            if t < 7
            else ((t - 1) // 2, ((t + 1) // 2, (t - 1) // 2, (t - 5) // 4))
        ),
    ),
}


@pytest.mark.parametrize('name', LATEST)
def test_latest_follows_the_fastest_camera_on_time(name: str) -> None:
    sends, expected = LATEST[name]
    synchronizer, count, last = LatestSynchronizer('pqr', fixed()), 0, None
    numbers = dict.fromkeys('pqr', 0)
    for tick in TICKS:
        for camera in 'qrp':
            if tick in sends[camera]:
                for frame_set in synchronizer.add(frame(camera, numbers[camera]), S + tick * 20 * MS):
                    count, last = count + 1, tuple(f.stamp_ns for f in frame_set.frames if f)
                numbers[camera] += 1
        assert (count, last) == expected(tick), tick


def test_latest_leaves_out_frames_of_a_camera_that_fell_silent() -> None:
    synchronizer = LatestSynchronizer('ab', fixed(camera_timeout_ms=300.0))
    present = []
    for tick in range(20):
        now_ns = tick * 50 * MS
        if tick < 5:
            synchronizer.add(frame('b', now_ns), now_ns)
        present += [(tick, tuple(map(bool, s.frames))) for s in synchronizer.add(frame('a', now_ns), now_ns)]
    assert present[-1] == (19, (True, False))
    assert (10, (True, True)) in present
    assert (11, (True, False)) in present


def test_latest_does_not_wait_for_ever_for_a_camera_that_never_came() -> None:
    synchronizer = LatestSynchronizer('ab', fixed(camera_timeout_ms=300.0))
    ticks = [t for t in range(10) if synchronizer.add(frame('a', t), t * 50 * MS)]
    assert ticks == [6, 7, 8, 9]
    assert synchronizer.drops() == {'a': {'superseded': 6}, 'b': {}}
