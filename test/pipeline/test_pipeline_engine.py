"""What becomes of the cameras' streams when the engine has no result for them."""

import threading

import numpy as np
import pytest
from yard import SMALL, Yard

from stream_infer_ros.config import parse_config
from stream_infer_ros.errors import EngineError, InferenceMissed
from stream_infer_ros.graph import RELIABLE, MemoryGraph
from stream_infer_ros.inference import FakeEngine
from stream_infer_ros.inference.engines import SupervisedEngine
from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.messages.image import TYPE_NAME, encode_image
from stream_infer_ros.pipeline.assembly import assemble
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.runtime.live import LiveRunner
from stream_infer_ros.pipeline.scheduling.time_left import TimeLeft

CAMERAS = [f'cam{i}' for i in range(SMALL.cameras)]
MS = 1_000_000


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
    fused = []

    def on_message(topic, cdr, received_ns):
        for frame_set in assembly.pipeline.receive(topic, cdr, received_ns):
            perceived = assembly.pipeline.perceive(frame_set, yard.clock.now_ns)
            fused.append(assembly.pipeline.deliver(perceived, yard.clock.now_ns))

    for topic, type_name, qos in assembly.subscriptions():
        yard.graph.subscribe(topic, type_name, qos, lambda cdr, ns, topic=topic: on_message(topic, cdr, ns))
    return yard, engine, assembly, fused


def statuses(assembly, yard):
    return {s.name.split(': ')[1]: s for s in assembly.diagnostics.statuses(yard.clock.now_ns)}


def test_a_set_without_a_result_is_counted_and_the_next_goes_on(run):
    yard, engine, assembly, fused = run
    yard.stream(ticks=3)
    engine.failure = InferenceMissed('no server answers')
    yard.stream(ticks=5, skip=lambda e: e.tick < 3)
    assert not yard.graph.callback_failures()
    missed = assembly.diagnostics.drops()['no_result']
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
    assert sets_frames == sum(missed.values()) + sum(len(one.perceived.frames) for one in fused)


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
        assert assembly.diagnostics.drops()['engine_down'][camera] >= 2
    assert any('engine' in problem for problem in assembly.diagnostics.other_problems(yard.clock.now_ns))
    assert fused[-1].grid is not None
    assert not fused[-1].perceived.frames


def test_the_engine_is_told_how_long_a_result_is_worth_waiting_for(run):
    yard, engine, *_ = run
    yard.stream(ticks=3)
    live = engine.within_s[1:]  # the first warms up
    assert live
    # A set leaves before its deadline of 40 ms; the bound is 100 ms.
    assert all(0.0 < within_s <= 0.1 for within_s in live)


def test_time_left_is_the_bound_less_age_and_what_follows():
    statistics = Statistics()
    left = TimeLeft(100.0, statistics)
    assert left.seconds(10 * MS, 40 * MS) == pytest.approx(0.070)
    assert left.seconds(10 * MS, 210 * MS) == pytest.approx(-0.100)
    assert left.seconds(50 * MS, 40 * MS) == pytest.approx(0.100)
    left.retune(50.0)
    assert left.seconds(10 * MS, 40 * MS) == pytest.approx(0.020)
    statistics.took('fuse', 5 * MS)
    statistics.took('decode', 2 * MS)
    statistics.took('inference', 30 * MS)
    assert TimeLeft(100.0, statistics).seconds(0, 0) == pytest.approx(0.093)


def test_a_few_slow_results_are_no_reason_to_give_up_all(run):
    """What follows a run takes 5 ms, but a second once in a while."""
    _, _, assembly, _ = run
    for number in range(400):
        assembly.statistics.took('publish', (1000 if number % 20 == 0 else 5) * MS)
    assert 5 * MS <= assembly.pipeline.look_at_times() <= 25 * MS  # of a bound of 100


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

    def on_fused(fused, _):
        with changed:
            delivered.append(fused)
            with_result.extend(fused.perceived.frames)
            changed.notify_all()

    runner = LiveRunner(graph, assembly.pipeline, assembly.cameras, assembly.diagnostics, settings, on_fused)
    publisher = graph.advertise('/cam0/image_raw', TYPE_NAME, RELIABLE)
    picture = np.zeros((48, 64, 3), np.uint8)
    try:
        runner.start()
        for number in range(1, 61):
            publisher.publish(encode_image(graph.now_ns(), 'cam0', picture, 'rgb8'))
            with changed:
                assert changed.wait_for(lambda number=number: len(delivered) >= number, 20)
        assert len(with_result) >= 59
        told = {s.name.split(': ')[1]: s for s in assembly.diagnostics.statuses(graph.now_ns())}
        if network.down():  # it had its turn
            assert 'the device is gone' in told['engine'].message
            assert '1 of 2 instances down' in told['engine'].message
        assert told['camera cam0'].level is DiagnosticLevel.OK
    finally:
        runner.stop()
        graph.close()
    runner.wait(0)
