"""Percentiles over a sliding window, losses by cause."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.pipeline.health.durations import WINDOW, Durations
from stream_infer_ros.pipeline.health.statistics import Stage, Statistics


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
    statistics.took(Stage.PUBLISH, 3_000_000)
    statistics.took(Stage.WIRE, 1_000_000, 'b')
    statistics.took(Stage.WIRE, 2_000_000, 'a')
    statistics.lost(DropCause.LATE, 'a')
    statistics.lost(DropCause.LATE, 'a', 2)
    statistics.lost(DropCause.JUMP, 'b')
    assert list(statistics.stages()) == ['wire', 'publish']
    assert statistics.stages()['wire']['a'].p50 == 2.0
    assert statistics.drops() == {'jump': {'b': 1}, 'late': {'a': 3}}


def test_one_slow_first_run_is_not_what_a_stage_usually_takes():
    statistics = Statistics()
    statistics.took(Stage.FUSE, 163_000_000)
    for _ in range(60):
        statistics.took(Stage.FUSE, 7_000_000)
    assert statistics.of_sets(Stage.FUSE).robust_p99 == 7.0
    for _ in range(200):
        statistics.took(Stage.FUSE, 9_000_000)
    assert statistics.of_sets(Stage.FUSE).robust_p99 == 9.0
    assert statistics.of_sets(Stage.PUBLISH) is None
