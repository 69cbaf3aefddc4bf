"""The doctor on live graphs: in this process, and over DDS on loopback."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from graph_harness import DOMAIN_ID
from loopback import LOOPBACK
from planted import EPOCH_NS, IMAGE, MS, STORE, changed, healthy, images, problems, restamped

from stream_infer_ros.config import GraphConfig, parse_config
from stream_infer_ros.doctor import examine_live
from stream_infer_ros.graph import (
    RELIABLE,
    SENSOR_DATA,
    TF,
    TF_STATIC,
    MemoryBus,
    MemoryGraph,
    Qos,
    make_graph,
)

QOS = {'/tf': TF, '/tf_static': TF_STATIC}

# A busy machine really has these problems.
OF_A_BUSY_MACHINE = {
    *('latency_high', 'latency_over_bound', 'jitter', 'images_missing', 'sets_partial', 'rate_low'),
    *('clock_ahead', 'clock_behind', 'clock_drift', 'clock_apart', 'machine_overloaded', 'memory_low'),
}


class Player:
    """Plays a recording in real time, over and over, whenever the doctor asks whether it must stop.

    Attributes:
        published: number of messages that were published while the doctor looked on.
    """

    def __init__(self, graph, messages, qos=None) -> None:
        wanted = {**QOS, **(qos or {})}
        self._messages = messages
        self._began_ns = time.time_ns() + 50 * MS
        self._next = 0
        self._graph = graph
        self.published = 0
        self._publishers = {
            topic: graph.advertise(topic, kind, wanted.get(topic, RELIABLE)) for topic, kind, _, _ in messages
        }

    def __call__(self, seconds: float) -> bool:
        end_ns = time.time_ns() + round(seconds * 1e9)
        while True:
            topic, kind, arrived_ns, message = self._messages[self._next % len(self._messages)]
            loop_ns = self._next // len(self._messages) * 3000 * MS + self._began_ns - EPOCH_NS
            wait_ns = arrived_ns + loop_ns - time.time_ns()
            if wait_ns > 0:
                if seconds:
                    time.sleep(max(0, min(wait_ns, end_ns - time.time_ns())) / 1e9)
                if arrived_ns + loop_ns > time.time_ns():
                    return False
            self._publishers[topic].publish(bytes(STORE.serialize_cdr(_moved(message, loop_ns), kind)))
            self._next += 1
            self.published += 1


def _moved(message, shift_ns):
    if hasattr(message, 'transforms'):
        return replace(message, transforms=[restamped(own, shift_ns) for own in message.transforms])
    return restamped(message, shift_ns)


@pytest.fixture(scope='module')
def robot():
    return healthy()


@pytest.fixture(params=['memory', 'dds'])
def graphs(request, monkeypatch):
    """Return the graph of the robot, and the settings with which the doctor joins it."""
    if request.param == 'dds':
        pytest.importorskip('cyclonedds', reason='the dds adapter needs cyclonedds, which is not installed')
        monkeypatch.setenv('CYCLONEDDS_URI', LOOPBACK)
        settings = {'kind': 'dds', 'domain_id': DOMAIN_ID}
        graph = make_graph(GraphConfig(node_name='robot', **settings))
    else:
        settings, bus = {'kind': 'memory'}, MemoryBus()
        graph = MemoryGraph(bus)
        monkeypatch.setattr('stream_infer_ros.doctor.examination.make_graph', lambda _: MemoryGraph(bus))
    yield graph, settings
    graph.close()


def examined(graphs, messages, qos=None, seconds=1.0, **settings):
    graph, kind = graphs
    config = parse_config({'graph': kind, 'engine': {'kind': 'fake'}, **settings}, 'test')
    return examine_live(config, seconds, Player(graph, messages, qos))


def test_nothing_is_wrong_with_a_healthy_robot(graphs, robot):
    result = examined(graphs, robot, cameras=['cam0', 'cam1'], sync={'deadline_ms': 1000.0})
    assert not set(problems(result)) - OF_A_BUSY_MACHINE, problems(result)
    assert {camera.name: camera.images > 4 for camera in result.seen.cameras} == {'cam0': True, 'cam1': True}


def test_static_transforms_that_are_volatile(graphs, robot):
    volatile = Qos('reliable', 'volatile', 10)
    told = problems(examined(graphs, robot, {'/tf_static': volatile}, cameras=['cam0', 'cam1']))
    assert '/tf_static' in told['qos_durability']
    assert 'transient_local' in told['qos_durability']


def test_transforms_that_are_best_effort(graphs, robot):
    told = problems(examined(graphs, robot, {'/tf': SENSOR_DATA}, cameras=['cam0', 'cam1']))
    assert '/tf' in told['qos_reliability']


def test_a_camera_that_is_absent_and_one_that_is_refused(graphs, robot):
    spoilt = changed(robot, images(lambda m, _: replace(m, step=0), 'cam1'))
    told = problems(examined(graphs, spoilt, cameras=['cam', 'cam1'], seconds=1.0))
    assert 'the closest name is /cam' in told['camera_absent']
    assert 'camera cam1' in told['images_refused']


def test_a_camera_that_is_silent(graphs, robot):
    graph, _ = graphs
    graph.advertise('/front/image_raw', IMAGE, RELIABLE)
    told = problems(examined(graphs, robot, cameras=['cam0', 'front'], seconds=1.0))
    assert 'camera front' in told['camera_silent']


def test_images_that_arrive_too_late(graphs, robot):
    late = [(t, k, ns, restamped(m, -300 * MS) if k == IMAGE else m) for t, k, ns, m in robot if t != '/tf']
    told = problems(examined(graphs, late, cameras=['cam0', 'cam1'], seconds=1.0))
    assert 'raise bound_ms' in told['latency_over_bound']


def test_a_graph_without_anything(graphs):
    _, kind = graphs
    waits = iter(range(1000))
    config = parse_config({'graph': kind, 'engine': {'kind': 'fake'}}, 'test')
    told = problems(examine_live(config, 0.1, lambda _: next(waits) > 2))
    assert 'ROS_DOMAIN_ID' in told['graph_empty']


def test_the_doctor_publishes_nothing(graphs, robot):
    graph, kind = graphs
    config = parse_config({'graph': kind, 'engine': {'kind': 'fake'}, 'cameras': ['cam0', 'cam1']}, 'test')
    player = Player(graph, robot)
    seen = set()

    def stop(seconds):
        seen.update(topic.name for topic in graph.topics())
        return player(seconds)

    examine_live(config, 0.5, stop)
    own = {topic for topic, _, _, _ in robot}
    assert player.published
    assert seen == own


def test_a_middleware_that_cannot_be_used(monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', 'seven')
    config = parse_config({'engine': {'kind': 'fake'}}, 'test')
    told = problems(examine_live(config, 0.1, lambda _: True))
    assert 'seven' in told['graph']


def test_an_observation_that_fails_does_not_hide_the_other_checks(monkeypatch, tmp_path):
    monkeypatch.setattr('stream_infer_ros.doctor.examination.make_graph', lambda _: 1 / 0)
    config = parse_config({'engine': {'kind': 'fake', 'cache_dir': str(tmp_path / 'x')}}, 'test')
    (tmp_path / 'x').touch()
    told = problems(examine_live(config, 0.1, lambda _: True))
    assert 'ZeroDivisionError' in told['check_failed']
    assert 'cache_not_writable' in told


@pytest.mark.slow
def test_nothing_is_wrong_with_the_simulated_robot_of_the_command_line(monkeypatch):
    pytest.importorskip('cyclonedds', reason='the dds adapter needs cyclonedds, which is not installed')
    monkeypatch.setenv('CYCLONEDDS_URI', LOOPBACK)
    monkeypatch.setenv('ROS_DOMAIN_ID', str(DOMAIN_ID))
    command = [sys.executable, '-m', 'stream_infer_ros']
    world = subprocess.Popen([*command, 'simulate', '--rate', '5', '--lifeline'], stdin=subprocess.PIPE)
    try:
        doctor = [*command, 'doctor', '--json']
        done = subprocess.run(doctor, capture_output=True, text=True, check=False, timeout=240)
    finally:
        world.communicate(timeout=60)
    report = json.loads(done.stdout)
    assert len(report['cameras']) == 6
    wrong = {f['problem'] for f in report['findings'] if f['severity'] != 'note'}
    assert not wrong - OF_A_BUSY_MACHINE - {'engine_slow', 'bound_tight'}, report['findings']
    assert done.returncode == bool(wrong)
