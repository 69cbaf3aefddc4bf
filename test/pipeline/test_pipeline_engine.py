"""What becomes of the cameras' streams when the engine has no result for them."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from yard import SMALL, Stepped, Yard

from stream_infer_ros.config import parse_config
from stream_infer_ros.errors import EngineError, InferenceMissed
from stream_infer_ros.graph import RELIABLE, MemoryGraph
from stream_infer_ros.inference import FakeEngine
from stream_infer_ros.inference.engines import SupervisedEngine
from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.messages.image import TYPE_NAME, encode_image
from stream_infer_ros.pipeline.assembly import assemble
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.runtime.live import LiveRunner
from stream_infer_ros.pipeline.runtime.replay import OneThread

CAMERAS = [f'cam{i}' for i in range(SMALL.cameras)]


class Failing(FakeEngine):
    """Raises `failure` while there is one, and remembers how long it was given."""

    failure = None

    def __init__(self):
        super().__init__()
        self.within_s = []

    def run(self, pictures, within_s=float('inf')):
        pictures = list(pictures)
        self.within_s.append(within_s)
        if self.failure:
            raise self.failure
        yield from super().run(pictures)


class WithBudget(OneThread):
    """Says how long each result is worth waiting for, as a live run does."""

    budget = None

    def schedule(self, sets):
        for job in super().schedule(sets):
            yield replace(job, within_s=self.budget.within_s(job.frame_set.exposed_ns, self.now_ns()))


class Budgeted(Stepped):
    def __init__(self, graph, assembly):
        self.runner = type('Runner', (WithBudget,), {'budget': assembly.budget})
        super().__init__(graph, assembly)


@pytest.fixture
def run():
    """The yard's cameras streaming into a pipeline whose steps run inside `publish`."""
    yard = Yard()
    settings = parse_config({'cameras': CAMERAS, 'engine': {'kind': 'fake'}}, 'test')
    network = Network(settings)
    engine = Failing()
    network.engines = (SupervisedEngine(engine, lambda: yard.clock.now_ns * 1e-9),)
    network.engines[0].load()
    assembly = assemble(settings, camera_topics(settings, ()), yard.graph, network)
    stepped = Budgeted(yard.graph, assembly)
    return yard, engine, assembly, stepped.results


def statuses(assembly, yard):
    return {s.name.split(': ')[1]: s for s in assembly.health.diagnostics.statuses(yard.clock.now_ns)}


def test_a_set_without_a_result_is_counted_and_the_next_goes_on(run):
    yard, engine, assembly, fused = run
    yard.stream(ticks=3)
    engine.failure = InferenceMissed('no server answers')
    yard.stream(ticks=5, skip=lambda e: e.tick < 3)
    assert not yard.graph.callback_failures()
    missed = assembly.health.losses.drops()['no_result']
    assert set(missed) == set(CAMERAS)
    published = assembly.statistics.sets_published
    told = statuses(assembly, yard)
    assert told['camera cam0'].level is DiagnosticLevel.WARN
    assert 'no server answers' in told['camera cam0'].message
    assert told['engine'].level is DiagnosticLevel.OK
    engine.failure = None
    yard.stream(ticks=7, skip=lambda e: e.tick < 5)
    assert assembly.statistics.sets_published > published
    assert statuses(assembly, yard)['camera cam0'].level is DiagnosticLevel.OK
    # Every frame of a set was published or counted.
    sets_frames = sum(len([f for f in one.perceived.frame_set.frames if f]) for one in fused)
    assert sets_frames == sum(missed.values()) + sum(len(one.perceived.images) for one in fused)


def test_an_engine_that_is_down_is_said_of_every_stream_and_the_map_goes_on(run):
    yard, engine, assembly, fused = run
    yard.stream(ticks=3)
    engine.failure = EngineError('the device is gone')
    yard.stream(ticks=6, skip=lambda e: e.tick < 3)
    assert not yard.graph.callback_failures()
    told = statuses(assembly, yard)
    assert told['engine'].level is DiagnosticLevel.ERROR
    assert 'the device is gone' in told['engine'].message
    for camera in CAMERAS:
        assert told[f'camera {camera}'].level is DiagnosticLevel.ERROR
        assert 'the device is gone' in told[f'camera {camera}'].message
        assert assembly.health.losses.drops()['engine_down'][camera] >= 2
    assert any('engine' in problem for problem in assembly.health.other_problems(yard.clock.now_ns))
    assert fused[-1].map is not None
    assert not fused[-1].perceived.images


def test_the_engine_is_told_how_long_a_result_is_worth_waiting_for(run):
    yard, engine, *_ = run
    yard.stream(ticks=3)
    live = engine.within_s[1:]  # the first warms up
    assert live
    # A set leaves before its deadline of 40 ms; the bound is 100 ms.
    assert all(0.0 < within_s <= 0.1 for within_s in live)


def test_of_two_instances_the_one_that_is_down_takes_no_work():
    """It is always free: it would take nearly every set, and lose it."""
    settings = parse_config(
        {
            'cameras': ['cam0'],
            'engine': {'kind': 'fake', 'instances': 2},
            'sync': {'policy': 'none'},
            'map': {'enabled': False},
            'bound_ms': 20_000.0,  # a busy machine is no reason to fail
        },
        'test',
    )
    network, graph, broken = Network(settings), MemoryGraph(), Failing()
    network.engines = (SupervisedEngine(broken), SupervisedEngine(FakeEngine()))
    for engine in network.engines:
        engine.load()
    assembly = assemble(settings, camera_topics(settings, ()), graph, network)
    broken.failure = EngineError('the device is gone')
    delivered, changed, with_result = [], threading.Condition(), []

    def on_result(result):
        with changed:
            delivered.append(result)
            with_result.extend(result.perceived.images)
            changed.notify_all()

    runner = LiveRunner(graph, assembly, on_result)
    publisher = graph.advertise('/cam0/image_raw', TYPE_NAME, RELIABLE)
    picture = np.zeros((48, 64, 3), np.uint8)
    try:
        runner.start()
        for number in range(1, 61):
            publisher.publish(encode_image(graph.now_ns(), 'cam0', picture, 'rgb8'))
            with changed:
                assert changed.wait_for(lambda number=number: len(delivered) >= number, 20)
        assert len(with_result) >= 59
        told = {s.name.split(': ')[1]: s for s in assembly.health.diagnostics.statuses(graph.now_ns())}
        if network.down():  # it had its turn
            assert 'the device is gone' in told['engine'].message
            assert '1 of 2 instances down' in told['engine'].message
        assert told['camera cam0'].level is DiagnosticLevel.OK
    finally:
        runner.stop()
        graph.close()
    runner.wait(0)
