"""Percentiles over a sliding window, losses by cause."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.pipeline.health.statistics import WINDOW, Durations, Statistics


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=300))
def test_a_percentile_is_a_value_that_enough_others_do_not_exceed(durations):
    ring = Durations()
    for duration_ns in durations:
        ring.add(duration_ns)
    found = ring.percentiles()
    values = np.array(durations) / 1e6
    for share, value in ((0.5, found.p50), (0.95, found.p95), (0.99, found.p99)):
        assert value in values
        assert (values <= value).mean() >= share
        assert (values < value).mean() < share
    assert found.worst == values.max()


def test_the_window_slides_and_never_grows():
    ring = Durations()
    for _ in range(WINDOW):
        ring.add(10**9)
    for _ in range(WINDOW):
        ring.add(1_000_000)
    assert ring.percentiles().n == WINDOW
    assert ring.percentiles().worst == 1.0


def test_nothing_added_is_no_percentile():
    assert Durations().percentiles() is None
    assert Statistics().stages() == {}


def test_stages_come_in_the_order_of_the_data_path_and_losses_by_cause():
    statistics = Statistics()
    statistics.took('publish', 3_000_000)
    statistics.took('wire', 1_000_000, 'b')
    statistics.took('wire', 2_000_000, 'a')
    statistics.lost('late', 'a')
    statistics.lost('late', 'a', 2)
    statistics.lost('jump', 'b')
    assert list(statistics.stages()) == ['wire', 'publish']
    assert statistics.stages()['wire']['a'].p50 == 2.0
    assert statistics.drops() == {'jump': {'b': 1}, 'late': {'a': 3}}


def test_one_slow_first_run_is_not_what_a_stage_usually_takes():
    statistics = Statistics()
    statistics.took('fuse', 163_000_000)
    for _ in range(60):
        statistics.took('fuse', 7_000_000)
    assert statistics.p99_ms('fuse') == 7.0
    for _ in range(200):
        statistics.took('fuse', 9_000_000)
    assert statistics.p99_ms('fuse', 'publish') == 9.0


def test_medians_of_stages_are_summed():
    statistics = Statistics()
    for stage, durations in (('decode', (1, 2, 90)), ('fuse', (5, 6, 7))):
        for took in durations:
            statistics.took(stage, took * 1_000_000)
    assert statistics.median_ms('decode', 'fuse', 'publish') == 8.0
