"""What only the memory adapter promises: synchronous delivery, no copies, one message at a time."""

import threading

import pytest

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import CAMERA_INPUT, LATCHED, RELIABLE, SENSOR_DATA, MemoryBus, MemoryGraph, Qos

TYPE = 'std_msgs/msg/String'


def test_the_subscriber_gets_the_very_buffer_before_publish_returns():
    graph = MemoryGraph(clock_ns=lambda: 17)
    got = []
    graph.subscribe('/a', TYPE, SENSOR_DATA, lambda cdr, received_ns: got.append((cdr, received_ns)))
    payload = bytearray(b'\0\1\0\0hello')
    graph.advertise('/a', TYPE, RELIABLE).publish(payload)
    assert got[0][0] is payload
    assert got == [(payload, 17)]


def test_graphs_meet_only_on_the_same_bus():
    bus = MemoryBus()
    here, there, island = MemoryGraph(bus), MemoryGraph(bus), MemoryGraph()
    got = []
    for name, graph in (('there', there), ('island', island)):
        graph.subscribe('/a', TYPE, RELIABLE, lambda cdr, _, name=name: got.append((name, cdr)))
    publisher = here.advertise('/a', TYPE, RELIABLE)
    publisher.publish(b'x')
    assert got == [('there', b'x')]
    assert publisher.subscribers() == 1
    assert island.topics() == []


def test_publishing_from_a_callback_to_its_own_topic_queues_behind():
    graph = MemoryGraph()
    got = []
    publisher = graph.advertise('/a', TYPE, RELIABLE)

    def again(cdr, _):
        if cdr == b'first':
            publisher.publish(b'second')
        got.append(cdr)

    graph.subscribe('/a', TYPE, RELIABLE, again)
    publisher.publish(b'first')
    assert got == [b'first', b'second']


def test_a_chain_of_topics_is_through_when_publish_returns():
    graph = MemoryGraph()
    got = []
    second = graph.advertise('/b', TYPE, RELIABLE)
    graph.subscribe('/a', TYPE, RELIABLE, lambda cdr, _: [second.publish(cdr) for _ in range(30)])
    graph.subscribe('/b', TYPE, RELIABLE, lambda cdr, _: got.append(cdr))
    graph.advertise('/a', TYPE, RELIABLE).publish(b'x')
    assert got == [b'x'] * 30  # more than the depth: nothing waits, so nothing is overwritten


def test_two_threads_reach_a_subscription_one_at_a_time_and_a_full_queue_loses_the_oldest():
    graph = MemoryGraph()
    entered, leave = threading.Event(), threading.Event()
    got = []

    def slow(cdr, _):
        if cdr == b'0':
            entered.set()
            assert leave.wait(10)
        got.append((cdr, threading.current_thread()))

    graph.subscribe('/a', TYPE, Qos(depth=2), slow)
    publisher = graph.advertise('/a', TYPE, RELIABLE)
    other = threading.Thread(target=publisher.publish, args=(b'0',))
    other.start()
    assert entered.wait(10)
    for payload in (b'1', b'2', b'3'):
        publisher.publish(payload)  # returns: the other thread delivers
    assert got == []
    leave.set()
    other.join(10)
    assert got == [(b'0', other), (b'2', other), (b'3', other)]


def test_close_waits_for_a_callback_on_another_thread():
    graph = MemoryGraph()
    entered, leave, closed = threading.Event(), threading.Event(), threading.Event()
    done = []

    def slow(_cdr, _):
        entered.set()
        assert leave.wait(10)
        done.append(closed.is_set())

    graph.subscribe('/a', TYPE, RELIABLE, slow)
    publisher = graph.advertise('/a', TYPE, RELIABLE)
    threads = [
        threading.Thread(target=publisher.publish, args=(b'x',)),
        threading.Thread(target=lambda: (graph.close(), closed.set())),
    ]
    threads[0].start()
    assert entered.wait(10)
    threads[1].start()
    assert not closed.wait(0.05)  # can only fail to notice a fault, never invent one
    leave.set()
    for thread in threads:
        thread.join(10)
    assert done == [False]
    assert closed.is_set()


def test_close_from_within_a_callback_returns():
    graph = MemoryGraph()
    got = []
    graph.subscribe('/a', TYPE, RELIABLE, lambda cdr, _: (graph.close(), got.append(cdr)))
    publisher = graph.advertise('/a', TYPE, RELIABLE)
    publisher.publish(b'x')
    with pytest.raises(GraphError, match='closed'):
        publisher.publish(b'y')
    assert got == [b'x']


@pytest.mark.parametrize(
    ('offered', 'requested', 'policy'),
    [
        (SENSOR_DATA, RELIABLE, 'reliability'),
        (RELIABLE, LATCHED, 'durability'),
        (RELIABLE, SENSOR_DATA, None),
        (LATCHED, RELIABLE, None),
        (LATCHED, LATCHED, None),
        (SENSOR_DATA, CAMERA_INPUT, None),
        (LATCHED, CAMERA_INPUT, None),
        (Qos('best_available'), RELIABLE, None),
        (Qos('best_available', 'best_available'), LATCHED, None),
    ],
)
def test_qos_matches_as_in_dds(offered, requested, policy):
    bus = MemoryBus()
    here, there = MemoryGraph(bus), MemoryGraph(bus)
    got = []
    there.subscribe('/a', TYPE, requested, lambda cdr, _: got.append(cdr))
    publisher = here.advertise('/a', TYPE, offered)
    publisher.publish(b'x')
    assert got == ([b'x'] if policy is None else [])
    assert publisher.subscribers() == (policy is None)
    for graph in (here, there):
        assert [(p.topic, p.policy) for p in graph.qos_problems()] == ([('/a', policy)] if policy else [])


def test_another_type_on_the_same_topic_is_reported():
    graph = MemoryGraph()
    graph.advertise('/a', TYPE, RELIABLE)
    graph.subscribe('/a', 'std_msgs/msg/Bool', RELIABLE, lambda *_: None)
    (problem,) = graph.qos_problems()
    assert problem.policy == 'type'
    assert 'std_msgs/msg/Bool' in problem.remedy
    assert TYPE in problem.remedy
