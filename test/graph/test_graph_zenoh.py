"""What only the zenoh adapter promises: a node of rmw_zenoh to strangers, losses counted, shared memory."""

import base64
import re
import signal
import struct
import threading
from dataclasses import asdict

import pytest
from graph_harness import DOMAIN_ID, PATIENCE_S, Inbox, PeerProcess, eventually, same
from graph_messages import IMAGE, STRING, encoded, image, string
from graph_programs import calls_to_the_network

from stream_infer_ros.graph import LATCHED, RELIABLE, SENSOR_DATA, Qos
from stream_infer_ros.messages.typestore import type_hash

pytest.importorskip('zenoh', reason='the zenoh adapter needs eclipse-zenoh, which is not installed')

import xxhash

STRING_ON_THE_WIRE = (
    'std_msgs::msg::dds_::String_/RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18'
)


def full_hd(seed):
    """6.2 MB."""
    return image(seed, 1080, 1920)


@pytest.fixture(scope='module')
def kind():
    return 'zenoh'


def test_its_tokens_are_those_of_rmw_zenoh(peer, graphs):
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
    for count, cdr in enumerate(sent, 1):
        publisher.publish(cdr)
        assert peer.in_shared_memory(topic='/camera', count=count) == [True] * count
    got = [base64.b64decode(text) for text in peer.received(topic='/camera', count=6)]
    assert got == sent


def test_more_images_than_shared_memory_holds_go_as_others_do(graph, peer):
    sent = full_hd(1)
    peer.listen(topic='/camera', type=IMAGE, qos=asdict(RELIABLE))
    publisher = graph.advertise('/camera', IMAGE, RELIABLE)
    eventually(lambda: publisher.subscribers() == 1)
    for count in range(1, 15):  # the peer keeps all of them
        publisher.publish(sent)
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
    for count, cdr in enumerate(
        sent, 1
    ):  # one at a time, because a busy machine drops images when the link is full
        publisher.publish(cdr)
        inbox.wait(count)
    assert inbox.messages == sent
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


def test_a_stopped_subscriber_costs_messages_not_the_publisher(graphs, newcomers):
    # Without shared memory: what has to go through a link nobody empties.
    graph = graphs(zenoh={'shared_memory': False})
    stopped = newcomers()
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


def test_the_types_we_exchange_have_the_hashes_ros_tells():
    assert STRING_ON_THE_WIRE.endswith(type_hash(STRING))


def test_no_packet_leaves_the_machine(kind, peer, tmp_path):
    calls = calls_to_the_network(kind, peer, tmp_path)
    addressed = [call for call in calls if re.search(r'\b(connect|bind|send\w*)\(.*sa_family=AF_INET', call)]
    # The meeting point tried and taken, a port of its own: the trace saw something.
    assert len(addressed) >= 3
    assert all('inet_addr("127.0.0.1")' in call for call in addressed), addressed
    assert not [call for call in calls if re.search(r'setsockopt\(.*(MULTICAST|MEMBERSHIP)', call)]
