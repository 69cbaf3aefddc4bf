"""`stream_infer run --seconds N` is N seconds of running."""

import threading

import pytest

from stream_infer_ros.cli.ending import Ending


@pytest.fixture
def made():
    stop, now_s = threading.Event(), [100.0]
    return Ending(stop, 5.0, lambda: now_s[0]), stop, now_s


def test_what_is_made_ready_before_does_not_count(made):
    ending, _, now_s = made
    now_s[0] += 600.0  # an engine is built
    assert not ending.reached()
    assert ending.elapsed_s == 0.0
    ending.begin()
    now_s[0] += 4.9
    assert not ending.reached()
    assert ending.elapsed_s == pytest.approx(4.9)
    now_s[0] += 0.1
    assert ending.reached()


def test_a_signal_ends_it_at_any_time(made):
    ending, stop, _ = made
    assert ending.not_yet('build', 0.5)
    stop.set()
    assert not ending.not_yet('build', 0.5)
    assert ending.reached()


def test_without_a_number_only_a_signal_ends_it():
    stop, now_s = threading.Event(), [0.0]
    ending = Ending(stop, clock_s=lambda: now_s[0])
    ending.begin()
    now_s[0] += 1e9
    assert not ending.reached()
    stop.set()
    assert ending.reached()
