"""The largest number that is held: decisions, without a pipeline."""

from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.capacity import most_held


@given(st.integers(0, 100), st.integers(1, 100))
def test_the_largest_number_that_is_held_is_found_in_few_trials(capacity, most):
    tried = []

    def holds(streams):
        tried.append(streams)
        return streams <= capacity

    assert most_held(holds, most, confirmations=5) == min(capacity, most)
    assert max(tried) <= most
    assert len(tried) <= 2 * 7 + 2 + 5


@given(st.integers(2, 60), st.integers(1, 20))
def test_a_winner_that_does_not_hold_again_is_not_believed(lucky, steady):
    """Above `steady` a number holds once, below it always."""
    seen = set()

    def holds(streams):
        first = streams not in seen
        seen.add(streams)
        return streams <= steady or (first and streams <= lucky)

    assert most_held(holds, 64, confirmations=5) <= max(steady, 0)


def test_every_confirmation_is_run():
    tried = []
    most_held(lambda streams: tried.append(streams) or streams <= 3, 64, confirmations=5)
    assert tried[-5:] == [3] * 5


def test_nothing_held_is_none():
    assert most_held(lambda _: False, 64) == 0
