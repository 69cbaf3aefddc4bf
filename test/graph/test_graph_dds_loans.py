"""Messages that Cyclone lends are given back, each once, and with the last view of them."""

import threading
from dataclasses import asdict

import numpy as np
import pytest
from graph_harness import eventually
from graph_messages import STRING, encoded, string

from stream_infer_ros.graph import Qos

pytest.importorskip('cyclonedds', reason='the dds adapter needs cyclonedds, which is not installed')

DEEP = Qos('reliable', 'volatile', 100)
LARGE, SMALL = 500_000, 10


@pytest.fixture(scope='module')
def kind():
    return 'dds'


@pytest.fixture
def returned(monkeypatch):
    """Samples that Cyclone has back: those whose bytes are no longer read, those that are its own again."""
    from stream_infer_ros.graph.dds import calls  # noqa: PLC0415

    read, released = [], []
    give_back, release = calls._give_back, calls._release

    def giving_back(sample, buffer):
        read.append(sample)
        give_back(sample, buffer)

    def releasing(sample):
        released.append(sample)
        release(sample)

    monkeypatch.setattr(calls, '_give_back', giving_back)
    monkeypatch.setattr(calls, '_release', releasing)
    return read, released


@pytest.fixture
def kept(graph, peer):
    """Messages of /words as they came, and what sends some more and waits for them."""
    messages, came = [], threading.Semaphore(0)

    def keep(cdr, _):
        messages.append(cdr)
        came.release()

    def send(sizes):
        for size in sizes:
            peer.send(topic='/words', payloads=[encoded(string('x' * size))])
            assert came.acquire(timeout=30)

    peer.talk(topic='/words', type=STRING, qos=asdict(DEEP))
    graph.subscribe('/words', STRING, DEEP, keep)
    assert peer.matched(topic='/words')
    return messages, send


def test_a_large_message_is_a_view_that_is_given_back_with_its_last_part(kept, returned):
    messages, send = kept
    read, released = returned
    send([LARGE] * 3)
    views = messages[:]
    messages.clear()
    for view in views:
        assert isinstance(view, memoryview)
        assert (view.readonly, view.format, view.ndim, view.c_contiguous) == (True, 'B', 1, True)
        assert not np.frombuffer(view, np.uint8).flags.writeable
    parts = [view[8:20] for view in views]
    del view, views
    assert (len(read), len(released)) == (0, 0)
    assert [bytes(part) for part in parts] == [b'x' * 12] * 3
    parts.pop()
    eventually(lambda: (len(read), len(released)) == (1, 1), 'the return of one')
    parts.clear()
    eventually(lambda: (len(read), len(released)) == (3, 3), 'the return of all')


def test_a_small_message_is_a_copy_and_given_back_though_it_is_kept(kept, returned):
    messages, send = kept
    read, released = returned
    send([SMALL] * 5)
    assert all(isinstance(message, bytes) for message in messages)
    assert len(messages) == 5
    eventually(lambda: (len(read), len(released)) == (5, 5), 'the return of all')


def test_no_memory_is_kept_for_what_nobody_keeps(kept):
    """What is counted above is what frees it: without, 150 MB would stay."""
    messages, send = kept

    def resident_kb():
        messages.clear()
        with open('/proc/self/status') as status:
            return next(int(line.split()[1]) for line in status if line.startswith('VmRSS'))

    size = 1_000_000
    for _ in range(10):
        send([size])
        messages.clear()
    before_kb = resident_kb()
    for _ in range(150):
        send([size])
        messages.clear()
    assert resident_kb() - before_kb < 30_000
