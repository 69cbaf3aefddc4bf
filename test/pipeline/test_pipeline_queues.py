"""Inbox and results: bounded, newest wins, every loss counted."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import Config
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.live_settings import CurrentSettings
from stream_infer_ros.pipeline.runtime.in_order import InOrder
from stream_infer_ros.pipeline.runtime.inbox import Inbox
from stream_infer_ros.pipeline.runtime.work_queue import WorkQueue
from stream_infer_ros.pipeline.scheduling import LatencyBudget, NewestSet
from stream_infer_ros.sync.matched import matched_set


@given(st.integers(1, 4), st.permutations(range(12)), st.lists(st.booleans(), min_size=40, max_size=40))
def test_results_leave_in_order_and_every_loss_is_told(capacity, finished, moves):
    """Whatever order three workers finish in, and however slowly results are taken."""
    results, taken, lost, waiting = InOrder(capacity), [], [], list(finished)
    for is_put in moves:
        if is_put and waiting:
            told = results.put(waiting[0], waiting.pop(0))
            lost += [] if told is None else [told]
        else:
            one = results.take(0)
            taken += [] if one is None else [one]
    assert taken == sorted(taken)
    assert not set(taken) & set(lost)
    put = set(finished) - set(waiting)
    results.close()
    while (one := results.take(0)) is not None:
        taken.append(one)
    # Only numbers behind one that has not come yet may still wait.
    left = put - set(taken) - set(lost)
    assert len(left) <= capacity
    assert not waiting or all(number > min(waiting) for number in left)
    assert waiting or not left


def test_one_worker_that_keeps_up_loses_nothing():
    results = InOrder(1)
    for number in range(5):
        assert results.put(number, number) is None
        assert results.take(0) == number


def test_a_result_waits_for_the_one_before_it():
    results = InOrder(4)
    results.put(1, 'b')
    assert results.take(0) is None
    results.put(0, 'a')
    assert [results.take(0), results.take(0)] == ['a', 'b']


def test_a_worker_that_hangs_costs_no_result_of_another():
    results = InOrder(3)
    assert [results.put(number, number) for number in (1, 2)] == [None, None]
    assert results.take(0) is None
    assert results.put(3, 3) is None  # full: number 0 is not waited for
    assert [results.take(0) for _ in range(3)] == [1, 2, 3]
    assert results.put(0, 0) == 0
    assert results.put(4, 4) is None
    assert results.take(0) == 4


def test_closing_wakes_who_waits():
    results = InOrder(1)
    taken = []
    waiter = threading.Thread(target=lambda: taken.append(results.take(None)))
    waiter.start()
    results.close()
    waiter.join(timeout=10)
    assert taken == [None]


def test_a_burst_of_one_source_pushes_out_nobody_else():
    statistics = Statistics()
    inbox = Inbox({'tf': 10, 'a': 2, 'b': 2}, statistics, senders={'a': 'camera'})
    inbox.put('b', b'b0', 1)
    inbox.put('tf', b't0', 2)
    for i in range(5):
        inbox.put('a', bytes([i]), i)
    assert statistics.drops() == {'inbox_full': {'camera': 3}}
    assert inbox.drain() == [('b', b'b0', 1), ('tf', b't0', 2), ('a', b'\x03', 3), ('a', b'\x04', 4)]
    assert inbox.drain() == []


def test_a_quiet_source_wakes_nobody_and_is_drained_with_what_comes_next():
    statistics = Statistics()
    inbox = Inbox({'info': 1, 'image': 2}, statistics, quiet={'info'})
    inbox.put('info', b'old', 0)
    inbox.put('info', b'i', 1)
    assert not inbox.wait(0.0)
    inbox.put('image', b'p', 2)
    assert inbox.wait(0.0)
    assert inbox.drain() == [('info', b'i', 1), ('image', b'p', 2)]
    assert statistics.drops() == {}


def test_many_writers_lose_nothing_uncounted():
    statistics = Statistics()
    inbox = Inbox({'x': 7}, statistics)
    writers = [
        threading.Thread(target=lambda: [inbox.put('x', b'', 0) for _ in range(500)]) for _ in range(4)
    ]
    seen = 0
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        seen += len(inbox.drain())
    seen += len(inbox.drain())
    assert seen + statistics.drops().get('inbox_full', {}).get('x', 0) == 2000


def test_messages_leave_in_the_order_of_arrival_whatever_their_topic():
    """A thread that was held up would otherwise see one camera's time jump against the other's."""
    inbox = Inbox({'a': 5, 'b': 5}, Statistics())
    for second in range(5):
        for topic in ('b', 'a'):
            inbox.put(topic, b'', second)
    drained = inbox.drain()
    assert [message.received_ns for message in drained] == sorted(message.received_ns for message in drained)
    assert [message.topic for message in drained] == ['a', 'b'] * 5


def test_a_forced_run_still_has_time_to_be_answered():
    """A server is asked only if time is left. Of a set that is late by its age there would never be any."""
    settings, statistics = CurrentSettings(Config()), Statistics()
    budget = LatencyBudget(settings, statistics)
    schedule = NewestSet(budget, 1)
    for _ in range(20):
        schedule.took(1, 500_000_000)  # far more than the bound
    work = WorkQueue(schedule, budget, lambda: 300_000_000, statistics)
    work.put(matched_set([Frame('a', 0, 0, None, 'rgb8', 'a')]))
    assert next(work).within_s == 0.1
