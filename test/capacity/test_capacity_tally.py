"""What counts as offered, in time, late and lost; time is a number."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.capacity import Tally, TrialOptions
from stream_infer_ros.capacity.tally import recovery_s
from stream_infer_ros.errors import ConfigError

MS, S = 1_000_000, 1_000_000_000
OPTIONS = TrialOptions(streams=3, rate_hz=10, warm_up_s=1.0, seconds=2.0, spread_ms=9.0)


def told(options, latency_ns):
    """A tally in which every frame came out after `latency_ns(exposure)`; None: never."""
    tally = Tally(options)
    for exposure in options.exposures():
        took_ns = latency_ns(exposure)
        if took_ns is not None:
            tally.published(exposure.camera, exposure.stamp_ns, exposure.stamp_ns + took_ns)
    return tally


def test_matched_cameras_expose_together_and_independent_ones_spread_out():
    first = [e.stamp_ns for e in OPTIONS.exposures()][:4]
    assert first == [0, 3 * MS, 6 * MS, 100 * MS]
    alone = TrialOptions(streams=4, rate_hz=10, matched=False)
    assert [e.stamp_ns for e in alone.exposures()][:5] == [0, 25 * MS, 50 * MS, 75 * MS, 100 * MS]


def test_only_what_comes_after_the_warm_up_counts():
    result = told(OPTIONS, lambda e: 500 * MS if e.stamp_ns < S else 40 * MS).result()
    assert (result.offered, result.published, result.in_time) == (60, 60, 60)
    assert (result.p50_ms, result.p99_ms, result.loss) == (40.0, 40.0, 0.0)
    assert result.held


def test_late_and_lost_frames_are_counted_together():
    result = told(OPTIONS, lambda e: {10: None, 11: 120 * MS}.get(e.tick, 50 * MS)).result()
    assert (result.offered, result.published, result.in_time) == (60, 57, 54)
    assert result.loss == pytest.approx(0.1)
    assert result.p99_ms == 120.0
    assert not result.held


def test_one_percent_lost_is_still_held_if_p99_is():
    options = TrialOptions(streams=10, rate_hz=10, seconds=10.0)
    result = told(options, lambda e: None if e.tick == 30 and e.camera else 30 * MS).result()
    assert result.loss == pytest.approx(0.009)
    assert result.held
    assert result.least_of_a_stream == pytest.approx(0.99)


def test_nothing_published_is_not_held_and_writes_no_infinity_into_json():
    result = told(OPTIONS, lambda _: None).result()
    assert (result.published, result.loss, result.held) == (0, 1.0, False)
    assert result.p99_ms == float('inf')


@given(st.lists(st.one_of(st.none(), st.integers(0, 300)), min_size=60, max_size=60))
def test_every_offered_frame_is_in_time_or_lost(latencies_ms):
    frames = {}

    def latency_ns(exposure):
        index = frames.setdefault(exposure, len(frames)) % 60
        return None if latencies_ms[index] is None else latencies_ms[index] * MS

    tally = told(OPTIONS, latency_ns)
    result = tally.result()
    assert result.in_time + len(tally.lost_stamps()) == result.offered == 60
    assert result.published == len(tally.latencies())
    assert 0.0 <= result.least_of_a_stream <= 1 - result.loss + 1e-9


def test_a_burst_makes_cameras_faster_for_a_while():
    options = TrialOptions(streams=1, rate_hz=10, warm_up_s=1.0, seconds=4.0, burst=(1.0, 2.0, 2.0))
    stamps = [e.stamp_ns / S for e in options.exposures()]
    count = lambda a, b: sum(a <= stamp < b for stamp in stamps)  # noqa: E731
    assert (count(0, 1), count(1, 2), count(2, 3), count(3, 4), count(4, 5)) == (10, 10, 20, 10, 10)
    assert TrialOptions.from_json(options.to_json()) == options
    assert json.loads(options.to_json())['burst'] == [1.0, 2.0, 2.0]


@pytest.mark.parametrize(('until_s', 'expected'), [(0.0, 0.0), (3.5, 0.5), (4.9, None)])
def test_recovery_is_counted_from_the_end_of_the_burst(until_s, expected):
    options = TrialOptions(streams=1, rate_hz=10, warm_up_s=1.0, seconds=4.0, burst=(1.0, 2.0, 2.0))
    tally = told(options, lambda e: 150 * MS if 2.5 <= e.stamp_ns / S <= until_s else 50 * MS)
    assert recovery_s(tally, options) == (pytest.approx(expected) if expected is not None else None)


def test_what_comes_after_a_second_of_calm_has_another_cause():
    options = TrialOptions(streams=1, rate_hz=10, warm_up_s=1.0, seconds=6.0, burst=(1.0, 2.0, 2.0))
    tally = told(options, lambda e: 150 * MS if 5.0 <= e.stamp_ns / S < 5.1 else 50 * MS)
    assert len(tally.lost_stamps()) == 1
    assert recovery_s(tally, options) == 0.0


def test_what_was_spent_is_told_for_the_time_that_is_counted():
    options = TrialOptions(warm_up_s=2.0, seconds=5.0, bound_ms=1000.0)
    assert options.counted_share == pytest.approx(5 / 8)
    every, counted = list(options.exposures()), Tally(options).result().offered
    assert counted / len(every) == pytest.approx(options.counted_share, abs=0.02)


@pytest.mark.parametrize('wrong', [{'streams': 0}, {'rate_hz': 0.0}, {'encoding': 'png'}, {'seconds': 0.0}])
def test_what_cannot_be_offered_is_refused(wrong):
    with pytest.raises(ConfigError, match='expected'):
        TrialOptions(**wrong)


def test_cameras_that_leave_offer_nothing_more():
    options = TrialOptions(streams=4, rate_hz=10, warm_up_s=1.0, seconds=4.0, fewer=(2.0, 3))
    last = {}
    for exposure in options.exposures():
        last[exposure.camera] = exposure.stamp_ns / S
    assert last[3] < 3.0 <= last[2]
    assert TrialOptions.from_json(options.to_json()) == options
    result = told(options, lambda e: 50 * MS).result()
    assert (result.offered, result.in_time) == (4 * 20 + 3 * 20, 4 * 20 + 3 * 20)
    with pytest.raises(ConfigError, match='1 to 4 cameras'):
        TrialOptions(streams=4, fewer=(2.0, 5))


def test_a_part_of_a_trial_is_judged_alone():
    options = TrialOptions(streams=2, rate_hz=10, warm_up_s=1.0, seconds=4.0, fewer=(2.0, 1))
    tally = told(options, lambda e: None if e.stamp_ns < 3 * S and e.tick % 2 else 50 * MS)
    before, after = tally.result((0.0, 2.0)), tally.result((2.0, 4.0))
    assert (before.streams, before.offered, before.in_time, before.least_of_a_stream) == (2, 40, 20, 0.5)
    assert (after.streams, after.offered, after.in_time, after.held) == (1, 20, 20, True)
    assert tally.result((4.0, 9.0)).loss == 1.0  # nothing was offered: nothing was held
