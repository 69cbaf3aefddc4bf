"""When cameras expose: statistics, order, failures."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.errors import WorldError
from stream_infer_ros.simulation import DeadWindow, Timing, schedule

EPOCH_NS = 1_700_000_000_000_000_000
PERIOD_NS = 100_000_000


def by_camera(exposures, n):
    return [[e for e in exposures if e.camera == camera] for camera in range(n)]


def test_a_seed_is_a_schedule():
    one, same, other = (list(schedule(6, seed, EPOCH_NS, Timing(), ticks=20)) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    moved = list(schedule(6, 1, EPOCH_NS + 5, Timing(), ticks=20))
    assert [e.stamp_ns - 5 for e in moved] == [e.stamp_ns for e in one]


def test_phases_and_jitter_are_what_was_asked_for():
    n, ticks = 40, 400
    streams = by_camera(list(schedule(n, 3, EPOCH_NS, Timing(), ticks)), n)
    phases = []
    for stream in streams:
        late = np.array([e.stamp_ns - EPOCH_NS - (e.tick + 1) * PERIOD_NS for e in stream])
        phases.append(late.mean() / 1e6)
        assert late.std() / 1e6 == pytest.approx(1.5, rel=0.12)
        assert np.abs(late - late.mean()).max() / 1e6 < 4.3 * 1.5
    assert np.abs(phases).max() < 12.3
    # Uniform over +-12 ms: standard deviation 24 / sqrt(12).
    assert np.std(phases) == pytest.approx(24 / math.sqrt(12), rel=0.25)
    assert [len(s) for s in streams] == [ticks] * n


@given(
    rate_hz=st.floats(0.5, 200),
    phase_ms=st.floats(0, 1e6),
    jitter_ms=st.floats(0, 1e6),
    cameras=st.integers(1, 5),
    seed=st.integers(0, 2**32),
)
def test_stamps_never_go_back(rate_hz, phase_ms, jitter_ms, cameras, seed):
    timing = Timing(rate_hz, phase_ms, jitter_ms)
    exposures = list(itertools.islice(schedule(cameras, seed, EPOCH_NS, timing), 60))
    stamps = [e.stamp_ns for e in exposures]
    assert stamps == sorted(stamps)
    assert stamps[0] > EPOCH_NS
    for stream in by_camera(exposures, cameras):
        assert all(a.stamp_ns < b.stamp_ns and a.tick < b.tick for a, b in itertools.pairwise(stream))


def test_a_camera_does_not_know_the_others():
    alone = list(schedule(2, 9, EPOCH_NS, Timing(), ticks=10))
    among = [e for e in schedule(8, 9, EPOCH_NS, Timing(), ticks=10) if e.camera < 2]
    assert alone == among


def test_drops_take_their_share_and_nothing_else():
    whole = list(schedule(4, 5, EPOCH_NS, Timing(), ticks=1000))
    thinned = list(schedule(4, 5, EPOCH_NS, Timing(drop_probability=0.1), ticks=1000))
    assert len(thinned) / len(whole) == pytest.approx(0.9, abs=0.02)
    assert set(thinned) < set(whole)
    assert list(schedule(4, 5, EPOCH_NS, Timing(drop_probability=1.0), ticks=50)) == []


def test_a_dead_camera_is_silent_for_its_window_only():
    timing = Timing(dead=(DeadWindow(1, 2.0, 4.0), DeadWindow(1, 6.0, math.inf)))
    whole = set(schedule(3, 5, EPOCH_NS, Timing(), ticks=100))
    left = set(schedule(3, 5, EPOCH_NS, timing, ticks=100))
    gone = whole - left
    assert {e.camera for e in gone} == {1}
    seconds = sorted((e.stamp_ns - EPOCH_NS) / 1e9 for e in gone)
    assert all(2 <= t < 4 or t >= 6 for t in seconds)
    assert len(gone) == pytest.approx(60, abs=2)
    assert left < whole


@pytest.mark.parametrize(
    'wrong',
    [
        {'rate_hz': 0.0},
        {'rate_hz': math.nan},
        {'phase_ms': -1.0},
        {'jitter_ms': -1.0},
        {'drop_probability': 1.5},
    ],
)
def test_impossible_timings_are_refused(wrong):
    with pytest.raises(WorldError, match='expected'):
        Timing(**wrong)
