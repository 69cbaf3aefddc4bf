"""What a batch costs, from what was measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.pipeline.scheduling.cost_model import FEW, WINDOW, CostModel


def model(**runs):
    costs = CostModel(8)
    for n, durations in runs.items():
        for duration in durations:
            costs.took(int(n[1:]), duration)
    return costs


def test_nothing_measured_costs_nothing():
    assert CostModel(8).cost_ns(3) == 0.0


def test_shares_of_the_runs_of_one_size():
    costs = model(n2=[30, 10, 20, 40])
    assert costs.cost_ns(2, 0.0) == 10
    assert costs.cost_ns(2, 0.5) == 20
    assert costs.cost_ns(2, 0.95) == 20  # four runs are too few to tell
    costs = model(n2=range(1, 101))
    assert costs.cost_ns(2, 0.5) == pytest.approx(68, abs=1)  # of the last 64: 37 to 100
    assert costs.cost_ns(2, 0.95) == pytest.approx(96, abs=1)


def test_a_slow_first_run_is_no_rule():
    costs = model(n4=[300])
    costs.took(4, 15)
    assert costs.cost_ns(4, 0.95) == 15


def test_sizes_between_and_beyond_lie_on_the_line():
    costs = model(n2=[20], n6=[40])
    assert costs.cost_ns(4) == pytest.approx(30)
    assert costs.cost_ns(8) == pytest.approx(50)
    assert costs.cost_ns(1) == pytest.approx(15)


def test_one_size_tells_a_larger_one_in_proportion_and_none_smaller():
    costs = model(n4=[40])
    assert costs.cost_ns(8) == pytest.approx(80)
    assert costs.cost_ns(1) == pytest.approx(40)


def test_a_larger_batch_is_never_thought_cheaper_than_the_measured_ones_around_it():
    costs = model(n2=[50], n6=[20])
    assert costs.cost_ns(4) == pytest.approx(50)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=3 * WINDOW), st.floats(0, 1))
def test_only_the_last_runs_count(durations, share):
    costs = model(n1=durations)
    last = sorted(durations[-WINDOW:])
    cost = costs.cost_ns(1, share)
    assert cost in last
    assert sum(one <= cost for one in last) >= min(share, 0.5) * (len(last) - 1)
    assert cost <= costs.cost_ns(1, 1.0) or len(last) < FEW
