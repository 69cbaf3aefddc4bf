"""Recordings: both formats, both ways, compressed or damaged."""

import os
import resource
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from graph_harness import Inbox
from graph_messages import DETECTIONS, STRING, string
from rosbags.interfaces import QosDurability, QosReliability
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer

from stream_infer_ros.errors import BagError, GraphError
from stream_infer_ros.graph import LATCHED, RELIABLE, SENSOR_DATA, BagGraph, MemoryGraph, TopicInfo
from stream_infer_ros.graph.recording import RecordingGraph
from stream_infer_ros.messages.typestore import type_hash, typestore

REAL_BAG = Path(__file__).resolve().parents[3] / 'shared/bags/amber_soccer_goal'
FORMS = ['folder', 'file.mcap', 'file.db3']


def record(path, entries):
    """entries: (topic, stamp_ns, text), written in that order."""
    now = [0]
    graph = BagGraph(write=path, clock_ns=lambda: now[0])
    publishers = {
        topic: graph.advertise(topic, STRING, RELIABLE) for topic in dict.fromkeys(e[0] for e in entries)
    }
    for topic, stamp_ns, text in entries:
        now[0] = stamp_ns
        publishers[topic].publish(string(text))
    graph.close()
    return path


def replay(path, topics, **arguments):
    """(topic, stamp_ns, clock at that moment, payload) of what was delivered."""
    graph = BagGraph(path)
    seen = []
    for topic in topics:
        graph.subscribe(
            topic,
            STRING,
            SENSOR_DATA,
            lambda cdr, ns, t=topic: seen.append((t, ns, graph.now_ns(), bytes(cdr))),
        )
    try:
        count = graph.play(**arguments)
    finally:
        graph.close()
    assert count == len(seen)
    return seen


@pytest.mark.parametrize('form', FORMS)
def test_what_is_recorded_is_played_in_the_order_of_its_stamps(tmp_path, form):
    entries = [('/a', 30, 'a30'), ('/b', 10, 'b10'), ('/a', 20, 'a20'), ('/c', 15, 'not asked for')]
    path = record(tmp_path / form, entries)
    assert replay(path, ['/a', '/b']) == [
        ('/b', 10, 10, string('b10')),
        ('/a', 20, 20, string('a20')),
        ('/a', 30, 30, string('a30')),
    ]


@pytest.mark.parametrize('form', FORMS)
def test_a_recording_holds_topics_stamps_and_types_for_others(tmp_path, form):
    graph = BagGraph(write=tmp_path / form, clock_ns=lambda: 5)
    graph.advertise('/map', STRING, LATCHED).publish(string('m'))
    graph.advertise('/detections', DETECTIONS, SENSOR_DATA)
    graph.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == [form]
    read = BagGraph(tmp_path / form)
    assert read.topics() == [TopicInfo('/detections', DETECTIONS), TopicInfo('/map', STRING)]
    assert read.now_ns() == 5
    read.close()
    with Reader(tmp_path / form) as reader:
        by_topic = {connection.topic: connection for connection in reader.connections}
        (latched,) = by_topic['/map'].ext.offered_qos_profiles
        (sensor,) = by_topic['/detections'].ext.offered_qos_profiles
        assert (latched.durability, latched.reliability, latched.depth) == (
            QosDurability.TRANSIENT_LOCAL,
            QosReliability.RELIABLE,
            1,
        )
        assert (sensor.durability, sensor.reliability) == (QosDurability.VOLATILE, QosReliability.BEST_EFFORT)
        assert 'vision_msgs/ObjectHypothesis' in by_topic['/detections'].msgdef.data
        if form == 'folder':  # metadata.yaml is where hashes are
            assert by_topic['/detections'].digest == type_hash(DETECTIONS)


def test_published_messages_carry_the_time_of_the_message_being_played(tmp_path):
    source = record(tmp_path / 'in', [('/a', 100, 'x'), ('/a', 250, 'y')])
    graph = BagGraph(source, tmp_path / 'out')
    echo = graph.advertise('/echo', STRING, RELIABLE)
    graph.subscribe('/a', STRING, RELIABLE, lambda cdr, _: echo.publish(cdr))
    graph.play()
    graph.close()
    assert [(ns, cdr) for _, ns, _, cdr in replay(tmp_path / 'out', ['/echo'])] == [
        (100, string('x')),
        (250, string('y')),
    ]


def test_a_recorder_on_a_live_graph_keeps_what_is_published_and_only_that(tmp_path):
    now = [7]
    graph = RecordingGraph(MemoryGraph(clock_ns=lambda: now[0]), tmp_path / 'kept')
    inbox = Inbox()
    graph.subscribe('/a', STRING, RELIABLE, inbox)
    publisher = graph.advertise('/a', STRING, RELIABLE)
    publisher.publish(string('first'))
    now[0] = 9
    publisher.publish(string('second'))
    graph.close()
    assert inbox.messages == [string('first'), string('second')]
    assert [(ns, cdr) for _, ns, _, cdr in replay(tmp_path / 'kept', ['/a'])] == [
        (7, string('first')),
        (9, string('second')),
    ]


def test_a_recorder_whose_disk_is_full_says_so(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    graph = RecordingGraph(MemoryGraph(), tmp_path / 'kept')
    publisher = graph.advertise('/a', STRING, RELIABLE)
    random = np.random.default_rng(0)

    def record_much():
        for _ in range(8):
            publisher.publish(string(random.bytes(300_000).hex()))
        graph.close()

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(BagError, match='cannot be written'):
            record_much()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_without_an_output_publishing_goes_nowhere(tmp_path):
    graph = BagGraph(record(tmp_path / 'in', [('/a', 1, 'x')]))
    publisher = graph.advertise('/echo', STRING, RELIABLE)
    publisher.publish(string('x'))
    assert publisher.subscribers() == 0
    graph.close()


@pytest.mark.parametrize('plugin', list(StoragePlugin))
@pytest.mark.parametrize('mode', [CompressionMode.FILE, CompressionMode.MESSAGE])
def test_compressed_recordings_are_read(tmp_path, plugin, mode):
    with Writer(tmp_path / 'bag', version=8, storage_plugin=plugin) as writer:
        pass
    shutil.rmtree(tmp_path / 'bag')
    writer = Writer(tmp_path / 'bag', version=8, storage_plugin=plugin)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection('/a', STRING, typestore=typestore())
        for stamp_ns in (1, 2):
            writer.write(connection, stamp_ns, string('squeezed'))
    assert [cdr for *_, cdr in replay(tmp_path / 'bag', ['/a'])] == [string('squeezed')] * 2
    (storage,) = (file for file in (tmp_path / 'bag').iterdir() if file.name != 'metadata.yaml')
    if mode is CompressionMode.MESSAGE:  # its metadata stands beside it
        assert len(replay(storage, ['/a'])) == 2
        assert len(replay(shutil.copy(storage, tmp_path / storage.name), ['/a'])) == 2


def test_a_topic_of_a_type_nobody_defined_passes_as_bytes(tmp_path):
    with Writer(tmp_path / 'bag', version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        custom = writer.add_connection('/custom', 'my_msgs/msg/Custom', msgdef='uint8 x', rihs01='RIHS01_00')
        known = writer.add_connection('/known', STRING, typestore=typestore())
        writer.write(custom, 1, b'\0\1\0\0\7')
        writer.write(known, 2, string('x'))
    assert [ns for _, ns, _, _ in replay(tmp_path / 'bag', ['/known'])] == [2]
    graph = BagGraph(tmp_path / 'bag')
    assert graph.topics() == [TopicInfo('/custom', 'my_msgs/msg/Custom'), TopicInfo('/known', STRING)]
    inbox = Inbox()
    graph.subscribe('/custom', 'my_msgs/msg/Custom', SENSOR_DATA, inbox)
    graph.play()
    graph.close()
    assert inbox.messages == [b'\0\1\0\0\7']
    writing = BagGraph(write=tmp_path / 'out')
    with pytest.raises(BagError, match='definition of my_msgs/msg/Custom is not known'):
        writing.advertise('/custom', 'my_msgs/msg/Custom', RELIABLE)
    writing.close()


def test_a_real_recording_is_read_as_a_folder_and_as_its_file():
    if not REAL_BAG.is_dir():
        pytest.skip(f'{REAL_BAG} is not here')
    for path in (REAL_BAG, REAL_BAG / 'soccer_goal_12.mcap'):
        graph = BagGraph(path)
        assert graph.topics() == [
            TopicInfo('/camera/image_raw', 'sensor_msgs/msg/Image')
        ]  # says sensor_msgs/Image
        inbox = Inbox()
        graph.subscribe('/camera/image_raw', 'sensor_msgs/msg/Image', SENSOR_DATA, inbox)
        assert graph.play() == 2
        assert inbox.stamps == [8297777777, 8331088888]
        image = typestore().deserialize_cdr(inbox.messages[0], 'sensor_msgs/msg/Image')
        assert (image.width, image.height, image.encoding) == (640, 480, 'rgb8')
        graph.close()


def test_each_step_delivers_one_message_of_the_recording(tmp_path):
    graph = BagGraph(record(tmp_path / 'bag', [('/a', 30, 'a30'), ('/b', 10, 'b10'), ('/c', 20, 'c20')]))
    first, second = Inbox(), Inbox()
    for topic, inbox in [('/a', first), ('/b', first), ('/b', second)]:
        graph.subscribe(topic, STRING, RELIABLE, inbox)
    steps = graph.steps()
    assert (first.messages, graph.now_ns()) == ([], 10)
    next(steps)
    assert (first.messages, second.messages) == ([string('b10')], [string('b10')])
    next(steps)
    assert (first.messages, graph.now_ns()) == ([string('b10'), string('a30')], 30)
    assert list(steps) == []
    assert graph.now_ns() == 30
    graph.close()


@pytest.mark.parametrize('form', FORMS)
def test_a_graph_that_is_closed_between_two_steps_delivers_nothing_more(tmp_path, form):
    graph = BagGraph(record(tmp_path / form, [('/a', 1, 'x'), ('/a', 2, 'y')]))
    inbox = Inbox()
    graph.subscribe('/a', STRING, RELIABLE, inbox)
    steps = graph.steps()
    next(steps)
    graph.close()
    assert list(steps) == []
    assert inbox.messages == [string('x')]


@pytest.mark.parametrize('form', FORMS)
def test_a_subscriber_may_close_the_graph(tmp_path, form):
    graph = BagGraph(record(tmp_path / form, [('/a', 1, 'x'), ('/a', 2, 'y')]))
    graph.subscribe('/a', STRING, RELIABLE, lambda _cdr, _ns: graph.close())
    assert graph.play() == 1
    with pytest.raises(GraphError, match='was closed'):
        graph.subscribe('/a', STRING, RELIABLE, Inbox())


def test_the_pace_of_real_time_is_that_of_the_recording(tmp_path):
    path = record(tmp_path / 'bag', [('/a', 10**9, 'x'), ('/a', 10**9 + 200_000_000, 'y')])
    graph = BagGraph(path)
    delivered_s = []
    graph.subscribe('/a', STRING, RELIABLE, lambda _cdr, _ns: delivered_s.append(time.monotonic()))
    began_s = time.monotonic()
    assert graph.play(realtime=True) == 2
    graph.close()
    assert delivered_s[1] - began_s >= 0.2


def test_closing_from_another_thread_ends_a_slow_replay_at_once(tmp_path):
    path = record(tmp_path / 'bag', [('/a', 0, 'x'), ('/a', 3600 * 10**9, 'in an hour')])
    graph = BagGraph(path)
    inbox = Inbox()
    graph.subscribe('/a', STRING, RELIABLE, inbox)
    player = threading.Thread(target=graph.play, kwargs={'realtime': True})
    player.start()
    inbox.wait(1)
    graph.close()
    player.join(10)
    assert not player.is_alive()
    assert len(inbox.messages) == 1


def test_play_is_for_recordings_and_only_once(tmp_path):
    graph = BagGraph(record(tmp_path / 'bag', [('/a', 1, 'x')]), None)
    inbox = Inbox()
    graph.subscribe('/a', STRING, RELIABLE, inbox)
    graph.play()
    with pytest.raises(GraphError, match='played yet'):
        graph.play()
    with pytest.raises(GraphError, match='before play'):
        graph.subscribe('/a', STRING, RELIABLE, inbox)
    graph.close()
    recorder = BagGraph(write=tmp_path / 'out')
    with pytest.raises(GraphError, match='recording to read'):
        recorder.play()
    recorder.close()


def test_an_empty_recording_is_one(tmp_path):
    BagGraph(write=tmp_path / 'bag').close()
    graph = BagGraph(tmp_path / 'bag')
    assert (graph.topics(), graph.now_ns(), graph.play()) == ([], 0, 0)
    graph.close()
    silent = BagGraph(write=tmp_path / 'silent')
    silent.advertise('/a', STRING, RELIABLE)
    silent.close()
    assert replay(tmp_path / 'silent', ['/a']) == []


@pytest.mark.parametrize(
    ('name', 'content'),
    [
        ('missing', None),
        ('missing.mcap', None),
        ('empty.mcap', b''),
        ('empty.db3', b''),
        ('text.mcap', b'this is no recording'),
        ('text.db3', b'this is no recording'),
        ('picture.png', b'\x89PNG'),
    ],
)
def test_what_is_no_recording_is_a_bag_error_with_its_path(tmp_path, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BagError, match=name):
        BagGraph(path)


def test_an_output_that_exists_or_cannot_be_made_is_a_bag_error(tmp_path):
    for name in ('there', 'there.mcap'):
        path = record(tmp_path / name, [('/a', 1, 'x')])
        with pytest.raises(BagError, match='already exists'):
            BagGraph(write=path)
    (tmp_path / 'file').write_text('')
    with pytest.raises(BagError, match='cannot be written'):
        BagGraph(write=tmp_path / 'file' / 'bag')
    with pytest.raises(BagError, match='already exists'):  # the input is left in order
        BagGraph(tmp_path / 'there', tmp_path / 'there.mcap')


def test_publishing_from_several_threads_loses_nothing(tmp_path):
    graph = BagGraph(write=tmp_path / 'bag', clock_ns=lambda: 1)
    publishers = [graph.advertise(f'/t{i}', STRING, RELIABLE) for i in range(4)]

    def publish(publisher):
        for i in range(50):
            publisher.publish(string(str(i)))

    threads = [threading.Thread(target=publish, args=(publisher,)) for publisher in publishers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    graph.close()
    seen = replay(tmp_path / 'bag', [f'/t{i}' for i in range(4)])
    for i in range(4):
        assert [cdr for topic, _, _, cdr in seen if topic == f'/t{i}'] == [string(str(k)) for k in range(50)]


def test_maps_cost_little_in_a_recording(tmp_path):
    grid = b'\0\1\0\0' + bytes(160_000)
    graph = BagGraph(write=tmp_path / 'bag.mcap')
    publisher = graph.advertise('/map', 'nav_msgs/msg/OccupancyGrid', LATCHED)
    for _ in range(20):
        publisher.publish(grid)
    graph.close()
    assert os.path.getsize(tmp_path / 'bag.mcap') < 20 * len(grid) / 50
