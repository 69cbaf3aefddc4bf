"""What a batch costs, from what was measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.pipeline.scheduling.cost_model import STALE, WINDOW, CostModel


def model(**runs):
    costs = CostModel(8)
    for n, durations in runs.items():
        for duration in durations:
            costs.took(int(n[1:]), duration)
    return costs


def test_nothing_measured_costs_nothing():
    assert CostModel(8).cost_ns(3) == 0.0


def test_the_usual_cost_is_the_median_of_the_last_runs():
    assert model(n2=[30, 10, 20, 40]).cost_ns(2) == 20
    assert model(n2=range(1, 101)).cost_ns(2) == pytest.approx(68, abs=1)  # of the last 64: 37 to 100


def test_a_slow_first_run_is_no_rule():
    costs = model(n4=[300])
    costs.took(4, 15)
    assert costs.cost_ns(4) == 15
    assert costs.slowness() == 1.0


def test_the_slowest_of_the_last_runs_is_remembered_of_all_sizes_together():
    costs = model(n1=[10] * 10, n4=[30] * 3)
    assert costs.slowness() == 1.0
    costs.took(4, 90)
    assert costs.slowness() == pytest.approx(3.0)
    for _ in range(WINDOW):
        costs.took(1, 10)
    assert costs.slowness() == 1.0


def test_sizes_between_and_beyond_lie_on_the_line():
    costs = model(n2=[20], n6=[40])
    assert costs.cost_ns(4) == pytest.approx(30)
    assert costs.cost_ns(8) == pytest.approx(50)
    assert costs.cost_ns(1) == pytest.approx(15)


def test_one_size_tells_a_larger_one_in_proportion_and_none_smaller():
    costs = model(n4=[40])
    assert costs.cost_ns(8) == pytest.approx(80)
    assert costs.cost_ns(1) == pytest.approx(40)


def test_beyond_what_was_run_costs_are_hoped_to_be_in_proportion():
    assert model(n2=[30], n4=[32]).hoped_ns(6) == pytest.approx([15, 30, 31, 32, 40, 48])
    assert model(n4=[40]).hoped_ns(5) == pytest.approx([10, 20, 30, 40, 50])
    assert model(n2=[30], n4=[40]).hoped_ns(4) == pytest.approx([15, 30, 35, 40])
    assert model(n4=[40]).hoped_ns(2) == pytest.approx([10, 20])
    assert CostModel(8).hoped_ns(2) == [0.0, 0.0]


def test_no_batch_is_thought_dearer_than_a_larger_one():
    """A size measured in a slow moment would otherwise stay dear for ever, because it is not run again."""
    costs = model(n2=[50], n6=[20])
    assert costs.costs_ns(6) == [20] * 6


def test_a_size_not_run_for_long_is_forgotten():
    costs = model(n1=[10], n2=[12], n8=[500])
    for _ in range(STALE // 2):
        assert costs.cost_ns(8) == 500
        costs.took(1, 10)
        costs.took(2, 12)
    costs.took(1, 10)
    assert costs.cost_ns(8) == pytest.approx(24)  # on the line through 1 and 2
    assert costs.runs() == 2 * WINDOW


@given(st.dictionaries(st.integers(1, 40), st.integers(1, 10**9), max_size=8), st.integers(1, 50))
def test_all_costs_at_once_are_the_costs_one_by_one(measured, most):
    costs = CostModel(50)
    for n, duration in measured.items():
        costs.took(n, duration)
    together = costs.costs_ns(most)
    assert together == [costs.cost_ns(n) for n in range(1, most + 1)]
    assert together == sorted(together)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=3 * WINDOW))
def test_only_the_last_runs_count(durations):
    last = sorted(durations[-WINDOW:])
    assert model(n1=durations).cost_ns(1) == last[(len(last) - 1) // 2]
