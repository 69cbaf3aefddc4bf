"""Behaviour of the dds adapter alone: it acts as a ROS 2 participant, on loopback, and outlives peers."""

import re
import signal
import threading
from dataclasses import asdict

import numpy as np
import pytest
from graph_harness import DOMAIN_ID, Inbox, eventually, on_loopback, same
from graph_messages import DETECTIONS, GRID, STRING, detections, encoded, grid, stream_of, string
from graph_programs import calls_to_the_network, run_python
from loopback import LOOPBACK

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import CAMERA_INPUT, LATCHED, RELIABLE, SENSOR_DATA, Qos, make_graph
from stream_infer_ros.messages.typestore import type_hash

pytest.importorskip('cyclonedds', reason='the dds adapter needs cyclonedds, which is not installed')


@pytest.fixture(scope='module')
def kind():
    return 'dds'


def test_a_stranger_reads_map_and_detections(graph, peer):
    cells = np.array([[-1, 0, 100], [0, 0, 100]], np.int8)
    publisher = graph.advertise('/stream_infer/occupancy_grid', GRID, LATCHED)
    publisher.publish(grid(cells))
    peer.listen(topic='/stream_infer/occupancy_grid', type=GRID, qos=asdict(LATCHED), typed=True)
    (seen,) = peer.read(topic='/stream_infer/occupancy_grid', count=1)
    assert seen['header'] == {'stamp': {'sec': 12, 'nanosec': 34}, 'frame_id': 'odom'}
    assert (seen['info']['width'], seen['info']['height'], seen['info']['resolution']) == (3, 2, 0.25)
    assert seen['info']['origin']['position'] == {'x': -1.5, 'y': 2.5, 'z': 0.0}
    assert seen['data'] == cells.ravel().tolist()

    peer.listen(topic='/front/detections', type=DETECTIONS, qos=asdict(RELIABLE), typed=True)
    publisher = graph.advertise('/front/detections', DETECTIONS, RELIABLE)
    eventually(lambda: publisher.subscribers() == 1)
    assert peer.matched(topic='/front/detections')
    publisher.publish(detections([('car', 0.75, 10.0, 20.0, 30.0, 40.0), ('cone', 0.5, 1.0, 2.0, 3.0, 4.0)]))
    publisher.publish(detections([]))
    full, empty = peer.read(topic='/front/detections', count=2)
    assert [d['results'][0]['hypothesis'] for d in full['detections']] == [
        {'class_id': 'car', 'score': 0.75},
        {'class_id': 'cone', 'score': 0.5},
    ]
    assert full['detections'][0]['bbox']['center']['position'] == {'x': 10.0, 'y': 20.0}
    assert (full['detections'][1]['bbox']['size_x'], full['detections'][1]['bbox']['size_y']) == (3.0, 4.0)
    assert empty['detections'] == []


def test_every_endpoint_tells_its_type_and_type_hash(graph, peer):
    graph.advertise('/front/detections', DETECTIONS, RELIABLE)
    told = ['vision_msgs::msg::dds_::Detection2DArray_', f'typehash={type_hash(DETECTIONS)};']
    assert peer.endpoints(topic='/front/detections') == [told]
    graph.subscribe('/words', STRING, SENSOR_DATA, Inbox())
    assert peer.endpoints(topic='/words') == [
        ['std_msgs::msg::dds_::String_', f'typehash={type_hash(STRING)};']
    ]


def test_topics_that_are_not_of_ros_are_left_out(graph, peer):
    peer.unrelated()
    peer.talk(topic='/words', type=STRING, qos=asdict(RELIABLE))
    eventually(lambda: [info.name for info in graph.topics()] == ['/words'])


@pytest.mark.parametrize(
    ('ours', 'theirs', 'policy'),
    [
        (RELIABLE, SENSOR_DATA, 'reliability'),
        (Qos('best_effort', 'transient_local', 1), Qos('best_effort', 'volatile', 1), 'durability'),
    ],
)
def test_a_publisher_that_offers_too_little_is_told_until_it_leaves(graph, peer, ours, theirs, policy):
    peer.talk(topic='/words', type=STRING, qos=asdict(theirs))
    peer.talk(topic='/fine', type=STRING, qos=asdict(ours))
    graph.subscribe('/words', STRING, ours, Inbox())
    graph.subscribe('/fine', STRING, ours, Inbox())
    eventually(lambda: [(p.topic, p.policy) for p in graph.qos_problems()] == [('/words', policy)])
    peer.reset()
    eventually(lambda: graph.qos_problems() == [])


def test_a_subscriber_that_wants_too_much_is_told(graph, peer):
    publisher = graph.advertise('/words', STRING, SENSOR_DATA)
    peer.listen(topic='/words', type=STRING, qos=asdict(RELIABLE))
    eventually(lambda: [(p.topic, p.policy) for p in graph.qos_problems()] == [('/words', 'reliability')])
    assert publisher.subscribers() == 0


def test_best_available_asks_again_where_it_can_and_gives_way_where_it_must(graph, peer, newcomers):
    inbox = Inbox()
    graph.subscribe('/camera', STRING, CAMERA_INPUT, inbox)
    nothing_to_read_yet = [['/', 'stream_infer', 0, 0]]
    assert peer.nodes(count=1) == nothing_to_read_yet
    peer.talk(topic='/camera', type=STRING, qos=asdict(RELIABLE))
    peer.stream(topic='/camera', **stream_of('reliable'))
    inbox.wait(20)
    eventually(lambda: peer.nodes(count=1) == [['/', 'stream_infer', 1, 0]])
    assert peer.wanted(topic='/camera') == ['reliable']

    second = newcomers()
    second.talk(topic='/camera', type=STRING, qos=asdict(SENSOR_DATA))
    second.stream(topic='/camera', **stream_of('best effort'))
    eventually(lambda: any(same([got], [string('best effort')]) for got in inbox.messages[-20:]))
    assert any(same([got], [string('reliable')]) for got in inbox.messages[-20:])
    eventually(lambda: peer.wanted(topic='/camera') == ['best_effort'])
    assert peer.nodes(count=1) == [['/', 'stream_infer', 1, 0]]
    assert graph.qos_problems() == []


@pytest.mark.parametrize('reliability', ['reliable', 'best_available'])
def test_best_available_gets_what_was_latched_until_somebody_latches_nothing(
    graph, peer, newcomers, reliability
):
    """A driver may publish its CameraInfo once, before we start."""
    peer.talk(topic='/info', type=STRING, qos=asdict(LATCHED))
    peer.send(topic='/info', payloads=[encoded(string('once'))])
    eventually(lambda: graph.topics() != [])
    inbox, early = Inbox(), Inbox()
    graph.subscribe('/info', STRING, Qos(reliability, 'best_available', 5), inbox)
    assert same(inbox.wait(1), [string('once')])
    assert peer.wanted(topic='/info') == ['reliable', 'transient_local']

    graph.subscribe('/later', STRING, Qos(reliability, 'best_available', 5), early)
    peer.talk(topic='/later', type=STRING, qos=asdict(LATCHED))
    peer.send(topic='/later', payloads=[encoded(string('at once'))])
    assert same(early.wait(1), [string('at once')])

    second = newcomers()
    second.talk(topic='/info', type=STRING, qos=asdict(RELIABLE))
    eventually(lambda: peer.wanted(topic='/info') == ['reliable'])
    second.matched(topic='/info', readers=1)
    second.send(topic='/info', payloads=[encoded(string('volatile'))])
    assert same(inbox.wait(2), [string('once'), string('volatile')])
    assert graph.qos_problems() == []


def test_two_best_available_subscriptions_of_a_known_topic_get_everything(graph, peer):
    peer.talk(topic='/camera', type=STRING, qos=asdict(RELIABLE))
    eventually(lambda: graph.topics() != [])
    inboxes = [Inbox(), Inbox()]
    for inbox in inboxes:
        graph.subscribe('/camera', STRING, CAMERA_INPUT, inbox)
    assert peer.matched(topic='/camera', readers=2)
    peer.send(topic='/camera', payloads=[encoded(string('once'))])
    for inbox in inboxes:
        assert same(inbox.wait(1), [string('once')])


@pytest.mark.parametrize('size', [10, 500_000])
def test_a_message_is_there_as_long_as_somebody_keeps_it(peer, graphs, size):
    """Large ones lie in the middleware's memory: while others come, and after its end."""
    graph = graphs()
    kept, came = [], threading.Semaphore(0)
    peer.talk(topic='/words', type=STRING, qos=asdict(RELIABLE))

    def keep(cdr, _):
        kept.append(memoryview(cdr))
        came.release()

    graph.subscribe('/words', STRING, RELIABLE, keep)
    assert peer.matched(topic='/words')
    sent = [string(letter * size) for letter in 'abcdefgh']
    for payload in sent:
        peer.send(topic='/words', payloads=[encoded(payload)])
        assert came.acquire(timeout=10)
    graph.close()
    assert all(view.readonly for view in kept)
    assert same([bytes(view) for view in kept], sent)
    kept.clear()


def test_images_arrive_through_the_socket_buffers_of_older_kernels(peer, graphs, monkeypatch):
    from stream_infer_ros.graph.dds import configuration  # noqa: PLC0415

    small = configuration.BUFFERS.replace('max="4MB"', 'max="212992B"')
    assert small != configuration.BUFFERS
    monkeypatch.setattr(configuration, 'BUFFERS', small)
    graph = graphs()
    deep = Qos('best_available', 'volatile', 10)
    inbox = Inbox()
    peer.talk(topic='/text', type=STRING, qos=asdict(Qos(depth=10)))
    graph.subscribe('/text', STRING, deep, inbox)
    assert peer.matched(topic='/text')
    eventually(lambda: graph.topics() != [])
    sent = [string(str(i) * 1_000_000) for i in range(6)]
    peer.send(topic='/text', payloads=[encoded(text) for text in sent])
    assert same(inbox.wait(6), sent)


@pytest.mark.parametrize('cdr', [b'\0\1\0\0', b'\0\1\0\0\xff\xff\xff\xff', b'\0\1\0\0\2\0\0\0xy'])
def test_bytes_that_are_no_message_of_the_type_are_refused(graph, cdr):
    publisher = graph.advertise('/words', STRING, RELIABLE)
    with pytest.raises(GraphError, match=r'/words.*String'):
        publisher.publish(cdr)
    publisher.publish(string('fine'))


def test_one_process_opens_a_domain_in_one_way(graph, graphs):
    with pytest.raises(GraphError, match=f'{DOMAIN_ID} is already open.*another configuration'):
        make_graph(on_loopback('dds', loopback=False))
    graphs(node_name='joined')


def test_no_thread_is_left_when_close_returns(peer, graphs):
    before = set(threading.enumerate())
    graph = graphs()
    graph.subscribe('/words', STRING, RELIABLE, Inbox())
    assert set(threading.enumerate()) != before
    graph.close()
    assert set(threading.enumerate()) == before


def test_a_domain_opened_by_others_is_left_to_them():
    script = f"""
from cyclonedds.domain import DomainParticipant
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import make_graph
other = DomainParticipant({DOMAIN_ID})
try:
    make_graph(GraphConfig(domain_id={DOMAIN_ID}, loopback=True))
except GraphError as error:
    print(error)
"""
    assert 'other code' in run_python(script, CYCLONEDDS_URI=LOOPBACK).stdout


def test_a_configuration_cyclone_does_not_take_is_a_graph_error():
    script = f"""
import os
os.environ['CYCLONEDDS_URI'] = '<CycloneDDS><Domain><NoSuchThing/></Domain></CycloneDDS>'
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'OFF'
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import make_graph
try:
    make_graph(GraphConfig(domain_id={DOMAIN_ID}))
except GraphError as error:
    print(error)
"""
    assert 'check CYCLONEDDS_URI' in run_python(script).stdout


def test_a_stopped_subscriber_costs_messages_not_the_publisher(graph, newcomers):
    stopped = newcomers()
    try:
        deep = Qos('reliable', 'volatile', 1000)
        stopped.listen(topic='/big', type=STRING, qos=asdict(deep))
        publisher = graph.advertise('/big', STRING, deep)
        eventually(lambda: publisher.subscribers() == 1)
        assert stopped.matched(topic='/big')
        stopped.process.send_signal(signal.SIGSTOP)
        payload = string('x' * 1_000_000)

        def publish_until_lost():
            publisher.publish(payload)
            return graph.losses().get('/big', 0) > 0 or publisher.subscribers() == 0

        eventually(publish_until_lost, 'a message not sent')
    finally:
        stopped.process.send_signal(signal.SIGCONT)
        stopped.kill()


def test_no_packet_leaves_the_machine(kind, peer, tmp_path):
    calls = calls_to_the_network(kind, peer, tmp_path)
    sent = [call for call in calls if re.search(r'\bsend(to|msg|mmsg)\(.*sa_family=AF_INET', call)]  # and 6
    probes = [call for call in sent if 'inet_addr("239.255.0.1")' in call and 'msg_iovlen=1' in call]
    assert len(sent) > 10  # discovery and one message: the trace saw something
    assert all('inet_addr("127.0.0.1")' in call for call in sent if call not in probes)
    # On opening lo Cyclone asks the kernel whether multicast works there: one packet to itself that lives for
    # zero hops on that interface. There is no other, and no membership on another interface.
    assert len(probes) <= 1
    options = [call for call in calls if re.search(r'setsockopt\(.*(MULTICAST|MEMBERSHIP)', call)]
    assert all(
        'IP_MULTICAST_IF, [16777343]' in call  # 127.0.0.1 as the kernel writes it
        or r'IP_MULTICAST_TTL, "\0"' in call
        or ('IP_ADD_MEMBERSHIP' in call and 'imr_interface=inet_addr("127.0.0.1")' in call)
        for call in options
    ), options
    assert len(options) in (0, 3)
