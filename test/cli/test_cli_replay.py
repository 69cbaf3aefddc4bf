"""A recording of the simulated cameras, replayed: the same detections and maps every time."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from rosbags.rosbag2 import Reader, Writer
from rosbags.typesys import Stores, get_typestore

from stream_infer_ros import api
from stream_infer_ros.config import parse_config
from stream_infer_ros.errors import MessageError
from stream_infer_ros.graph import LATCHED, RELIABLE, BagGraph
from stream_infer_ros.messages.image import encode_image

STORE = get_typestore(Stores.ROS2_JAZZY)
DETECTIONS, GRID = 'vision_msgs/msg/Detection2DArray', 'nav_msgs/msg/OccupancyGrid'


def stream_infer(*arguments):
    command = [sys.executable, '-m', 'stream_infer_ros', *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def contents(bag, topics):
    graph = BagGraph(bag)
    found = {topic: [] for topic in topics}
    for topic, (type_name, qos) in topics.items():
        graph.subscribe(topic, type_name, qos, lambda cdr, _, into=found[topic]: into.append(bytes(cdr)))
    graph.play()
    graph.close()
    return found


def test_the_same_bag_gives_the_same_results_twice(tmp_path):
    bag = tmp_path / 'yard.mcap'
    stream_infer('simulate', '--bag', bag, '--cameras', 2, '--seconds', 1.5, '--seed', 7)
    topics = {f'/stream_infer/cam{i}/detections': (DETECTIONS, RELIABLE) for i in range(2)}
    topics['/stream_infer/occupancy_grid'] = (GRID, LATCHED)
    runs = []
    for name in ('first', 'second'):
        told = stream_infer('replay', bag, '--out', tmp_path / f'{name}.mcap', '--explain-sync')
        assert '15 sets, 0 of them partial' in told
        assert 'policy deadline, 2 cameras' in told
        assert 'suggested: sync.slop_ms' in told
        runs.append(contents(tmp_path / f'{name}.mcap', topics))
    assert Counter({topic: len(messages) for topic, messages in runs[0].items()}) == Counter(
        dict.fromkeys(topics, 15)
    )
    assert runs[0] == runs[1]


def test_recordings_of_one_seed_are_alike(tmp_path):
    for name in ('a', 'b'):
        stream_infer(
            'simulate', '--bag', tmp_path / f'{name}.mcap', '--cameras', 1, '--seconds', 0.5, '--width', 160
        )
    topics = {'/cam0/image_raw': ('sensor_msgs/msg/Image', RELIABLE)}
    first, second = (contents(tmp_path / f'{name}.mcap', topics) for name in ('a', 'b'))
    assert len(first['/cam0/image_raw']) == 5
    assert first == second


def test_a_recording_without_an_end_is_refused(tmp_path):
    command = [sys.executable, '-m', 'stream_infer_ros', 'simulate', '--bag', str(tmp_path / 'x.mcap')]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert '--seconds' in done.stderr


def record_refused(path, good=0, bad=3):
    """Record images, of which the last are cut short."""
    now_ns = 1_700_000_000_000_000_000
    graph = BagGraph(None, path, lambda: now_ns)
    publisher = graph.advertise('/cam0/image_raw', 'sensor_msgs/msg/Image', RELIABLE)
    for count in range(good + bad):
        now_ns += 100_000_000
        cdr = encode_image(now_ns, 'cam0', np.zeros((48, 64, 3), np.uint8), 'rgb8')
        publisher.publish(cdr if count < good else cdr[:-30])
    graph.close()


def test_a_recording_without_a_usable_image_says_what_came(tmp_path):
    record_refused(tmp_path / 'refused.mcap')
    command = [sys.executable, '-m', 'stream_infer_ros', 'replay', str(tmp_path / 'refused.mcap')]
    done = subprocess.run(
        [*command, '--engine', 'fake', '--explain-sync'],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert '3 messages came on /cam0/image_raw, all refused: sensor_msgs/msg/Image: ' in done.stdout
    assert 'the recording has no usable image: cam0: 3 messages came' in done.stderr
    assert 'no image yet' not in done.stdout
    with pytest.raises(MessageError, match='3 messages came on /cam0/image_raw, all refused'):
        list(api.replay(tmp_path / 'refused.mcap', {'engine.kind': 'fake'}))


def test_single_refusals_are_in_the_summary(tmp_path):
    record_refused(tmp_path / 'some.mcap', good=4, bad=2)
    told = stream_infer('replay', tmp_path / 'some.mcap', '--engine', 'fake')
    assert 'cam0: 4 images' in told
    assert '6 messages came on /cam0/image_raw, 2 refused, the last because: ' in told


@pytest.fixture(scope='module')
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp('recording') / 'rec'
    size = ['--cameras', 1, '--seconds', 1, '--width', 160, '--height', 120]
    stream_infer('simulate', '--bag', path, *size)
    return path


def renamed(source, path, name):
    """Copy a recording, with `name(topic)` as the topics."""
    with Reader(source) as reader, Writer(path, version=9) as writer:
        connections = {
            c.id: writer.add_connection(name(c.topic), c.msgtype, typestore=STORE) for c in reader.connections
        }
        for connection, stamp_ns, cdr in reader.messages():
            writer.write(connections[connection.id], stamp_ns, cdr)
    return path


def free_cells(bag, **graph):
    settings = parse_config({'graph': graph}, 'test')
    *_, last = api.replay(bag, settings)
    return 0 if last.map is None else int((last.map.cells == 0).sum())


def test_transforms_of_the_own_namespace_are_found(recording, tmp_path):
    bag = renamed(recording, tmp_path / 'robot', lambda topic: f'/robot1{topic}')
    whole = free_cells(recording)
    assert whole > 0
    assert free_cells(bag, namespace='/robot1') == whole
    assert free_cells(bag, tf_namespace='/robot1') == whole
    assert free_cells(bag, namespace='/robot1', tf_namespace='/') == 0
    told = stream_infer('replay', bag, '--engine', 'fake')
    assert 'no transform came on /tf or /tf_static, but there are some on /robot1/tf: set ' in told


def test_transforms_that_are_divided_between_namespaces_are_noticed(recording, tmp_path):
    bag = renamed(recording, tmp_path / 'robot', lambda topic: '/robot1/tf' if topic == '/tf' else topic)
    told = stream_infer('replay', bag, '--engine', 'fake')
    words = (
        'frames are missing on /tf and /tf_static, but there are some on /robot1/tf: set graph.tf_namespace '
    )
    assert words in told


def test_a_missing_frame_is_no_hint_to_other_namespaces_if_there_are_none(recording, tmp_path):
    bag = renamed(recording, tmp_path / 'robot', lambda topic: '/else' if topic == '/tf' else topic)
    told = stream_infer('replay', bag, '--engine', 'fake')
    assert 'tf_namespace' not in told
    assert 'not mapped' in told
