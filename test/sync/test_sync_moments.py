"""Matching by learned phases: stagger, latency, different rates, and cameras that come and go."""

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sync_rig import MS, START, Rig, fixed, rig

from stream_infer_ros.sync import DeadlineSynchronizer, SetReason

STAGGERED_MS = (0, 16, 32, 48, 64, 81)  # six cameras, triggered one after the other
Arrival = tuple[int, str, int]  # when, camera, stamp


def arrivals(
    phases_ms: Sequence[float],
    periods_ms: Sequence[float],
    seconds: float,
    latency_ms: Callable[[random.Random], float] = lambda rng: 1.0,
    *,
    jitter_ms: float = 0.2,
    loss: float = 0.0,
    seed: int = 0,
) -> list[Arrival]:
    """Frames of cameras a, b, ... in the order of their arrival; each stream stays in order."""
    rng, found = random.Random(seed), []
    for slot, (phase_ms, period_ms) in enumerate(zip(phases_ms, periods_ms, strict=True)):
        latest_ns = 0
        for tick in range(round(seconds * 1000 / period_ms)):
            at_ms = tick * period_ms + phase_ms + rng.uniform(-jitter_ms, jitter_ms)
            stamp_ns = START + int(at_ms * MS)
            latest_ns = max(latest_ns + 1, stamp_ns + int(latency_ms(rng) * MS))
            if rng.random() >= loss:
                found.append((latest_ns, 'abcdefghijkl'[slot], stamp_ns))
    return sorted(found)


def played(frames: Sequence[Arrival], **options: float) -> Rig:
    cameras = sorted({camera for _, camera, _ in frames})
    r = Rig(DeadlineSynchronizer(cameras, fixed(**options)))
    for now_ns, camera, stamp_ns in frames:
        r.add(camera, stamp_ns, now_ns)
    r.advance(frames[-1][0] + 10_000 * MS)
    return r


def whole(r: Rig) -> int:
    return sum(None not in s.frames for s in r.sets)


def members(r: Rig) -> list[tuple[int | None, ...]]:
    return [tuple(f and f.stamp_ns for f in s.frames) for s in r.sets]


# ---- stagger and latency ----


@pytest.mark.parametrize('seed', range(5))
def test_staggered_cameras_under_exponential_latency(seed: int) -> None:
    frames = arrivals(STAGGERED_MS, [100] * 6, 8, lambda rng: rng.expovariate(1 / 20), seed=seed)
    assert whole(played(frames, deadline_ms=150.0)) >= 78
    # All that fails is late: with more time, every moment is complete.
    assert whole(played(frames, deadline_ms=400.0)) == 80


@pytest.mark.parametrize('phases_ms', [STAGGERED_MS, (48, 81, 0, 16, 64, 32), (0, 5, 40, 45, 76, 81)])
def test_staggered_cameras_with_the_default_deadline(phases_ms: tuple[int, ...]) -> None:
    r = played(arrivals(phases_ms, [100] * 6, 8))
    assert whole(r) >= 78
    assert r.synchronizer.deadline_ns < 80 * MS


def test_a_derived_deadline_stays_within_its_limit() -> None:
    late = [
        (now + (300 * MS if camera == 'f' else 0), camera, stamp)
        for now, camera, stamp in arrivals([0] * 6, [100] * 6, 8)
    ]
    r = played(sorted(late))
    assert r.synchronizer.deadline_ns == 40 * MS  # 300 ms are more than the bound: waiting would be in vain
    assert Counter(map(len, r.present()))[5] >= 78


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 90), min_size=2, max_size=6),
    st.integers(0, 999),
    st.floats(0, 0.2),
    st.floats(0, 3),
)
def test_the_order_of_arrival_changes_no_set(
    phases: list[int], seed: int, loss: float, jitter_ms: float
) -> None:
    """Once the phases are known, with any latency within the deadline."""
    learning = arrivals(phases, [100] * len(phases), 4, jitter_ms=jitter_ms, seed=seed)
    then_ns = START + 4000 * MS
    later = [
        (now_ns + 4000 * MS, camera, stamp_ns + 4000 * MS)
        for now_ns, camera, stamp_ns in arrivals(
            phases, [100] * len(phases), 2, jitter_ms=jitter_ms, seed=seed + 1, loss=loss
        )
    ]

    def sets_with(latency_seed: int, most_ms: float) -> set[frozenset[int]]:
        rng, newest, frames = random.Random(latency_seed), dict.fromkeys('abcdef', 0), []
        for _, camera, stamp_ns in sorted(later, key=lambda arrival: arrival[2]):
            newest[camera] = max(newest[camera] + 1, stamp_ns + int(rng.uniform(0, most_ms) * MS))
            frames.append((newest[camera], camera, stamp_ns))
        r = played([*learning, *sorted(frames)], deadline_ms=350.0, camera_timeout_ms=3000.0)
        return {frozenset(f.stamp_ns for f in s.there) for s in r.sets if s.stamp_ns > then_ns + 100 * MS}

    assert sets_with(1, 0.0) == sets_with(2, 150.0) == sets_with(3, 150.0)


def test_streams_that_are_known_to_be_out_of_order_are_waited_for() -> None:
    rng = random.Random(3)
    frames = sorted(
        (stamp_ns + int(rng.uniform(0, 180) * MS), camera, stamp_ns)
        for _, camera, stamp_ns in arrivals((0, 20, 40), [100] * 3, 12)
    )
    r = played(frames, deadline_ms=250.0)
    assert whole(r) >= 116


def test_jitter_of_a_third_of_a_period() -> None:
    frames = arrivals((0, 10, 20), [100] * 3, 20, jitter_ms=15, seed=4)
    assert whole(played(frames, deadline_ms=150.0)) >= 195


def test_lost_frames_cost_no_others() -> None:
    frames = arrivals(STAGGERED_MS, [100] * 6, 30, lambda rng: rng.uniform(0, 60), loss=0.1, seed=5)
    r = played(frames, deadline_ms=150.0)
    assert 299 <= len(r.sets) <= 303
    assert sum(len(s.there) for s in r.sets) == len(frames)


def test_a_camera_that_dies_and_returns_with_another_phase() -> None:
    frames = [
        (now, camera, stamp)
        for now, camera, stamp in arrivals((0, 30, 60), [100] * 3, 30)
        if camera != 'c' or not 10_000 * MS < stamp - START < 20_000 * MS
    ]
    moved = [
        (now - 45 * MS, camera, stamp - 45 * MS) if camera == 'c' and stamp > START + 15_000 * MS
        else (now, camera, stamp)
        for now, camera, stamp in frames
    ]  # fmt: skip
    r = played(sorted(moved), deadline_ms=90.0)
    late = [s for s in r.sets if s.stamp_ns > START + 21_000 * MS]
    assert sum(None not in s.frames for s in late) >= len(late) - 1
    assert all(not causes for causes in r.synchronizer.drops().values())


def test_a_change_of_the_rate_is_followed() -> None:
    first = arrivals((0, 8, 16), [100] * 3, 5)
    second = [
        (now + 5000 * MS, camera, stamp + 5000 * MS)
        for now, camera, stamp in arrivals((0, 8, 16), [33.333] * 3, 5)
    ]
    r = played([*first, *second], deadline_ms=60.0)
    late = [s for s in r.sets if s.stamp_ns > START + 6000 * MS]
    assert sum(None not in s.frames for s in late) >= len(late) - 1 >= 118


def test_streams_without_a_period_are_matched_by_distance() -> None:
    rng, at_ms = random.Random(6), 0.0
    r = rig('abc', deadline_ms=40, slop_ms=10)
    for _ in range(200):
        at_ms += rng.uniform(30, 400)
        for camera in 'abc':
            r.add(camera, START + int((at_ms + rng.uniform(0, 4)) * MS), START + int((at_ms + 5) * MS))
    assert Counter(r.present())['abc'] >= 198


# ---- different rates ----


def settled(r: Rig, after_ms: int = 3000) -> list[tuple[int, int]]:
    """(wait after its last frame in ns, number of missing cameras) of each set after the start."""
    return [
        (when - max(f.stamp_ns for f in s.there), len(s.missing))
        for when, s in r.left
        if s.stamp_ns > START + after_ms * MS
    ]


@pytest.mark.parametrize(
    ('rates_hz', 'slow_frames'),
    [((8, 2), 20), ((8, 8, 2), 20), ((30, 15, 10), 100), ((30, 10), 100)],
)
@pytest.mark.parametrize('deadline_ms', [0.0, 149.0])
def test_fast_cameras_do_not_wait_for_images_that_cannot_come(
    rates_hz: tuple[int, ...], slow_frames: int, deadline_ms: float
) -> None:
    periods = [1000 / hz for hz in rates_hz]
    r = played(arrivals([3 * n for n in range(len(periods))], periods, 10 + 3), deadline_ms=deadline_ms)
    waits = [wait_ns for wait_ns, _ in settled(r)]
    assert sorted(waits)[int(0.95 * len(waits))] <= 5 * MS
    assert sum(missing > 0 for _, missing in settled(r)) <= 2  # the first and the last
    assert (
        abs(sum(None not in s.frames for s in r.sets if s.stamp_ns > START + 3000 * MS) - slow_frames) <= 60
    )
    assert all(not causes for causes in r.synchronizer.drops().values())


def test_rates_that_are_no_multiples() -> None:
    r = played(arrivals((0, 3), (100, 1000 / 7), 20), deadline_ms=100.0)
    joined = Counter(map(len, r.present()))
    assert joined[2] >= 136  # each frame of the slower camera joins
    assert sum(missing > 0 for _, missing in settled(r)) <= 2
    waits = [wait_ns for wait_ns, _ in settled(r)]
    assert max(waits) <= 65 * MS  # half a period and some, for an image that may be due


def test_a_lost_image_of_a_slow_camera_is_missing() -> None:
    frames = [
        (now, camera, stamp)
        for now, camera, stamp in arrivals((0, 3), (125, 500), 20)
        if camera == 'a' or not 9_900 * MS < stamp - START < 10_400 * MS
    ]
    lost = [s for s in played(frames, deadline_ms=60.0).sets if s.partial and s.stamp_ns > START + 3000 * MS]
    assert [round((s.stamp_ns - START) / (500 * MS)) for s in lost][:1] == [20]
    assert lost[0].reason is SetReason.DEADLINE


# ---- no period at all ----


@given(st.lists(st.floats(2, 80), min_size=3, max_size=60))
def test_images_of_one_stamp_form_a_set_at_once_however_irregular_their_moments_are(intervals_ms):
    """Cameras that are triggered on request, for example when the previous result has arrived."""
    r = Rig(DeadlineSynchronizer(['a', 'b', 'c'], fixed(deadline_ms=5000.0)))
    now_ns = START
    for count, interval_ms in enumerate(intervals_ms, 1):
        stamp_ns = now_ns
        for camera in 'abc':
            now_ns += MS
            r.add(camera, stamp_ns, now_ns)
        assert len(r.sets) == count
        assert members(r)[-1] == (stamp_ns, stamp_ns, stamp_ns)
        now_ns += int(interval_ms * MS)
