"""What only the zenoh adapter promises: a node of rmw_zenoh to strangers, on loopback, outliving peers."""

import base64
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from graph_harness import DOMAIN_ID, PATIENCE_S, Inbox, PeerProcess, eventually, same, zenoh_config

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import LATCHED, RELIABLE, SENSOR_DATA, Qos, make_graph
from stream_infer_ros.messages.typestore import type_hash, typestore

pytest.importorskip('zenoh', reason='the zenoh adapter needs eclipse-zenoh, which is not installed')

import xxhash

STRING = 'std_msgs/msg/String'
IMAGE = 'sensor_msgs/msg/Image'
STRING_ON_THE_WIRE = (
    'std_msgs::msg::dds_::String_/RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18'
)


def string(text):
    return bytes(typestore().serialize_cdr(typestore().types[STRING](data=text), STRING))


def full_hd(seed):
    """A 1920x1080 rgb8 image of noise, 6.2 MB."""
    types = typestore().types
    message = types[IMAGE](
        header=types['std_msgs/msg/Header'](
            stamp=types['builtin_interfaces/msg/Time'](sec=seed, nanosec=0), frame_id='camera'
        ),
        height=1080,
        width=1920,
        encoding='rgb8',
        is_bigendian=0,
        step=5760,
        data=np.random.default_rng(seed).integers(0, 256, 5760 * 1080, np.uint8),
    )
    return bytes(typestore().serialize_cdr(message, IMAGE))


def encoded(payload):
    return base64.b64encode(payload).decode()


def stream_of(text):
    return {'payload': encoded(string(text)), 'period_s': 0.002}


@pytest.fixture(scope='module')
def stranger():
    peer = PeerProcess(kind='zenoh')
    yield peer
    peer.end()


@pytest.fixture
def peer(stranger):
    yield stranger
    stranger.reset()


@pytest.fixture
def graphs():
    """Makes graphs that are closed in the end."""
    made = []

    def make(**changes):
        made.append(make_graph(zenoh_config(**changes)))
        return made[-1]

    yield make
    for graph in made:
        graph.close()


@pytest.fixture
def graph(graphs):
    return graphs()


def hear(sender, receiver, text='across', topic='/across'):
    """One message from graph to graph, once they met."""
    inbox = Inbox()
    receiver.subscribe(topic, STRING, RELIABLE, inbox)
    publisher = sender.advertise(topic, STRING, RELIABLE)
    eventually(lambda: publisher.subscribers() == 1, f'a subscriber of {topic}')
    publisher.publish(string(text))
    assert same(inbox.wait(1), [string(text)])


def test_ros_sees_a_node_with_its_topics_until_it_leaves(peer, graphs):
    node = graphs(node_name='first', namespace='/robot')
    node.advertise('/robot/words', STRING, RELIABLE)
    node.subscribe('/front/words', STRING, Qos('best_effort', 'transient_local', 42), Inbox())
    place = rf'@ros2_lv/{DOMAIN_ID}/[0-9a-f]+/0'
    (named,) = peer.seen(kind='NN', count=1)
    assert re.fullmatch(rf'{place}/0/NN/%/%robot/first', named)
    (published,) = peer.seen(kind='MP', count=1)
    owner = '%/%robot/first'
    assert re.fullmatch(f'{place}/1/MP/{owner}/%robot%words/{STRING_ON_THE_WIRE}/::,10:,:,:,,', published)
    (subscribed,) = peer.seen(kind='MS', count=1)
    assert re.fullmatch(f'{place}/2/MS/{owner}/%front%words/{STRING_ON_THE_WIRE}/2:1:,:,:,:,,', subscribed)
    node.close()
    for kind in ('NN', 'MP', 'MS'):
        assert peer.seen(kind=kind, count=0) == []


def test_each_message_tells_its_number_time_and_publisher(graph, peer):
    peer.listen(topic='/words', type=STRING, qos=asdict(RELIABLE))
    publisher = graph.advertise('/words', STRING, RELIABLE)
    eventually(lambda: publisher.subscribers() == 1)
    before_ns = graph.now_ns()
    publisher.publish(string('one'))
    publisher.publish(string('two'))
    attached = [base64.b64decode(text) for text in peer.attachments(topic='/words', count=2)]
    (token,) = peer.seen(kind='MP', count=1)
    digest = xxhash.xxh3_128(token.encode()).intdigest()
    for number, data in enumerate(attached, 1):
        sequence, published_ns, count, low, high = struct.unpack('<qqBQQ', data)
        assert (sequence, count, high << 64 | low) == (number, 16, digest)
        assert before_ns <= published_ns <= graph.now_ns()


def test_a_type_of_another_definition_is_a_problem_that_is_told(graph, peer):
    peer.talk(topic='/words', type=STRING, qos=asdict(RELIABLE), type_hash='TypeHashNotSupported')
    publisher = graph.advertise('/others', STRING, RELIABLE)
    peer.listen(topic='/others', type=STRING, qos=asdict(RELIABLE), type_hash='RIHS01_' + 64 * '0')
    graph.subscribe('/words', STRING, RELIABLE, Inbox())
    eventually(lambda: [p.topic for p in graph.qos_problems()] == ['/others', '/words'])
    assert {p.policy for p in graph.qos_problems()} == {'type'}
    assert 'TypeHashNotSupported' in graph.qos_problems()[1].remedy
    assert publisher.subscribers() == 0
    peer.reset()
    eventually(lambda: graph.qos_problems() == [])


def test_problems_of_others_are_not_ours(graph, peer, graphs):
    other = graphs(node_name='other')
    other.subscribe('/words', IMAGE, RELIABLE, Inbox())
    peer.talk(topic='/words', type=STRING, qos=asdict(RELIABLE))
    eventually(lambda: other.qos_problems() != [])
    eventually(lambda: graph.topics() != [])
    assert graph.qos_problems() == []


def test_reliability_and_durability_keep_nobody_apart(graph, peer):
    peer.talk(topic='/words', type=STRING, qos=asdict(SENSOR_DATA))
    inbox = Inbox()
    graph.subscribe('/words', STRING, LATCHED, inbox)
    assert peer.matched(topic='/words')
    peer.send(topic='/words', payloads=[encoded(string('all the same'))])
    assert same(inbox.wait(1), [string('all the same')])
    assert graph.qos_problems() == []


@pytest.mark.parametrize('named', [False, True], ids=['current', 'of Jazzy 0.2.0'])
def test_left_out_numbers_are_losses(graph, peer, named):
    peer.talk(topic='/words', type=STRING, qos=asdict(RELIABLE), named_attachment=named)
    inbox = Inbox()
    graph.subscribe('/words', STRING, RELIABLE, inbox)
    assert peer.matched(topic='/words')
    peer.send(topic='/words', payloads=[encoded(string('met at 6'))], skip=5)  # before we came: no loss
    inbox.wait(1)
    assert graph.losses() == {}
    peer.send(topic='/words', payloads=[encoded(string('7'))])
    peer.send(topic='/words', payloads=[encoded(string('11')), encoded(string('15'))], skip=3)
    inbox.wait(4)
    eventually(lambda: graph.losses() == {'/words': 6})


def test_what_a_slow_subscriber_did_not_take_is_a_loss(graph, peer):
    peer.talk(topic='/words', type=STRING, qos=asdict(RELIABLE))
    came, go, inbox = threading.Event(), threading.Event(), Inbox()

    def slow(cdr, received_ns):
        came.set()
        assert go.wait(PATIENCE_S)
        inbox(cdr, received_ns)

    graph.subscribe('/words', STRING, Qos(depth=3), slow)
    fence = Inbox()
    graph.subscribe('/words', STRING, Qos(depth=50), fence)
    assert peer.matched(topic='/words', readers=2)
    sent = [string(str(i)) for i in range(20)]
    peer.send(topic='/words', payloads=[encoded(sent[0])])
    assert came.wait(PATIENCE_S)
    peer.send(topic='/words', payloads=[encoded(cdr) for cdr in sent[1:]])
    fence.wait(20)  # one link, one order: the slow one's ring has seen all of them, too
    go.set()
    assert same(inbox.wait(4), [sent[0], *sent[-3:]])
    assert graph.losses() == {'/words': 16}


def test_images_of_1080p_go_through_shared_memory_and_come_whole(graph, peer):
    sent = [full_hd(seed) for seed in range(6)]
    peer.listen(topic='/camera', type=IMAGE, qos=asdict(RELIABLE))
    publisher = graph.advertise('/camera', IMAGE, RELIABLE)
    eventually(lambda: publisher.subscribers() == 1)
    for cdr in sent:
        publisher.publish(cdr)
    assert peer.in_shared_memory(topic='/camera', count=6) == [True] * 6
    got = [base64.b64decode(text) for text in peer.received(topic='/camera', count=6)]
    assert got == sent


def test_more_images_than_shared_memory_holds_go_as_others_do(graph, peer):
    image = full_hd(1)
    peer.listen(topic='/camera', type=IMAGE, qos=asdict(RELIABLE))
    publisher = graph.advertise('/camera', IMAGE, RELIABLE)
    eventually(lambda: publisher.subscribers() == 1)
    for count in range(1, 15):  # the peer keeps all of them
        publisher.publish(image)
        shared = peer.in_shared_memory(topic='/camera', count=count)
    assert len(shared) == 14
    assert shared[0]
    assert not shared[-1]


def test_where_there_is_no_shared_memory_images_go_without(caplog):
    from zenoh import shm  # noqa: PLC0415

    from stream_infer_ros.graph.zenoh.shared_memory import SharedMemory  # noqa: PLC0415

    payloads = SharedMemory()
    with caplog.at_level('WARNING'):
        payloads._grow(1 << 50)  # more than any /dev/shm has
        assert payloads.payload(bytes(100_000)).as_shm() is None
    assert 'shm-size' in caplog.text
    assert isinstance(SharedMemory().payload(bytes(100_000)).as_shm(), shm.ZShm)
    assert SharedMemory().payload(bytes(1000)).as_shm() is None


@pytest.mark.parametrize('shared', [True, False])
def test_images_of_1080p_come_in(peer, graphs, shared):
    graph = graphs(zenoh={'shared_memory': shared})
    sender = graphs(node_name='camera', zenoh={'shared_memory': shared})
    inbox = Inbox()
    graph.subscribe('/camera', IMAGE, Qos('best_available', depth=10), inbox)
    publisher = sender.advertise('/camera', IMAGE, RELIABLE)
    eventually(lambda: publisher.subscribers() == 1)
    sent = [full_hd(seed) for seed in range(6)]
    for cdr in sent:
        publisher.publish(cdr)
    assert inbox.wait(6) == sent
    assert graph.losses() == {}


def test_a_restarted_publisher_is_heard_and_what_it_latches_comes(graph, peer):
    inbox = Inbox()
    graph.subscribe('/map', STRING, LATCHED, inbox)
    for text in ('before', 'after'):
        peer.talk(topic='/map', type=STRING, qos=asdict(LATCHED))
        peer.send(topic='/map', payloads=[encoded(string(text))])
        eventually(lambda text=text: same(inbox.messages[-1:], [string(text)]), f'{text!r}')
        peer.reset()
        eventually(lambda: graph.topics() == [])
    assert same(inbox.messages, [string('before'), string('after')])
    assert graph.losses() == {}


def test_what_was_latched_before_they_met_comes_once(graphs, peer):
    graph = graphs()
    inbox = Inbox()
    graph.subscribe('/map', STRING, Qos('reliable', 'transient_local', 10), inbox)
    newcomer = PeerProcess(kind='zenoh', endpoints=[f'tcp/127.0.0.1:{17400 + DOMAIN_ID + 300}'])
    try:  # that endpoint is nobody's: it publishes alone
        newcomer.talk(topic='/map', type=STRING, qos=asdict(Qos('reliable', 'transient_local', 2)))
        newcomer.send(topic='/map', payloads=[encoded(string(text)) for text in ('a', 'b', 'c')])
        assert inbox.messages == []
        graphs(
            node_name='bridge',
            zenoh={
                'mode': 'router',
                'listen': [f'tcp/127.0.0.1:{17400 + DOMAIN_ID + 300}'],
                'connect': [f'tcp/127.0.0.1:{17400 + DOMAIN_ID}'],
            },
        )
        assert same(inbox.wait(2), [string('b'), string('c')])
    finally:
        newcomer.end()
    assert len(inbox.messages) == 2


def test_what_several_latched_comes_from_each(graphs, peer):
    deep = Qos('reliable', 'transient_local', 100)  # as /tf_static
    for name in ('base', 'camera'):
        publisher = graphs(node_name=name).advertise('/static', STRING, deep)
        publisher.publish(string(f'{name} 1'))
        publisher.publish(string(f'{name} 2'))
    peer.talk(topic='/static', type=STRING, qos=asdict(deep))
    peer.send(topic='/static', payloads=[encoded(string('peer 1'))])
    late = graphs(node_name='late')
    inbox = Inbox()
    late.subscribe('/static', STRING, deep, inbox)
    expected = [string(text) for text in ('base 1', 'base 2', 'camera 1', 'camera 2', 'peer 1')]
    assert same(sorted(inbox.wait(5)), sorted(expected))
    assert late.losses() == {}


def test_a_graph_hears_itself(graph):
    hear(graph, graph)
    late = Inbox()
    graph.advertise('/map', STRING, LATCHED).publish(string('latched'))
    graph.subscribe('/map', STRING, LATCHED, late)
    assert same(late.wait(1), [string('latched')])


def test_a_killed_peer_is_missed_and_its_successor_heard(graph, stranger):
    meeting = [f'tcp/127.0.0.1:{17400 + DOMAIN_ID}']
    first = PeerProcess(kind='zenoh', endpoints=meeting)
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

    second = PeerProcess(kind='zenoh', endpoints=meeting)
    try:
        second.listen(topic='/map', type=STRING, qos=asdict(RELIABLE))
        second.talk(topic='/camera', type=STRING, qos=asdict(RELIABLE))
        count = len(inbox.messages)
        second.stream(topic='/camera', **stream_of('second'))
        assert same(inbox.wait(count + 20)[-20:], [string('second')] * 20)
        eventually(lambda: publisher.subscribers() == 1)
        publisher.publish(string('welcome'))
        (got,) = second.received(topic='/map', count=1)
        assert same([base64.b64decode(got)], [string('welcome')])
    finally:
        second.end()


def test_a_stopped_subscriber_costs_messages_not_the_publisher(graphs, stranger):
    # Without shared memory: what has to go through a link nobody empties.
    graph = graphs(zenoh={'shared_memory': False})
    stopped = PeerProcess(kind='zenoh', endpoints=[f'tcp/127.0.0.1:{17400 + DOMAIN_ID}'])
    try:
        stopped.listen(topic='/big', type=STRING, qos=asdict(RELIABLE))
        publisher = graph.advertise('/big', STRING, RELIABLE)
        eventually(lambda: publisher.subscribers() == 1)
        stopped.process.send_signal(signal.SIGSTOP)
        payload = string('x' * 1_000_000)
        for _ in range(40):
            publisher.publish(payload)
        stopped.process.send_signal(signal.SIGCONT)
        publisher.publish(string('last'))
        got = [base64.b64decode(text) for text in stopped.received(topic='/big', count=2)]
        assert 1 < len(got) < 41
    finally:
        stopped.process.send_signal(signal.SIGCONT)
        stopped.kill()


def test_eight_meet_in_any_order_and_survive_the_first(graphs):
    domain = (DOMAIN_ID + 50) % 200  # where no stranger waits
    members = [graphs(domain_id=domain, node_name=f'node{i}') for i in range(8)]
    for i, member in enumerate(members):
        member.advertise(f'/node{i}', STRING, RELIABLE)
    for member in members:
        eventually(lambda member=member: len(member.topics()) == 8, 'eight publishers')
    members[0].close()  # it was where the others met
    for member in members[1:]:
        eventually(lambda member=member: len(member.topics()) == 7, 'seven publishers')
    hear(members[2], members[5])
    newcomer = graphs(domain_id=domain, node_name='newcomer')
    newcomer.advertise('/newcomer', STRING, RELIABLE)
    for member in (newcomer, *members[1:]):
        eventually(
            lambda member=member: {'/newcomer', '/node7'} <= {info.name for info in member.topics()},
            'the newcomer and the old',
        )


def test_domains_keep_to_themselves(graphs):
    port = 17400 + 233 + DOMAIN_ID
    here = graphs(zenoh={'listen': [f'tcp/127.0.0.1:{port}']})
    there = graphs(domain_id=DOMAIN_ID + 1, zenoh={'connect': [f'tcp/127.0.0.1:{port}']})
    same_domain = graphs(node_name='same', zenoh={'connect': [f'tcp/127.0.0.1:{port}']})
    there.advertise('/there', STRING, RELIABLE)
    same_domain.advertise('/same', STRING, RELIABLE)
    eventually(lambda: here.topics() != [])
    assert [info.name for info in here.topics()] == ['/same']


def test_clients_talk_through_a_router(graphs):
    endpoint = f'tcp/127.0.0.1:{17400 + 234 + DOMAIN_ID}'
    router = graphs(node_name='router', zenoh={'mode': 'router', 'listen': [endpoint]})
    camera = graphs(node_name='camera', zenoh={'mode': 'client', 'connect': [endpoint]})
    inference = graphs(node_name='inference', zenoh={'mode': 'client', 'connect': [endpoint]})
    hear(camera, inference)
    late = Inbox()
    camera.advertise('/map', STRING, LATCHED).publish(string('latched'))
    inference.subscribe('/map', STRING, LATCHED, late)
    assert same(late.wait(1), [string('latched')])
    assert {info.name for info in router.topics()} == {'/across', '/map'}


def test_a_client_without_a_router_is_told():
    with pytest.raises(GraphError, match=r'opening a zenoh session.*check graph\.zenoh'):
        make_graph(zenoh_config(zenoh={'mode': 'client', 'connect': ['tcp/127.0.0.1:17399']}))


def test_an_endpoint_that_is_taken_is_told(graphs):
    endpoint = f'tcp/127.0.0.1:{17400 + 235 + DOMAIN_ID}'
    graphs(zenoh={'listen': [endpoint]})
    with pytest.raises(GraphError, match='who else has that port'):
        make_graph(zenoh_config(zenoh={'listen': [endpoint]}))


@pytest.fixture(scope='module')
def certificates(tmp_path_factory):
    """A throw-away authority, a certificate of it for 127.0.0.1, and one of somebody else's."""
    if shutil.which('openssl') is None:
        pytest.skip('openssl, which makes the certificates, is not installed')
    folder = tmp_path_factory.mktemp('certificates')

    def openssl(*arguments):
        subprocess.run(['openssl', *arguments], cwd=folder, check=True, capture_output=True)

    (folder / 'names').write_text('subjectAltName=IP:127.0.0.1,DNS:localhost\n')
    curve = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes')
    for authority in ('ours', 'theirs'):
        openssl('req', '-x509', *curve, '-keyout', f'{authority}.ca.key', '-out', f'{authority}.ca', '-days',
                '2', '-subj', f'/CN={authority}')  # fmt: skip
        openssl('req', *curve, '-keyout', f'{authority}.key', '-out', 'request', '-subj', '/CN=127.0.0.1')
        openssl('x509', '-req', '-in', 'request', '-CA', f'{authority}.ca', '-CAkey', f'{authority}.ca.key',
                '-CAcreateserial', '-out', f'{authority}.pem', '-days', '2', '-extfile', 'names')  # fmt: skip
    return folder


def tls(folder, authority, own=None):
    own = own or authority
    return {
        'ca': str(folder / f'{authority}.ca'),
        'certificate': str(folder / f'{own}.pem'),
        'key': str(folder / f'{own}.key'),
    }


def test_a_tls_link_carries_messages_between_those_the_authority_knows(graphs, certificates):
    endpoint = f'tls/127.0.0.1:{17400 + 236 + DOMAIN_ID}'
    ours = tls(certificates, 'ours')
    router = graphs(zenoh={'mode': 'router', 'listen': [endpoint], 'tls': ours})
    client = graphs(node_name='camera', zenoh={'mode': 'client', 'connect': [endpoint], 'tls': ours})
    hear(client, router)

    with pytest.raises(GraphError, match='opening a zenoh session'):  # nothing in the clear
        make_graph(zenoh_config(zenoh={'mode': 'client', 'connect': [endpoint.replace('tls', 'tcp')]}))
    stranger = {'mode': 'client', 'connect': [endpoint]}
    for wrong in (
        {'ca': str(certificates / 'theirs.ca')},  # does not trust the router
        tls(certificates, 'ours', 'theirs'),  # is not trusted by it
    ):
        with pytest.raises(GraphError, match='opening a zenoh session'):
            make_graph(zenoh_config(zenoh={**stranger, 'tls': wrong}))


@pytest.mark.parametrize('cdr', [b'', b'\0', b'\0\1\0', b'words, plain'])
def test_bytes_without_the_encapsulation_header_are_refused(graph, cdr):
    publisher = graph.advertise('/words', STRING, RELIABLE)
    with pytest.raises(GraphError, match=r'/words.*String'):
        publisher.publish(cdr)
    publisher.publish(string('fine'))


def test_a_type_nobody_defined_is_refused(graph):
    with pytest.raises(GraphError, match='not known'):
        graph.advertise('/custom', 'my_msgs/msg/Custom', RELIABLE)
    with pytest.raises(GraphError, match='not known'):
        graph.subscribe('/custom', 'my_msgs/msg/Custom', RELIABLE, Inbox())


def test_the_types_we_exchange_have_the_hashes_ros_tells():
    assert STRING_ON_THE_WIRE.endswith(type_hash(STRING))


def run_python(script):
    return subprocess.run(
        [sys.executable, '-c', script],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': str(Path(__file__).resolve().parents[2])},
        timeout=PATIENCE_S,
        check=True,
    )


def test_a_program_that_forgets_to_close_ends_in_order(peer):
    script = f"""
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import make_graph, RELIABLE
graph = make_graph(GraphConfig(kind='zenoh', domain_id={DOMAIN_ID}, loopback=True, node_name='forgetful'))
graph.subscribe('/words', '{STRING}', RELIABLE, lambda cdr, received_ns: None)
publisher = graph.advertise('/words', '{STRING}', RELIABLE)
publisher.publish(b'\\0\\1\\0\\0' + bytes(200_000))
print('done')
"""
    ended = run_python(script)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, 'done\n', '')
    assert peer.seen(kind='NN', count=0) == []


def test_close_leaves_no_thread_and_silences_a_running_stream(peer):
    before = set(threading.enumerate())
    graph = make_graph(zenoh_config())
    inbox = Inbox()
    peer.talk(topic='/words', type=STRING, qos=asdict(RELIABLE))
    graph.subscribe('/words', STRING, RELIABLE, inbox)
    peer.stream(topic='/words', **stream_of('again'))
    inbox.wait(20)
    graph.close()
    count = len(inbox.messages)
    again = make_graph(zenoh_config())  # the stream goes on, as somebody else sees
    try:
        other = Inbox()
        again.subscribe('/words', STRING, RELIABLE, other)
        other.wait(20)
    finally:
        again.close()
    assert len(inbox.messages) == count
    eventually(lambda: set(threading.enumerate()) == before, 'the threads gone')


@pytest.mark.skipif(
    shutil.which('strace') is None, reason='strace, which sees every packet, is not installed'
)
def test_no_packet_leaves_the_machine(tmp_path, peer):
    trace = tmp_path / 'trace'
    script = f"""
import sys
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import make_graph, RELIABLE
graph = make_graph(GraphConfig(kind='zenoh', domain_id={DOMAIN_ID}, loopback=True, node_name='watched'))
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
    addressed = [call for call in calls if re.search(r'\b(connect|bind|send\w*)\(.*sa_family=AF_INET', call)]
    assert (
        len(addressed) >= 3
    )  # the meeting point tried and taken, a port of its own: the trace saw something
    assert all('inet_addr("127.0.0.1")' in call for call in addressed), addressed
    assert not [call for call in calls if re.search(r'setsockopt\(.*(MULTICAST|MEMBERSHIP)', call)]
