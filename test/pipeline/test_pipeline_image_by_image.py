"""Frames that are inferred, decoded and published one by one: each is out once or counted once."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import ModelConfig, parse_config
from stream_infer_ros.errors import EngineError, InferenceMissed
from stream_infer_ros.graph import RELIABLE, MemoryBus, MemoryGraph
from stream_infer_ros.inference import FakeEngine, Thresholds
from stream_infer_ros.inference.engines import SupervisedEngine
from stream_infer_ros.pipeline.assembly import assemble
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.steps.perceiver import Perceiver
from stream_infer_ros.sync.frame_set import FrameSet, SetReason

CAMERAS = [f'cam{i}' for i in range(5)]
PICTURE = np.zeros((48, 64, 3), np.uint8)


class OneByOne(FakeEngine):
    """Gives each image its result; after `gives` of them `failure`, once. Notes what was done in order."""

    failure, gives = None, 0

    def __init__(self):
        super().__init__()
        self.order = []

    def run(self, pictures, within_s=float('inf')):
        taken = []
        for picture in pictures:
            taken.append(picture)
            self.order.append(f'begun {len(taken)}')
        for index, outputs in enumerate(super().run(taken)):
            if self.failure and index == self.gives:
                failure, self.failure = self.failure, None
                raise failure
            yield outputs


@pytest.fixture(scope='module')
def network():
    with Network(parse_config({'cameras': CAMERAS, 'engine': {'kind': 'fake'}}, 'test'), 5) as network:
        yield network


def perceiving(network, failure, gives):
    engine, statistics, published = OneByOne(), Statistics(), []
    network.engines = (SupervisedEngine(engine, lambda: 0.0),)
    network.engines[0].load()

    def publish(frame, perception):
        assert perception.detections is not None
        published.append(frame.camera)
        engine.order.append(f'out {frame.camera}')
        return 1000 + len(published)

    perceiver = Perceiver(network, 5, statistics, Thresholds.of(ModelConfig()), publish=publish)
    engine.failure, engine.gives = failure, gives
    return perceiver, engine, statistics, published


def moment(broken=(), missing=(), stamps_ns=(10, 10, 10, 10, 10)):
    frames = tuple(
        None
        if camera in missing
        else Frame(camera, stamp_ns, 20, PICTURE, 'jpeg' if camera in broken else 'rgb8', 'f')
        for camera, stamp_ns in zip(CAMERAS, stamps_ns, strict=True)
    )
    return FrameSet(10, frames, 0, SetReason.COMPLETE)


@given(
    failure=st.sampled_from([None, InferenceMissed('too late'), EngineError('gone')]),
    gives=st.integers(0, 5),
    broken=st.sets(st.sampled_from(CAMERAS)),
    missing=st.sets(st.sampled_from(CAMERAS)),
)
def test_every_frame_is_published_once_or_counted_once(network, failure, gives, broken, missing):
    perceiver, _, statistics, published = perceiving(network, failure, gives)
    perceived = perceiver.perceive(moment(broken, missing))
    offered = [camera for camera in CAMERAS if camera not in missing]
    lost = sum((Counter(by) for by in statistics.drops().values()), Counter())
    assert Counter(published) + lost == Counter(offered)
    assert [frame.camera for frame in perceived.frames] == published
    assert len(perceived.perceptions) == len(perceived.sizes) == len(perceived.published_ns) == len(published)
    assert list(perceived.out(5)) == list(zip(perceived.frames, perceived.published_ns, strict=True))
    assert set(statistics.drops().get('undecodable', {})) == broken - missing
    if not isinstance(failure, InferenceMissed):  # a restart helps
        assert set(published) == set(offered) - broken


def test_the_oldest_is_out_first(network):
    perceiver, _, _, published = perceiving(network, None, 0)
    perceived = perceiver.perceive(moment(stamps_ns=(13, 11, 15, 11, 10)))
    assert published == ['cam4', 'cam1', 'cam3', 'cam0', 'cam2']
    assert [frame.camera for frame in perceived.frames] == published


def test_what_comes_first_is_out_before_what_fails(network):
    perceiver, engine, statistics, published = perceiving(network, InferenceMissed('too late'), 2)
    perceiver.perceive(moment())
    assert published == ['cam0', 'cam1']
    assert statistics.drops() == {'no_result': {'cam2': 1, 'cam3': 1, 'cam4': 1}}
    assert engine.order == [*(f'begun {n}' for n in range(1, 6)), 'out cam0', 'out cam1']


@pytest.mark.parametrize('instances', [1, 2])
def test_detections_go_out_once_with_one_engine_or_several(instances):
    settings = parse_config(
        {
            'cameras': CAMERAS,
            'engine': {'kind': 'fake', 'instances': instances},
            'map': {'enabled': False},
        },
        'test',
    )
    bus = MemoryBus()
    graph, ear = MemoryGraph(bus), MemoryGraph(bus)
    heard = Counter()
    for camera in CAMERAS:
        ear.subscribe(
            f'/stream_infer/{camera}/detections',
            'vision_msgs/msg/Detection2DArray',
            RELIABLE,
            lambda _cdr, _ns, camera=camera: heard.update([camera]),
        )
    with Network(settings, 5) as network:
        assembly = assemble(settings, camera_topics(settings, ()), graph, network)
        for instance in range(instances):
            perceived = assembly.pipeline.perceive(moment(), None, instance)
            assert bool(perceived.published_ns) == (instances == 1)
            assert sum(heard.values()) == (5 if instances == 1 else 5 * instance)
            assembly.pipeline.deliver(perceived, 30)
    assert heard == Counter(dict.fromkeys(CAMERAS, instances))
