"""Slot and inbox: bounded, newest wins, every loss counted."""

import threading
from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.pipeline.inbox import Inbox
from stream_infer_ros.pipeline.slot import Slot


@given(st.integers(1, 4), st.lists(st.booleans(), max_size=40))
def test_a_slot_keeps_the_newest_and_counts_the_rest(capacity, moves):
    slot, model, lost = Slot(capacity), deque(maxlen=capacity), 0
    for number, is_put in enumerate(moves):
        if is_put:
            expected = model[0] if len(model) == capacity else None
            model.append(number)
            assert slot.put(number) == expected
            lost += expected is not None
        else:
            assert slot.take(0) == (model.popleft() if model else None)
    statistics = slot.statistics()
    assert statistics.dropped == lost
    assert statistics.put == statistics.taken + statistics.dropped + statistics.waiting


def test_closing_wakes_who_waits():
    slot = Slot(1)
    taken = []
    waiter = threading.Thread(target=lambda: taken.append(slot.take(None)))
    waiter.start()
    slot.close()
    waiter.join(timeout=10)
    assert taken == [None]


def test_what_was_inside_at_closing_can_be_taken():
    slot = Slot(2)
    slot.put('a')
    slot.close()
    assert slot.take(None) == 'a'
    assert slot.take(None) is None


def test_a_burst_of_one_source_pushes_out_nobody_else():
    inbox = Inbox({'tf': 10, 'a': 2, 'b': 2})
    inbox.put('b', b'b0', 1)
    inbox.put('tf', b't0', 2)
    kept = [inbox.put('a', bytes([i]), i) for i in range(5)]
    assert kept == [True, True, False, False, False]
    assert inbox.drain() == [('b', b'b0', 1), ('tf', b't0', 2), ('a', b'\x03', 3), ('a', b'\x04', 4)]
    assert inbox.statistics()['a'].dropped == 3
    assert inbox.statistics()['b'].dropped == 0
    assert inbox.drain() == []


def test_many_writers_lose_nothing_uncounted():
    inbox = Inbox({'x': 7})
    writers = [
        threading.Thread(target=lambda: [inbox.put('x', b'', 0) for _ in range(500)]) for _ in range(4)
    ]
    seen = 0
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        seen += len(inbox.drain())
    seen += len(inbox.drain())
    statistics = inbox.statistics()['x']
    assert statistics.received == 2000
    assert seen + statistics.dropped == 2000
