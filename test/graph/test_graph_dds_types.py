"""The descriptions of message types that the dds adapter gives to Cyclone and to other participants."""

import ctypes as ct
import threading
from dataclasses import asdict

import pytest
from graph_harness import DOMAIN_ID, Inbox, eventually, on_loopback, same
from graph_messages import GRID, IMAGE, STRING, string
from graph_programs import run_python
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import RELIABLE, SENSOR_DATA, make_graph
from stream_infer_ros.messages.typestore import typestore

pytest.importorskip('cyclonedds', reason='the dds adapter needs cyclonedds, which is not installed')

IN_THIS_PROCESS = 1  # DDS_FIND_SCOPE_LOCAL_DOMAIN
XTYPES_METADATA = 1 << 6
# Every kind of field that a .msg file can have, except wstring.
EVERY_KIND = """
bool flag
byte octet
char letter
int8 a
uint8 b
int16 c
uint16 d
int32 e
uint32 f
int64 g
uint64 h
float32 i
float64 j
string words
string<=10 few_words
int8[3] three
string[3] three_words
string<=10[3] three_few_words
test_msgs/Pair[3] three_pairs
float64[] many
string[] many_words
string<=10[] many_few_words
test_msgs/Pair[] many_pairs
bool[<=5] up_to_five
string[<=5] up_to_five_words
string<=10[<=5] up_to_five_few_words
test_msgs/Pair[<=5] up_to_five_pairs
test_msgs/Nested nested
test_msgs/Pair pair
uint8 last
"""


@pytest.fixture(scope='module')
def kind():
    return 'dds'


@pytest.fixture(scope='module')
def made_up():
    store = get_typestore(Stores.EMPTY)
    for name, definition in (
        ('Pair', 'uint8 one\nfloat64 two'),
        ('Nested', 'test_msgs/Pair pair\ntest_msgs/Pair[] pairs\nuint16 number'),
        ('EveryKind', EVERY_KIND),
    ):
        store.register(get_types_from_msg(definition, f'test_msgs/msg/{name}'))
    store.register({'test_msgs/msg/Wide': ([], [('words', (Nodetype.BASE, ('wstring', 0)))])})
    return store


def described_by_cyclone(participant, topic):
    """Return (instructions, size, alignment, flags, name) from Cyclone's descriptor for a typed topic."""
    from stream_infer_ros.graph.dds.library import function  # noqa: PLC0415
    from stream_infer_ros.graph.dds.untyped_topic import _Descriptor  # noqa: PLC0415

    get_information = function('dds_get_typeinfo', ct.c_int32, ct.c_int32, ct.POINTER(ct.c_void_p))
    create = function(
        'dds_create_topic_descriptor',
        ct.c_int32,
        ct.c_int,
        ct.c_int32,
        ct.c_void_p,
        ct.c_int64,
        ct.POINTER(ct.POINTER(_Descriptor)),
    )
    information, made = ct.c_void_p(), ct.POINTER(_Descriptor)()
    assert get_information(topic._ref, ct.byref(information)) == 0
    assert create(IN_THIS_PROCESS, participant._ref, information, 0, ct.byref(made)) == 0
    descriptor = made.contents
    assert descriptor.flags & XTYPES_METADATA
    assert descriptor.key_count == 0
    ops = tuple(descriptor.ops[: descriptor.op_count])
    return (
        ops,
        descriptor.size,
        descriptor.alignment,
        descriptor.flags & ~XTYPES_METADATA,
        descriptor.type_name,
    )


def test_types_are_described_as_cyclone_itself_describes_them(graph, made_up):
    from cyclonedds.topic import Topic  # noqa: PLC0415
    from peers.idl_type import idl_type  # noqa: PLC0415

    from stream_infer_ros.graph.dds.serializer_ops import serializer_ops  # noqa: PLC0415
    from stream_infer_ros.graph.dds.untyped_topic import _FIXED_SIZE  # noqa: PLC0415

    participant = graph._participant.entity
    wanted = [(typestore(), name) for name in typestore().fielddefs]
    wanted += [(made_up, name) for name in made_up.fielddefs if not name.endswith('Wide')]
    assert len(wanted) > 150
    topics = []  # Cyclone may crash when one is deleted while another is described
    for store, name in wanted:
        typed = idl_type(store, name)
        topics.append(Topic(participant, 'typed', typed))
        ours = serializer_ops(store, name)
        flags = _FIXED_SIZE if ours.fixed_size else 0
        told = (ours.ops, ours.size, ours.alignment, flags, typed.__idl_typename__.encode())
        assert told == described_by_cyclone(participant, topics[-1]), name


def test_a_type_that_cannot_be_described_is_refused_with_its_field(made_up):
    from stream_infer_ros.graph.dds.serializer_ops import serializer_ops  # noqa: PLC0415

    with pytest.raises(GraphError, match=r'test_msgs/msg/Wide.words: a wstring'):
        serializer_ops(made_up, 'test_msgs/msg/Wide')
    with pytest.raises(GraphError, match=r'test_msgs/msg/Unknown: its definition is not known'):
        serializer_ops(made_up, 'test_msgs/msg/Unknown')


def test_endpoints_announce_no_description_of_their_type(graph, peer):
    """With type information, Cyclone and the Fast DDS of ROS 2 Kilted do not match."""
    graph.advertise('/map', GRID, RELIABLE)
    graph.subscribe('/camera', IMAGE, SENSOR_DATA, Inbox())
    assert peer.described(topic='ros_discovery_info') == [False]
    assert peer.described(topic='rt/map') == [False]
    assert peer.described(topic='rt/camera') == [False]
    peer.talk(topic='/camera', type=IMAGE, qos=asdict(SENSOR_DATA))
    assert peer.matched(topic='/camera')  # with an endpoint that does announce it


def test_a_message_in_the_other_byte_order_is_converted(graph, peer):
    publisher = graph.advertise('/words', STRING, RELIABLE)
    peer.listen(topic='/words', type=STRING, qos=asdict(RELIABLE), typed=True)
    eventually(lambda: publisher.subscribers() == 1)
    assert peer.matched(topic='/words')
    publisher.publish(b'\0\0\0\0' + (6).to_bytes(4, 'big') + b'hello\0')
    assert peer.read(topic='/words', count=1) == [{'data': 'hello'}]


def test_messages_reach_code_on_the_binding_in_the_same_process(graph):
    from cyclonedds.domain import DomainParticipant  # noqa: PLC0415
    from cyclonedds.pub import DataWriter  # noqa: PLC0415
    from cyclonedds.sub import DataReader  # noqa: PLC0415
    from cyclonedds.topic import Topic  # noqa: PLC0415
    from dds_types import String  # noqa: PLC0415

    inbox = Inbox()
    graph.subscribe('/to_us', STRING, SENSOR_DATA, inbox)
    publisher = graph.advertise('/from_us', STRING, RELIABLE)
    participant = DomainParticipant(DOMAIN_ID)
    reader = DataReader(participant, Topic(participant, 'rt/from_us', String))
    writer = DataWriter(participant, Topic(participant, 'rt/to_us', String))
    eventually(lambda: publisher.subscribers() == 1)
    eventually(lambda: writer.get_publication_matched_status().current_count == 1)
    publisher.publish(string('from us'))
    writer.write(String('to us'))
    assert same(inbox.wait(1), [string('to us')])
    (got,) = reader.take()
    assert got.data == 'from us'


def test_close_waits_for_a_message_that_is_being_written(graphs, monkeypatch):
    """Otherwise Cyclone would free the type of the message while it is in use."""
    from stream_infer_ros.graph.dds import calls  # noqa: PLC0415

    graph = graphs()
    publisher = graph.advertise('/words', STRING, RELIABLE)
    writing, go_on, ends = threading.Event(), threading.Event(), []
    write = calls.write

    def write_slowly(writer, cdr):
        writing.set()
        assert go_on.wait(10)
        write(writer, cdr)
        ends.append('written')

    def close():
        graph.close()
        ends.append('closed')

    monkeypatch.setattr(calls, 'write', write_slowly)
    threads = [
        threading.Thread(target=publisher.publish, args=(string('last'),)),
        threading.Thread(target=close),
    ]
    threads[0].start()
    assert writing.wait(10)
    monkeypatch.setattr(calls, 'write', write)
    threads[1].start()
    threads[1].join(0.2)
    assert ends == []
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert ends == ['written', 'closed']
    with pytest.raises(GraphError, match='closed'):
        publisher.publish(string('too late'))


def test_topics_cost_no_memory_once_their_graph_is_closed(graph):
    """Another graph stays open, because the end of the domain would free the memory in any case."""

    def resident_kb():
        with open('/proc/self/status') as status:
            return next(int(line.split()[1]) for line in status if line.startswith('VmRSS'))

    def make_and_close(times):
        for _ in range(times):
            made = make_graph(on_loopback('dds'))
            for i in range(10):
                made.advertise(f'/map{i}', GRID, RELIABLE)
                made.subscribe(f'/camera{i}', IMAGE, SENSOR_DATA, Inbox())
            made.close()
            graph.qos_problems()  # takes the data from discovery

    make_and_close(20)
    before_kb = resident_kb()
    make_and_close(100)
    assert resident_kb() - before_kb < 1000  # 0.5 kB for each topic


def test_a_build_of_cyclone_without_a_needed_function_is_named():
    script = """
import cyclonedds.internal
class Older:
    def __init__(self, library):
        self._library = library
    def __getattr__(self, name):
        if name == 'dds_writecdr':
            raise AttributeError(name)
        return getattr(self._library, name)
load = cyclonedds.internal.load_cyclonedds
cyclonedds.internal.load_cyclonedds = lambda: Older(load())
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import make_graph
try:
    make_graph(GraphConfig(loopback=True))
except GraphError as error:
    print(error)
"""
    assert 'no dds_writecdr: install the tested one' in run_python(script).stdout
