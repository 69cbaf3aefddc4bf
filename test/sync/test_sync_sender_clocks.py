"""Stamps of other clocks: each is mapped to ours, and frames of one moment stay together."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sync_rig import MS, START, rig

from stream_infer_ros.sync.sender_clocks import ClockKind, SenderClocks

S = 1000 * MS
PERIOD = 100 * MS

# The time of an exposure in our clock -> the stamp that the camera gives it.
Stamps = Callable[[int], int]


def shifted(offset_s: float) -> Stamps:
    return lambda time_ns: time_ns + int(offset_s * S)


def zero(_: int) -> int:
    return 0


def simulated(time_ns: int) -> int:
    return time_ns - START


def drifting(rate: float, offset_s: float = 0.0) -> Stamps:
    return lambda time_ns: time_ns + int(offset_s * S + (time_ns - START) * rate)


def jumping(by_s: float, at_tick: int = 20) -> Stamps:
    return lambda time_ns: time_ns + (int(by_s * S) if time_ns >= START + at_tick * PERIOD else 0)


OURS = shifted(0.0)


@dataclass
class Watched:
    """What came of a run.

    Attributes:
        present: the cameras of each set.
        wrong: number of sets with frames of different moments.
        off_ns: of each frame, its time minus its true time, by camera.
        lost: number of frames in no set.
    """

    clocks: SenderClocks
    present: list[str] = field(default_factory=list)
    wrong: int = 0
    off_ns: dict[str, list[int]] = field(default_factory=dict)
    lost: int = 0


def run(stamps: dict[str, Stamps], ticks: int = 60, latency_ms: float = 20.0, seed: int = 1) -> Watched:
    """Send frames of one moment every 100 ms through clocks and synchronizer, with a jitter of 5 ms."""
    rng = random.Random(seed)
    watched = Watched(SenderClocks(list(stamps)))
    matched = rig(''.join(stamps), deadline_ms=90)
    arrivals = []
    for tick in range(ticks):
        for camera, stamp in stamps.items():
            time_ns = START + tick * PERIOD
            received_ns = time_ns + int((latency_ms + rng.uniform(0.0, 5.0)) * MS)
            arrivals.append((received_ns, camera, stamp(time_ns), time_ns))
    truth = {}
    for received_ns, camera, stamp_ns, true_ns in sorted(arrivals):
        time_ns = watched.clocks.cameras[camera].time_ns(stamp_ns, received_ns)
        watched.off_ns.setdefault(camera, []).append(time_ns - true_ns)
        truth.setdefault((camera, time_ns), true_ns)  # a repeated stamp is a duplicate
        matched.add(camera, time_ns, received_ns)
    matched.advance(received_ns + 10 * S)
    watched.present = matched.present()
    for one in matched.sets:
        watched.wrong += len({truth[f.camera, f.stamp_ns] for f in one.frames if f}) > 1
    watched.lost = sum(sum(causes.values()) for causes in matched.synchronizer.drops().values())
    return watched


@pytest.mark.parametrize('offset_s', [37.0, 0.7, 0.3, -37.0, 18.0, 3600.0, -86_400.0 * 365 * 13])
def test_a_camera_on_another_clock_is_matched_with_the_rest(offset_s: float) -> None:
    watched = run({'a': OURS, 'b': shifted(offset_s), 'c': OURS})
    assert watched.present.count('abc') >= 58
    assert (watched.wrong, watched.lost) == (0, 0)
    clocks = watched.clocks.cameras
    assert clocks['b'].kind is ClockKind.OFFSET
    assert abs(clocks['b'].offset_ns + offset_s * S) < 40 * MS
    assert clocks['a'].kind is clocks['c'].kind is ClockKind.OURS
    assert watched.off_ns['a'] == [0] * 60


@pytest.mark.parametrize('offset_s', [37.0, 0.7, 0.3, -37.0, 3600.0])
def test_cameras_of_one_other_clock_keep_the_differences_of_their_stamps(offset_s: float) -> None:
    watched = run({camera: shifted(offset_s) for camera in 'abc'})
    assert watched.present.count('abc') >= 59
    assert (watched.wrong, watched.lost) == (0, 0)
    by_tick = zip(*watched.off_ns.values(), strict=True)
    assert sum(len(set(off_ns)) == 1 for off_ns in by_tick) >= 57
    assert max(abs(off_ns) for off_ns in watched.off_ns['a']) < 60 * MS


def test_two_clocks_beside_ours_are_told_apart() -> None:
    watched = run({'a': shifted(37), 'b': shifted(37), 'c': shifted(-5 * 3600), 'd': OURS})
    assert watched.present.count('abcd') >= 58
    clocks = watched.clocks.cameras
    assert clocks['a'].clock is clocks['b'].clock is not clocks['c'].clock


@pytest.mark.parametrize('useless', [zero, lambda _: START - 5 * S], ids=['zero', 'constant'])
@pytest.mark.parametrize('cameras', ['b', 'abc'])
def test_useless_stamps_count_from_their_arrival(useless: Stamps, cameras: str) -> None:
    watched = run({camera: useless if camera in cameras else OURS for camera in 'abc'})
    assert watched.present.count('abc') >= 56
    assert watched.wrong == 0
    assert watched.lost <= 3 * len(cameras)
    assert watched.clocks.cameras['b'].kind in (ClockKind.UNSET, ClockKind.FROZEN)


def test_stamps_of_whole_seconds_are_useless() -> None:
    watched = run({'a': OURS, 'b': lambda time_ns: time_ns // S * S, 'c': OURS})
    assert watched.clocks.cameras['b'].kind is ClockKind.FROZEN
    assert watched.present.count('abc') >= 55


def test_simulation_time_beside_our_clock() -> None:
    watched = run(dict.fromkeys('abc', simulated))
    assert watched.present.count('abc') >= 58
    assert (watched.wrong, watched.lost) == (0, 0)


@pytest.mark.parametrize('rate', [1e-4, -1e-4, 0.01, -0.01])
@pytest.mark.parametrize('offset_s', [0.0, 37.0])
@pytest.mark.parametrize('cameras', ['b', 'abc'])
def test_a_drifting_clock_is_followed(rate: float, offset_s: float, cameras: str) -> None:
    stamps = {camera: drifting(rate, offset_s) if camera in cameras else OURS for camera in 'abc'}
    watched = run(stamps, ticks=600)
    assert watched.present[-300:].count('abc') >= 290
    assert watched.wrong <= 60
    assert watched.lost <= 6
    if abs(rate) > 1e-3:
        assert watched.clocks.cameras['b'].drift == pytest.approx(-rate, rel=0.2)


@pytest.mark.parametrize('by_s', [37.0, 0.8, -0.8, -2.0, -37.0, -3600.0])
@pytest.mark.parametrize('cameras', ['b', 'abc'])
def test_a_clock_that_is_set_during_the_run(by_s: float, cameras: str) -> None:
    watched = run({camera: jumping(by_s) if camera in cameras else OURS for camera in 'abc'})
    assert watched.present.count('abc') >= 57
    assert watched.wrong == 0
    assert watched.lost <= 3


def test_a_clock_that_is_put_right_again() -> None:
    watched = run(dict.fromkeys('abc', lambda time_ns: time_ns + (37 * S if time_ns < START + 3 * S else 0)))
    assert watched.present.count('abc') >= 57
    assert {clock.kind for clock in watched.clocks.cameras.values()} == {ClockKind.OURS}
    assert watched.off_ns['a'][-1] == 0


@pytest.mark.parametrize('odd', [zero, shifted(3600), shifted(-30), shifted(1e9)])
def test_single_odd_stamps_change_nothing(odd: Stamps) -> None:
    def stamp(time_ns: int) -> int:
        return odd(time_ns) if (time_ns - START) // PERIOD % 10 == 5 else time_ns

    watched = run({'a': stamp, 'b': OURS, 'c': OURS})
    assert watched.present.count('abc') >= 59
    assert watched.lost == 0
    assert watched.clocks.cameras['a'].kind is ClockKind.OURS


def test_a_second_publisher_with_the_same_images_gives_duplicates() -> None:
    clock = SenderClocks(['a']).cameras['a']
    times = [
        clock.time_ns(START + i * PERIOD, START + i * PERIOD + late) for i in range(9) for late in (1, 2)
    ]
    assert times == [START + i * PERIOD for i in range(9) for _ in range(2)]
    assert clock.kind is ClockKind.OURS


def test_images_that_queue_up_for_a_while_are_no_other_clock() -> None:
    clock = SenderClocks(['a']).cameras['a']
    sent = [START + i * PERIOD for i in range(100)]
    stalled = [max(stamp, START + 5 * S) if stamp > START + 2 * S else stamp for stamp in sent]
    times = [
        clock.time_ns(stamp, at + 20 * MS + i)
        for i, (stamp, at) in enumerate(zip(sent, stalled, strict=True))
    ]
    assert times == sent


def test_a_camera_that_is_slow_is_not_taken_for_another_clock() -> None:
    clocks = SenderClocks(['a', 'b'])
    for i in range(50):
        stamp_ns = START + i * PERIOD
        assert clocks.cameras['a'].time_ns(stamp_ns, stamp_ns + 20 * MS) == stamp_ns
        assert clocks.cameras['b'].time_ns(stamp_ns, stamp_ns + 900 * MS) == stamp_ns


def test_a_recording_written_faster_than_it_happened_is_matched_by_its_stamps() -> None:
    clocks, matched = SenderClocks([*'abc']), rig('abc', deadline_ms=90)
    now_ns = START
    for tick in range(50):
        for camera in 'abc':
            now_ns += MS
            stamp_ns = START - 10**9 * MS + tick * PERIOD
            matched.add(camera, clocks.cameras[camera].time_ns(stamp_ns, now_ns), now_ns)
    matched.advance(now_ns + S)
    assert matched.present().count('abc') >= 48


def test_our_own_clock_may_go_back_with_the_stamps() -> None:
    clock = SenderClocks(['a']).cameras['a']
    sent = [START + i * PERIOD for i in range(30)] * 2
    assert [clock.time_ns(stamp_ns, stamp_ns + 5 * MS) for stamp_ns in sent] == sent


def test_transforms_that_are_dated_ahead_are_in_our_clock() -> None:
    clock = SenderClocks(['a']).transform('odom')
    for i in range(100):
        clock.time_ns(START + i * PERIOD + S, START + i * PERIOD)
    assert clock.offset_ns == 0


@pytest.mark.parametrize('offset_s', [0.7, 37.0, -37.0])
@pytest.mark.parametrize('transforms_first', [True, False])
def test_transforms_join_the_clock_of_the_cameras(offset_s: float, transforms_first: bool) -> None:
    clocks = SenderClocks(['a'])
    camera, moving, ours = clocks.cameras['a'], clocks.transform('base_link'), clocks.transform('lidar')
    for i in range(30):
        now_ns = START + i * PERIOD
        stamp_ns = now_ns + int(offset_s * S)
        if transforms_first:
            moving.time_ns(stamp_ns - 3 * MS, now_ns)
        time_ns = camera.time_ns(stamp_ns - 20 * MS, now_ns + MS)
        if not transforms_first:
            moving.time_ns(stamp_ns - 3 * MS, now_ns + 2 * MS)
        ours.time_ns(now_ns, now_ns + 3 * MS)
        offset_of = clocks.transform_offsets('a', time_ns - (stamp_ns - 20 * MS))
        assert time_ns - offset_of('base_link') == stamp_ns - 20 * MS
        assert offset_of('lidar') == 0


@settings(max_examples=60, deadline=None)
@given(
    offsets_s=st.lists(st.sampled_from([0.0, 0.0, 37.0, 0.7, -37.0, -1e6, 1e6]), min_size=3, max_size=3),
    rate=st.sampled_from([0.0, 1e-4, -1e-4]),
    latency_ms=st.floats(0.0, 60.0),
    seed=st.integers(0, 10**6),
)
def test_times_increase_and_are_never_after_the_arrival(
    offsets_s: list[float], rate: float, latency_ms: float, seed: int
) -> None:
    stamps = {camera: drifting(rate, offset_s) for camera, offset_s in zip('abc', offsets_s, strict=True)}
    watched = run(stamps, ticks=40, latency_ms=latency_ms, seed=seed)
    for off_ns in watched.off_ns.values():
        times_ns = [off + tick * PERIOD for tick, off in enumerate(off_ns)]
        assert times_ns == sorted(set(times_ns))
        assert max(off_ns) <= (latency_ms + 5.0 + 21.0) * MS
    assert watched.wrong == 0
    assert watched.present.count('abc') >= 36
