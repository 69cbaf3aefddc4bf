"""The latency bound, divided among the wait for cameras, the run of the engine, and what follows it."""

import pytest

from stream_infer_ros.config import Config, SyncConfig
from stream_infer_ros.pipeline.health.statistics import Stage, Statistics
from stream_infer_ros.pipeline.live_settings import CurrentSettings
from stream_infer_ros.pipeline.scheduling import LatencyBudget

MS = 1_000_000


def budget_of(config=None, **stages_ms):
    """Return a budget of what was measured, and its settings."""
    settings, statistics = CurrentSettings(config or Config()), Statistics()
    for stage, took_ms in stages_ms.items():
        for _ in range(200):
            statistics.took(Stage(stage), round(took_ms * MS))
    return LatencyBudget(settings, statistics), settings, statistics


def deadline_ms(settings):
    return settings().sync.deadline_ns / 1e6


def test_sets_wait_for_the_bound_less_what_follows():
    budget, settings, _ = budget_of(processing=47, inference=30, wire=50, total=99)
    budget.adapt()
    assert deadline_ms(settings) == pytest.approx(53)


@pytest.mark.parametrize(('processing_ms', 'expected_ms'), [(1, 120), (95, 105), (190, 80), (400, 80)])
def test_a_slow_engine_leaves_some_time_and_an_idle_one_not_all(processing_ms, expected_ms):
    budget, settings, _ = budget_of(Config(bound_ms=200.0), processing=processing_ms)
    budget.adapt()
    assert deadline_ms(settings) == pytest.approx(expected_ms)


def test_a_deadline_that_was_set_stays():
    budget, settings, _ = budget_of(Config(sync=SyncConfig(deadline_ms=33.0)), processing=10)
    budget.adapt()
    assert deadline_ms(settings) == 33.0
    settings.change(Config(sync=SyncConfig(deadline_ms=25.0)))
    assert deadline_ms(settings) == 25.0


def test_settings_that_change_keep_what_was_derived():
    budget, settings, _ = budget_of(processing=45)
    budget.adapt()
    settings.change(Config(sync=SyncConfig(slop_ms=7.0)))
    assert (deadline_ms(settings), settings().sync.slop_ms) == (pytest.approx(55), 7.0)
    settings.change(Config(bound_ms=200.0))
    budget.adapt()
    assert deadline_ms(settings) == pytest.approx(120)


def test_a_small_bound_leaves_the_cameras_no_more_than_their_share():
    budget, settings, _ = budget_of(Config(bound_ms=30.0))
    assert deadline_ms(settings) == pytest.approx(18)
    settings.change(Config(bound_ms=200.0))
    budget.adapt()
    assert deadline_ms(settings) == pytest.approx(120)
    settings.change(Config(bound_ms=80.0))  # at once, without waiting for the next measurement
    assert deadline_ms(settings) == pytest.approx(48)


def test_until_something_was_measured_sets_wait_for_forty_milliseconds():
    assert SyncConfig().deadline_ns == 40 * MS
    assert deadline_ms(CurrentSettings(Config())) == 40.0


def test_a_result_is_worth_the_bound_less_its_age_and_what_follows():
    budget, settings, statistics = budget_of()
    assert budget.within_s(10 * MS, 40 * MS) == pytest.approx(0.070)
    assert budget.within_s(10 * MS, 210 * MS) == pytest.approx(-0.100)
    assert budget.within_s(50 * MS, 40 * MS) == pytest.approx(0.100)  # a stamp ahead of the clock
    settings.change(Config(bound_ms=50.0))
    assert budget.within_s(10 * MS, 40 * MS) == pytest.approx(0.020)
    statistics.took(Stage.AFTER_INFERENCE, 7 * MS)
    budget.adapt()
    assert budget.within_s(0, 0) == pytest.approx(0.043)


def test_a_few_slow_results_are_no_reason_to_give_up_all():
    """What follows a run takes 5 ms, but a second once in a while. The bound is 100 ms."""
    budget, _, statistics = budget_of()
    for number in range(400):
        statistics.took(Stage.AFTER_RUN, (1000 if number % 20 == 0 else 5) * MS)
    budget.adapt()
    assert budget.after_run_ns == 25 * MS


def test_stages_that_are_slow_at_different_times_are_not_added_up():
    """Each of two stages is slow in 1 of 50 sets, never in the same: their sum is seldom twice as slow."""
    budget, settings, statistics = budget_of(Config(bound_ms=500.0))
    for number in range(400):
        decode_ms = 100 if number % 50 == 0 else 1
        fuse_ms = 100 if number % 50 == 25 else 1
        statistics.took(Stage.AFTER_INFERENCE, (decode_ms + fuse_ms) * MS)
        statistics.took(Stage.PROCESSING, (decode_ms + fuse_ms) * MS)
        statistics.took(Stage.DECODE, decode_ms * MS)
        statistics.took(Stage.FUSE, fuse_ms * MS)
    budget.adapt()
    assert statistics.of_sets(Stage.DECODE).p99 + statistics.of_sets(Stage.FUSE).p99 == 200.0
    assert statistics.of_sets(Stage.PROCESSING).p99 == 101.0
    assert deadline_ms(settings) == pytest.approx(300)  # at most 0.6 of the bound
