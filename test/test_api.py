"""The front door for programs in Python; the examples in its docstrings run here."""

import doctest
import subprocess
import sys
import threading

import pytest

import stream_infer_ros
from stream_infer_ros import api
from stream_infer_ros.errors import BagError, ConfigError, EngineError
from stream_infer_ros.graph import MemoryBus, MemoryGraph
from stream_infer_ros.simulation import SimulationOptions, Timing, schedule
from stream_infer_ros.simulation.publisher import WorldPublisher

SMALL = SimulationOptions(cameras=2, width=160, height=120, timing=Timing(rate_hz=20.0))
PATIENT = {'bound_ms': 20_000.0, 'engine.kind': 'fake'}


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    path = tmp_path_factory.mktemp('recording') / 'yard.mcap'
    command = [sys.executable, '-m', 'stream_infer_ros', 'simulate', '--bag', str(path)]
    command += ['--cameras', '2', '--seconds', '0.5', '--width', '160', '--height', '120']
    subprocess.run(command, check=True, timeout=300, capture_output=True)
    return path


@pytest.fixture
def graph():
    """A graph on which two cameras stream until the test is over."""
    bus, stop = MemoryBus(), threading.Event()
    cameras, graph = MemoryGraph(bus), MemoryGraph(bus)

    def stream():
        while not stop.is_set():
            epoch_ns = cameras.now_ns()
            publisher = WorldPublisher(cameras, SMALL.world(), SMALL.rig(), epoch_ns, 1.0)
            for exposure in schedule(SMALL.cameras, SMALL.seed, epoch_ns, SMALL.timing, 40):
                if stop.wait(max(0.0, (exposure.stamp_ns - cameras.now_ns()) / 1e9)):
                    return
                publisher.hand_out(publisher.prepare(exposure))

    thread = threading.Thread(target=stream)
    thread.start()
    yield graph
    stop.set()
    thread.join()
    graph.close()
    cameras.close()


def test_the_examples_in_the_docstrings_are_true(bag, graph):
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    for function in (api.replay, api.run):
        (example,) = finder.find(function, globs={'bag': bag, 'graph': graph, **vars(api)})
        assert example.examples
        assert runner.run(example).failed == 0


def test_a_recording_gives_the_same_results_whatever_the_settings_come_from(bag, tmp_path):
    file = tmp_path / 'settings.yaml'
    file.write_text('engine: {kind: fake}\nmap: {enabled: false}\n')
    tree = {'engine.kind': 'fake', 'map.enabled': False}
    found = [
        [
            (result.stamp_ns, sorted(result.detections), result.map)
            for result in stream_infer_ros.replay(bag, settings)
        ]
        for settings in (file, str(file), tree, stream_infer_ros.load_config(file))
    ]
    assert len(found[0]) == 5
    assert {map_ for _, _, map_ in found[0]} == {None}
    assert found[1:] == found[:1] * 3


def test_what_is_wrong_is_said_before_the_first_result(tmp_path):
    with pytest.raises(BagError, match='nowhere'):
        next(stream_infer_ros.replay(tmp_path / 'nowhere'))
    with (
        pytest.raises(ConfigError, match='no setting camras'),
        stream_infer_ros.run({'camras': ['a']}),
    ):
        pass


def test_results_that_nobody_takes_are_dropped_and_counted(graph):
    with stream_infer_ros.run({'cameras': ['cam0', 'cam1'], **PATIENT}, graph=graph) as running:
        first = next(running)
        dropped = threading.Event()
        while not running.dropped:
            dropped.wait(0.01)
        waited = [next(running) for _ in range(api.RESULTS_WAITING)]
    assert waited[0].stamp_ns > first.stamp_ns
    assert [result.stamp_ns for result in waited] == sorted(result.stamp_ns for result in waited)
    assert len(list(running)) <= api.RESULTS_WAITING  # what is left can be taken, then it ends


def test_cameras_are_found_and_what_is_wrong_is_told(graph):
    with stream_infer_ros.run({**PATIENT, 'map.enabled': False}, graph=graph) as running:
        assert set(next(running).detections) <= {'cam0', 'cam1'}
        assert 'policy deadline, 2 cameras' in running.explain_sync()
        # A busy machine delays images, which is a problem of its own.
        assert [problem for problem in running.problems() if 'after their stamps' not in problem] == []
        assert not running.reset_map()
        running.change_settings({**PATIENT, 'sync.slop_ms': 21.5})
        assert any('slop 21.5 ms' in running.explain_sync() for _ in zip(running, range(100), strict=False))


def test_a_pipeline_that_fails_ends_the_iteration_with_its_error(graph, monkeypatch):
    def broken(*_, **__):
        raise EngineError('the device is gone')

    with stream_infer_ros.run({'cameras': ['cam0', 'cam1'], **PATIENT}, graph=graph) as running:
        next(running)
        monkeypatch.setattr(
            'stream_infer_ros.inference.engines.supervised_engine.SupervisedEngine.run', broken
        )
        with pytest.raises(EngineError, match='the device is gone'):
            for _ in running:
                pass


def test_the_front_door_is_what_it_says():
    for name in stream_infer_ros.__all__:
        assert getattr(stream_infer_ros, name).__doc__
    assert set(stream_infer_ros.__all__) <= set(dir(stream_infer_ros))
    with pytest.raises(AttributeError, match='no_such_thing'):
        stream_infer_ros.no_such_thing  # noqa: B018
