"""What every adapter promises that talks with other processes: who is seen, missed, refused and let go."""

import base64
import threading
from dataclasses import asdict

import pytest
from graph_harness import DOMAIN_ID, NEEDS, Inbox, eventually, same
from graph_messages import IMAGE, STRING, stream_of, string
from graph_programs import run_python

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import RELIABLE, SENSOR_DATA


@pytest.fixture(scope='module', params=NEEDS)
def kind(request):
    needed = NEEDS[request.param]
    pytest.importorskip(needed, reason=f'the {request.param} adapter needs {needed}, which is not installed')
    return request.param


def test_ros_sees_a_node_with_its_topics_until_it_leaves(peer, graphs):
    first = graphs(node_name='first', namespace='/robot')
    graphs(node_name='second')  # a second participant in this process
    first.advertise('/words', STRING, RELIABLE)
    first.subscribe('/words', STRING, RELIABLE, Inbox())
    first.subscribe('/words', STRING, SENSOR_DATA, Inbox())
    alone, readers_and_writers = ['/', 'second', 0, 0], ['/robot', 'first', 2, 1]
    eventually(lambda: sorted(peer.nodes(count=2)) == [alone, readers_and_writers])
    first.close()
    assert peer.nodes(count=1) == [alone]


def test_problems_of_others_are_not_ours(graph, peer, graphs):
    other = graphs(node_name='other')
    other.subscribe('/words', IMAGE, RELIABLE, Inbox())
    peer.talk(topic='/words', type=STRING, qos=asdict(RELIABLE))
    eventually(lambda: other.qos_problems() != [])
    eventually(lambda: graph.topics() != [])
    assert graph.qos_problems() == []


def test_a_type_nobody_defined_is_refused(graph):
    with pytest.raises(GraphError, match='not known'):
        graph.advertise('/custom', 'my_msgs/msg/Custom', RELIABLE)
    with pytest.raises(GraphError, match='not known'):
        graph.subscribe('/custom', 'my_msgs/msg/Custom', RELIABLE, Inbox())


@pytest.mark.parametrize('cdr', [b'', b'\0', b'\0\1\0', b'words, plain'])
def test_bytes_without_the_encapsulation_header_are_refused(graph, cdr):
    publisher = graph.advertise('/words', STRING, RELIABLE)
    with pytest.raises(GraphError, match=r'/words.*String'):
        publisher.publish(cdr)
    publisher.publish(string('fine'))


def test_a_killed_peer_is_missed_and_its_successor_heard(graph, newcomers):
    first = newcomers()
    inbox = Inbox()
    graph.subscribe('/camera', STRING, SENSOR_DATA, inbox)
    publisher = graph.advertise('/map', STRING, RELIABLE)
    first.talk(topic='/camera', type=STRING, qos=asdict(RELIABLE))
    first.listen(topic='/map', type=STRING, qos=asdict(RELIABLE))
    first.stream(topic='/camera', **stream_of('first'))
    inbox.wait(20)
    eventually(lambda: publisher.subscribers() == 1)
    first.kill()
    for _ in range(50):  # into the void, while discovery still believes in it
        publisher.publish(string('anybody?'))
    eventually(lambda: publisher.subscribers() == 0, 'the killed subscriber gone')
    eventually(lambda: '/camera' not in {info.name for info in graph.topics()}, 'the killed publisher gone')

    second = newcomers()
    second.listen(topic='/map', type=STRING, qos=asdict(RELIABLE))
    second.talk(topic='/camera', type=STRING, qos=asdict(RELIABLE))
    count = len(inbox.messages)
    second.stream(topic='/camera', **stream_of('second'))
    assert same(inbox.wait(count + 20)[-20:], [string('second')] * 20)
    eventually(lambda: publisher.subscribers() == 1)
    assert second.matched(topic='/map')
    publisher.publish(string('welcome'))
    (got,) = second.received(topic='/map', count=1)
    assert same([base64.b64decode(got)], [string('welcome')])


def test_close_leaves_no_thread_and_silences_a_running_stream(peer, graphs):
    before = set(threading.enumerate())
    graph = graphs()
    inbox = Inbox()
    peer.talk(topic='/words', type=STRING, qos=asdict(RELIABLE))
    graph.subscribe('/words', STRING, RELIABLE, inbox)
    peer.stream(topic='/words', **stream_of('again'))
    inbox.wait(20)
    graph.close()
    count = len(inbox.messages)
    again = graphs()  # the stream goes on, as somebody else sees
    other = Inbox()
    again.subscribe('/words', STRING, RELIABLE, other)
    other.wait(20)
    again.close()
    assert len(inbox.messages) == count
    eventually(lambda: set(threading.enumerate()) == before, 'the threads gone')


def test_a_program_that_forgets_to_close_ends_in_order(kind, peer):
    script = f"""
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import make_graph, RELIABLE
graph = make_graph(GraphConfig(kind={kind!r}, domain_id={DOMAIN_ID}, loopback=True, node_name='forgetful'))
graph.subscribe('/words', {STRING!r}, RELIABLE, lambda cdr, received_ns: None)
publisher = graph.advertise('/words', {STRING!r}, RELIABLE)
large = b'x' * 200_000 + b'\\0'  # through shared memory, where there is some
publisher.publish(b'\\0\\1\\0\\0' + len(large).to_bytes(4, 'little') + large)
print('done')
"""
    ended = run_python(script)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, 'done\n', '')
    assert peer.nodes(count=0) == []
