"""What only the dds adapter promises: a ROS 2 participant to strangers, on loopback, outliving peers."""

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from graph_harness import DOMAIN_ID, PATIENCE_S, Inbox, PeerProcess, dds_config, eventually, same
from loopback import LOOPBACK

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import CAMERA_INPUT, LATCHED, RELIABLE, SENSOR_DATA, Qos, make_graph
from stream_infer_ros.graph.names import ros_name, wire_name
from stream_infer_ros.messages.typestore import type_hash, typestore

pytest.importorskip('cyclonedds', reason='the dds adapter needs cyclonedds, which is not installed')

STRING = 'std_msgs/msg/String'
GRID = 'nav_msgs/msg/OccupancyGrid'
DETECTIONS = 'vision_msgs/msg/Detection2DArray'


def serialized(type_name, message):
    return bytes(typestore().serialize_cdr(message, type_name))


def string(text):
    return serialized(STRING, typestore().types[STRING](data=text))


def header(frame_id):
    types = typestore().types
    stamp = types['builtin_interfaces/msg/Time'](sec=12, nanosec=34)
    return types['std_msgs/msg/Header'](stamp=stamp, frame_id=frame_id)


def grid(cells):
    types = typestore().types
    origin = types['geometry_msgs/msg/Pose'](
        position=types['geometry_msgs/msg/Point'](x=-1.5, y=2.5, z=0.0),
        orientation=types['geometry_msgs/msg/Quaternion'](x=0.0, y=0.0, z=0.0, w=1.0),
    )
    info = types['nav_msgs/msg/MapMetaData'](
        map_load_time=types['builtin_interfaces/msg/Time'](sec=0, nanosec=0),
        resolution=0.25,
        width=cells.shape[1],
        height=cells.shape[0],
        origin=origin,
    )
    return serialized(GRID, types[GRID](header=header('odom'), info=info, data=cells.ravel()))


def detections(boxes):
    """boxes: (class name, score, u, v, width, height)."""
    t = {
        name.rsplit('/', 1)[-1]: made
        for name, made in typestore().types.items()
        if name.startswith('vision_msgs')
    }
    g = {
        name.rsplit('/', 1)[-1]: made
        for name, made in typestore().types.items()
        if name.startswith('geometry')
    }
    nowhere = g['PoseWithCovariance'](
        pose=g['Pose'](
            position=g['Point'](x=0.0, y=0.0, z=0.0), orientation=g['Quaternion'](x=0.0, y=0.0, z=0.0, w=1.0)
        ),
        covariance=np.zeros(36),
    )
    found = [
        t['Detection2D'](
            header=header('front_optical'),
            results=[
                t['ObjectHypothesisWithPose'](
                    hypothesis=t['ObjectHypothesis'](class_id=name, score=score), pose=nowhere
                )
            ],
            bbox=t['BoundingBox2D'](
                center=t['Pose2D'](position=t['Point2D'](x=u, y=v), theta=0.0), size_x=width, size_y=height
            ),
            id='',
        )
        for name, score, u, v, width, height in boxes
    ]
    return serialized(DETECTIONS, t['Detection2DArray'](header=header('front_optical'), detections=found))


@pytest.fixture(scope='module')
def stranger():
    peer = PeerProcess()
    yield peer
    peer.end()


@pytest.fixture
def peer(stranger):
    yield stranger
    stranger.reset()


@pytest.fixture
def graph():
    made = make_graph(dds_config())
    yield made
    made.close()


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


def test_ros_sees_a_node_with_its_topics_until_it_leaves(peer):
    first = make_graph(dds_config(node_name='first', namespace='/robot'))
    second = make_graph(dds_config(node_name='second'))  # a second participant in this process
    try:
        first.advertise('/words', STRING, RELIABLE)
        first.subscribe('/words', STRING, RELIABLE, Inbox())
        first.subscribe('/words', STRING, SENSOR_DATA, Inbox())
        eventually(lambda: len(peer.nodes(count=2)) == 2)
        assert sorted(peer.nodes(count=2)) == [['/', 'second', 0, 0], ['/robot', 'first', 2, 1]]
        first.close()
        assert peer.nodes(count=1) == [['/', 'second', 0, 0]]
    finally:
        first.close()
        second.close()


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


def stream_of(text):
    return {'payload': base64.b64encode(string(text)).decode(), 'period_s': 0.002}


def test_best_available_asks_again_where_it_can_and_gives_way_where_it_must(graph, peer):
    inbox = Inbox()
    graph.subscribe('/camera', STRING, CAMERA_INPUT, inbox)
    nothing_to_read_yet = [['/', 'stream_infer', 0, 0]]
    assert peer.nodes(count=1) == nothing_to_read_yet
    peer.talk(topic='/camera', type=STRING, qos=asdict(RELIABLE))
    peer.stream(topic='/camera', **stream_of('reliable'))
    inbox.wait(20)
    eventually(lambda: peer.nodes(count=1) == [['/', 'stream_infer', 1, 0]])
    assert peer.wanted(topic='/camera') == ['reliable']

    second = PeerProcess()
    try:
        second.talk(topic='/camera', type=STRING, qos=asdict(SENSOR_DATA))
        second.stream(topic='/camera', **stream_of('best effort'))
        eventually(lambda: any(same([got], [string('best effort')]) for got in inbox.messages[-20:]))
        assert any(same([got], [string('reliable')]) for got in inbox.messages[-20:])
        eventually(lambda: peer.wanted(topic='/camera') == ['best_effort'])
        assert peer.nodes(count=1) == [['/', 'stream_infer', 1, 0]]
        assert graph.qos_problems() == []
    finally:
        second.end()


def test_two_best_available_subscriptions_of_a_known_topic_get_everything(graph, peer):
    peer.talk(topic='/camera', type=STRING, qos=asdict(RELIABLE))
    eventually(lambda: graph.topics() != [])
    inboxes = [Inbox(), Inbox()]
    for inbox in inboxes:
        graph.subscribe('/camera', STRING, CAMERA_INPUT, inbox)
    assert peer.matched(topic='/camera', readers=2)
    peer.send(topic='/camera', payloads=[base64.b64encode(string('once')).decode()])
    for inbox in inboxes:
        assert same(inbox.wait(1), [string('once')])


def test_images_arrive_through_the_socket_buffers_of_older_kernels(peer, monkeypatch):
    from stream_infer_ros.graph.dds import configuration  # noqa: PLC0415

    small = configuration.BUFFERS.replace('max="4MB"', 'max="212992B"')
    assert small != configuration.BUFFERS
    monkeypatch.setattr(configuration, 'BUFFERS', small)
    graph = make_graph(dds_config())
    try:
        deep = Qos('best_available', 'volatile', 10)
        inbox = Inbox()
        peer.talk(topic='/text', type=STRING, qos=asdict(Qos(depth=10)))
        graph.subscribe('/text', STRING, deep, inbox)
        assert peer.matched(topic='/text')
        eventually(lambda: graph.topics() != [])
        sent = [string(str(i) * 1_000_000) for i in range(6)]
        peer.send(topic='/text', payloads=[base64.b64encode(text).decode() for text in sent])
        assert same(inbox.wait(6), sent)
    finally:
        graph.close()


def test_problems_of_others_are_not_ours(graph, peer):
    other = make_graph(dds_config(node_name='other'))
    try:
        other.subscribe('/words', STRING, RELIABLE, Inbox())
        peer.talk(topic='/words', type=STRING, qos=asdict(SENSOR_DATA))
        eventually(lambda: other.qos_problems() != [])
        eventually(lambda: graph.topics() != [])
        assert graph.qos_problems() == []
    finally:
        other.close()


@pytest.mark.parametrize('cdr', [b'', b'\0', b'\0\1\0\0', b'\0\1\0\0\xff\xff\xff\xff', b'\0\1\0\0\2\0\0\0xy'])
def test_bytes_that_are_no_message_of_the_type_are_refused(graph, cdr):
    publisher = graph.advertise('/words', STRING, RELIABLE)
    with pytest.raises(GraphError, match=r'/words.*String'):
        publisher.publish(cdr)
    publisher.publish(string('fine'))


def test_a_type_nobody_defined_is_refused(graph):
    with pytest.raises(GraphError, match='not known'):
        graph.advertise('/custom', 'my_msgs/msg/Custom', RELIABLE)
    with pytest.raises(GraphError, match='not known'):
        graph.subscribe('/custom', 'my_msgs/msg/Custom', RELIABLE, Inbox())


def test_every_type_we_exchange_can_be_described():
    from stream_infer_ros.graph.dds.message_type import message_type  # noqa: PLC0415

    packages = (
        'std_msgs',
        'sensor_msgs',
        'geometry_msgs',
        'nav_msgs',
        'visualization_msgs',
        'diagnostic_msgs',
    )
    names = [
        n
        for n in typestore().fielddefs
        if n.split('/')[0] in (*packages, 'vision_msgs', 'map_msgs', 'tf2_msgs')
    ]
    assert len(names) > 100
    for name in names:
        made = message_type(typestore(), name)
        assert made.__idl_typename__ == wire_name(name)
        assert ros_name(wire_name(name)) == name
        made.__idl__.populate()


def test_one_process_opens_a_domain_in_one_way(graph):
    with pytest.raises(GraphError, match=f'{DOMAIN_ID} is already open.*another configuration'):
        make_graph(dds_config().model_copy(update={'loopback': False}))
    joined = make_graph(dds_config(node_name='joined'))
    joined.close()


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
    assert 'other code' in run_python(script, loopback_for_others=True).stdout


def run_python(script, loopback_for_others=False, check=True):
    env = {**os.environ, 'PYTHONPATH': str(Path(__file__).resolve().parents[2])}
    if loopback_for_others:
        env['CYCLONEDDS_URI'] = LOOPBACK
    return subprocess.run(
        [sys.executable, '-c', script],
        capture_output=True,
        text=True,
        env=env,
        timeout=PATIENCE_S,
        check=check,
    )


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


def test_a_program_that_forgets_to_close_ends_in_order(peer):
    script = f"""
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import make_graph, RELIABLE
graph = make_graph(GraphConfig(domain_id={DOMAIN_ID}, loopback=True, node_name='forgetful'))
graph.subscribe('/words', '{STRING}', RELIABLE, print)
publisher = graph.advertise('/words', '{STRING}', RELIABLE)
print('done')
"""
    ended = run_python(script)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, 'done\n', '')
    assert peer.nodes(count=0) == []


def test_close_leaves_no_thread_and_silences_a_running_stream(peer):
    before = set(threading.enumerate())
    graph = make_graph(dds_config())
    inbox = Inbox()
    peer.talk(topic='/words', type=STRING, qos=asdict(RELIABLE))
    graph.subscribe('/words', STRING, RELIABLE, inbox)
    peer.stream(topic='/words', payload=base64.b64encode(string('again')).decode(), period_s=0.001)
    inbox.wait(20)
    graph.close()
    count = len(inbox.messages)
    again = make_graph(dds_config())  # the stream goes on, as somebody else sees
    try:
        other = Inbox()
        again.subscribe('/words', STRING, RELIABLE, other)
        other.wait(20)
    finally:
        again.close()
    assert len(inbox.messages) == count
    assert set(threading.enumerate()) == before


def test_a_killed_peer_is_missed_and_its_successor_heard(graph):
    first = PeerProcess()
    inbox = Inbox()
    graph.subscribe('/camera', STRING, SENSOR_DATA, inbox)
    publisher = graph.advertise('/map', STRING, RELIABLE)
    first.talk(topic='/camera', type=STRING, qos=asdict(RELIABLE))
    first.listen(topic='/map', type=STRING, qos=asdict(RELIABLE))
    first.stream(topic='/camera', payload=base64.b64encode(string('first')).decode(), period_s=0.002)
    inbox.wait(20)
    eventually(lambda: publisher.subscribers() == 1)
    first.kill()
    for _ in range(50):  # into the void, while discovery still believes in it
        publisher.publish(string('anybody?'))
    eventually(lambda: publisher.subscribers() == 0, 'the killed subscriber gone')
    eventually(lambda: '/camera' not in {info.name for info in graph.topics()}, 'the killed publisher gone')

    second = PeerProcess()
    try:
        second.listen(topic='/map', type=STRING, qos=asdict(RELIABLE))
        second.talk(topic='/camera', type=STRING, qos=asdict(RELIABLE))
        count = len(inbox.messages)
        second.stream(topic='/camera', payload=base64.b64encode(string('second')).decode(), period_s=0.002)
        assert same(inbox.wait(count + 20)[-20:], [string('second')] * 20)
        eventually(lambda: publisher.subscribers() == 1)
        assert second.matched(topic='/map')
        publisher.publish(string('welcome'))
        (got,) = second.received(topic='/map', count=1)
        assert same([base64.b64decode(got)], [string('welcome')])
    finally:
        second.end()


def test_a_stopped_subscriber_costs_messages_not_the_publisher(graph):
    stopped = PeerProcess()
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


@pytest.mark.skipif(
    shutil.which('strace') is None, reason='strace, which sees every packet, is not installed'
)
def test_no_packet_leaves_the_machine(tmp_path, peer):
    trace = tmp_path / 'trace'
    script = f"""
import sys
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import make_graph, RELIABLE
graph = make_graph(GraphConfig(domain_id={DOMAIN_ID}, loopback=True, node_name='watched'))
publisher = graph.advertise('/words', '{STRING}', RELIABLE)
print('ready', flush=True)
sys.stdin.readline()
publisher.publish({string('hello')!r})
sys.stdin.readline()
graph.close()
"""
    peer.listen(topic='/words', type=STRING, qos=asdict(RELIABLE))
    watched = subprocess.Popen(
        ['strace', '-f', '-o', str(trace), '-e', 'trace=network', sys.executable, '-c', script],
        env={**os.environ, 'PYTHONPATH': str(Path(__file__).resolve().parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if watched.stdout.readline() != 'ready\n':
        pytest.skip(f'strace may not trace here: {watched.communicate()[1]}')
    assert peer.matched(topic='/words')
    watched.stdin.write('publish\n')
    watched.stdin.flush()
    assert same([base64.b64decode(m) for m in peer.received(topic='/words', count=1)], [string('hello')])
    watched.communicate('close\n', timeout=PATIENCE_S)
    calls = trace.read_text().splitlines()
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
