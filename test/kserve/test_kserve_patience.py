"""How long servers are waited for that are too slow, in simulated time."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.inference.engines.kserve.patience import (
    AFTER_S,
    LONGEST_S,
    MOST_MISSES,
    SILENCE_S,
    Pace,
    PaceLog,
    Patience,
)

PERIOD_S = 0.1


class Server:
    """Answers after `takes_s`; runs begin every PERIOD_S, or when one ends, each worth `left_s`."""

    def __init__(self, takes_s, left_s=0.06, patience=None):
        self.patience = patience or Patience()
        self.takes_s, self.left_s, self.now_s = takes_s, left_s, 50.0
        self.answered_s = []

    def run(self, seconds):
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            start_s = self.now_s
            wait_s = self.patience.wait_s(self.left_s, start_s)
            taken_s = min(self.takes_s, max(0.0, wait_s))
            self.patience.ended(self.takes_s <= wait_s, start_s + taken_s)
            if self.takes_s <= wait_s:
                self.answered_s.append(start_s + taken_s)
            self.now_s = start_s + max(PERIOD_S, taken_s)
        return self


def test_a_server_that_is_in_time_is_waited_for_no_longer_than_it_may_take():
    server = Server(0.05).run(5.0)
    assert server.patience.pace is Pace.IN_TIME
    assert server.patience.wait_s(0.06, server.now_s) == 0.06


def test_one_that_is_always_late_gives_late_results_and_soon():
    server = Server(0.3).run(10.0)
    assert server.patience.pace is Pace.LATE
    assert server.answered_s[0] < 50.0 + AFTER_S + PERIOD_S + 0.3
    assert len(server.answered_s) > 25, "as fast as it answers: what is run is the schedule's affair"


def test_in_time_again_it_is_held_to_the_bound_again():
    server = Server(0.3).run(3.0)
    server.takes_s = 0.05
    server.run(0.2)
    assert server.patience.pace is Pace.IN_TIME
    assert server.patience.wait_s(0.06, server.now_s) == 0.06


@pytest.mark.parametrize('misses', [1, MOST_MISSES - 1, MOST_MISSES])
def test_a_short_stall_is_no_reason_to_wait(misses):
    server = Server(0.05).run(1.0)
    server.takes_s = 9.0
    server.run(misses * PERIOD_S - PERIOD_S / 2)
    assert server.patience.wait_s(0.06, server.now_s) == 0.06


def test_sets_that_are_too_old_from_the_start_are_run_too():
    """As on an engine of this machine: another host's clock, or a slow network before us."""
    server = Server(0.04, left_s=-0.2).run(5.0)
    assert server.patience.pace is Pace.LATE
    assert len(server.answered_s) > 30


def test_a_limit_of_the_user_is_kept():
    server = Server(0.3, patience=Patience(0.05)).run(5.0)
    assert not server.answered_s
    assert server.patience.pace is Pace.NONE
    assert server.patience.wait_s(0.02, server.now_s) == 0.05


def test_misses_that_take_no_time_are_none_of_too_little_of_it():
    patience = Patience()
    for tick in range(100):
        patience.wait_s(0.06, tick * PERIOD_S)
        patience.ended(False, tick * PERIOD_S + 0.001)
    assert patience.pace is Pace.IN_TIME


@given(st.lists(st.tuples(st.floats(0.001, 8.0), st.floats(-0.5, 0.5), st.booleans()), max_size=60))
def test_it_never_waits_less_than_the_run_is_worth_nor_longer_than_its_limit(runs):
    patience, now_s = Patience(), 0.0
    for takes_s, left_s, answers in runs:
        wait_s = patience.wait_s(left_s, now_s)
        assert left_s <= wait_s <= max(left_s, LONGEST_S)
        now_s += min(takes_s, max(wait_s, 0.0))
        patience.ended(answers and takes_s <= wait_s, now_s)
        if answers and takes_s <= left_s:
            assert patience.pace is Pace.IN_TIME
        now_s += 0.05


def test_what_is_said_names_what_was_measured_the_bound_and_the_remedy(caplog):
    caplog.set_level(logging.WARNING)
    log = PaceLog()
    for tick in range(50):
        log.note(Pace.LATE, 6, 0.312, 0.06, 0.3, tick * PERIOD_S)
    (said,) = [record.getMessage() for record in caplog.records]
    for words in ('6 images took 312 ms', '60 ms left of bound_ms', 'raise it by 252 ms'):
        assert words in said
    caplog.clear()
    log.note(Pace.IN_TIME, 6, 0.05, 0.06, 0.3, SILENCE_S + 1.0)
    assert [record.getMessage() for record in caplog.records] == [
        'results of the servers arrive in time again'
    ]


def test_servers_at_the_edge_of_the_bound_are_not_talked_of_all_the_time(caplog):
    caplog.set_level(logging.WARNING)
    log = PaceLog()
    for tick in range(round(SILENCE_S / PERIOD_S)):
        log.note((Pace.LATE, Pace.IN_TIME)[tick % 2], 6, 0.07, 0.06, 0.0, tick * PERIOD_S)
    assert len(caplog.records) == 1


def test_a_timeout_that_is_too_short_is_named(caplog):
    caplog.set_level(logging.WARNING)
    PaceLog(50.0).note(Pace.NONE, 6, 0.05, 0.04, 0.312, 1.0)
    PaceLog().note(Pace.NONE, 6, 5.0, 0.04, 0.0, 1.0)
    short, long = (record.getMessage() for record in caplog.records)
    for words in ('within 50 ms, which engine.kserve.timeout_ms allows', 'took 312 ms', 'raise it, or'):
        assert words in short
    assert 'within 5000 ms;' in long
    assert 'timeout_ms' not in long
