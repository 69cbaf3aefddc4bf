"""The choice of a load, as a function of measured costs; and one real trial."""

import math

import pytest

from stream_infer_ros.config import parse_config
from stream_infer_ros.demo.load import LOADS, Load, TrialCosts, choose_load, fits
from stream_infer_ros.demo.load_trial import LoadTrial
from stream_infer_ros.pipeline.network import Network

FAST, SLOW = TrialCosts(40.0, 45.0, 200.0), TrialCosts(90.0, 120.0, 200.0)


@pytest.mark.parametrize(
    ('costs', 'expected'),
    [
        (TrialCosts(60.0, 65.0, 72.0), True),
        (TrialCosts(56.0, 62.0, 72.0), True),
        (TrialCosts(60.0, 66.0, 72.0), False),  # p99 of 102 ms is expected
        (TrialCosts(30.0, 60.0, 72.0), False),  # a lower median, but more scatter
        (TrialCosts(60.0, 65.0, 71.0), False),  # the renderers have no reserve
        (TrialCosts(60.0, math.inf, 72.0), False),
        (TrialCosts(math.inf, math.inf, 72.0), False),
    ],
)
def test_a_load_fits_with_room_for_latency_and_rendering(costs, expected):
    assert fits(Load(6, 10.0), costs, 100.0) is expected


@pytest.mark.parametrize('largest', range(len(LOADS)))
def test_the_largest_load_that_fits_is_chosen(largest):
    tried = []

    def measure(load):
        tried.append(load)
        return FAST if load in LOADS[largest:] else SLOW

    choice = choose_load(measure, 100.0)
    assert (choice.load, choice.fits) == (LOADS[largest], True)
    assert tried == list(LOADS[: largest + 1])


def test_the_smallest_load_is_tried_if_none_fits():
    choice = choose_load(lambda _: SLOW, 100.0)
    assert (choice.load, choice.fits) == (Load(2, 5.0), False)
    assert 'too busy' in choice.message()


def test_the_message_names_the_load_and_how_to_force_another():
    assert choose_load(lambda _: FAST, 100.0).message() == ''
    smaller = choose_load(lambda load: FAST if load.cameras == 4 else SLOW, 100.0)
    assert smaller.message() == (
        'This machine is busy: 4 cameras at 5 Hz. Use --cameras and --rate to force another load.'
    )


def test_a_larger_bound_allows_a_larger_load():
    assert choose_load(lambda _: SLOW, 200.0).load == LOADS[0]


def test_a_trial_measures_the_real_pipeline_and_the_real_renderers():
    config = parse_config({'cameras': ['cam0'], 'engine': {'kind': 'fake'}}, 'test')
    # The bound is generous, because a busy machine is not what is tested.
    with Network(config) as network, LoadTrial(network, seed=1, bound_ms=5000.0) as trial:
        costs = trial.measure(Load(2, 5.0))
    # On a busy machine a set may be superseded, and the worst then never comes.
    assert 0 < costs.p50_ms <= costs.worst_ms
    assert costs.p50_ms < 5000.0
    assert costs.rendered_per_s > 0
