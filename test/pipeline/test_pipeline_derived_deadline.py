"""How long a set may wait, from what the bound leaves."""

import pytest

from stream_infer_ros.config import Config, SyncConfig
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.scheduling.derived_deadline import DerivedDeadline

MS = 1_000_000


def measured(**stages_ms):
    statistics = Statistics()
    for stage, took_ms in stages_ms.items():
        for _ in range(200):
            statistics.took(stage, round(took_ms * MS))
    return statistics


def test_it_is_the_bound_less_what_follows():
    derived = DerivedDeadline(Config(), measured(processing=47, inference=30, wire=50, total=99))
    assert derived.look().deadline_ms == pytest.approx(53)
    assert derived.look() is None  # nothing new


@pytest.mark.parametrize(('processing_ms', 'expected_ms'), [(1, 120), (95, 105), (190, 80), (400, 80)])
def test_a_slow_engine_leaves_some_time_and_an_idle_one_not_all(processing_ms, expected_ms):
    derived = DerivedDeadline(Config(bound_ms=200.0), measured(processing=processing_ms))
    assert derived.look().deadline_ms == pytest.approx(expected_ms)


def test_a_deadline_that_was_set_stays():
    derived = DerivedDeadline(Config(sync=SyncConfig(deadline_ms=33.0)), measured(processing=10))
    assert derived.look() is None
    assert derived.retune(Config(sync=SyncConfig(deadline_ms=25.0))).deadline_ms == 25.0


def test_settings_that_change_keep_what_was_derived():
    derived = DerivedDeadline(Config(), measured(processing=45))
    derived.look()
    resolved = derived.retune(Config(sync=SyncConfig(slop_ms=7.0)))
    assert (resolved.deadline_ms, resolved.slop_ms) == (pytest.approx(55), 7.0)
    derived.retune(Config(bound_ms=200.0))
    assert derived.look().deadline_ms == pytest.approx(120)


def test_until_something_was_measured_it_is_forty():
    assert SyncConfig().deadline_ns == 40 * MS
    assert DerivedDeadline(Config(), Statistics()).retune(Config()).deadline_ms == 40.0
