"""A recording of the simulated cameras, replayed: the same detections and maps every time."""

import subprocess
import sys
from collections import Counter

from stream_infer_ros.graph import LATCHED, RELIABLE, BagGraph

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
