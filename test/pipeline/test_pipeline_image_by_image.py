"""Frames that are inferred, decoded and published one by one: each is out once or counted once."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import parse_config
from stream_infer_ros.errors import EngineError, InferenceMissed
from stream_infer_ros.graph import RELIABLE, MemoryBus, MemoryGraph
from stream_infer_ros.inference import FakeEngine
from stream_infer_ros.inference.engines import SupervisedEngine
from stream_infer_ros.pipeline.assembly import assemble
from stream_infer_ros.pipeline.data_path import data_path
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.runtime.replay import OneThread
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


class Sets(OneThread):
    """Runs these sets, each on the next engine."""

    def __init__(self, sets, engines=1):
        super().__init__((), lambda: 30)
        self._sets, self._engines = sets, engines

    def schedule(self, sets):
        assert not list(sets)
        return super().schedule(self._sets)

    def perceive(self, jobs, perceive):
        for job in jobs:
            yield perceive(job, job.number % self._engines)


class Cameras:
    """A pipeline of five cameras without a map. `published`: whose detections came, in this order."""

    def __init__(self, engine=None, instances=1):
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
        self.published, self.engine = [], engine
        for camera in CAMERAS:
            ear.subscribe(
                f'/stream_infer/{camera}/detections',
                'vision_msgs/msg/Detection2DArray',
                RELIABLE,
                lambda _cdr, _ns, camera=camera: self._hear(camera),
            )
        with Network(settings, 5) as network:
            if engine is not None:
                network.engines = (SupervisedEngine(engine, lambda: 0.0),)
                network.engines[0].load()
            self.assembly = assemble(settings, camera_topics(settings, ()), graph, network)
        for loaded_again in network.engines:
            loaded_again.load()
        if self.engine is not None:
            self.engine.order.clear()

    def _hear(self, camera):
        self.published.append(camera)
        if self.engine is not None:
            self.engine.order.append(f'out {camera}')

    def run(self, *sets, engines=1):
        return data_path(self.assembly.steps, Sets(sets, engines))

    def drops(self):
        return self.assembly.statistics.drops()


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
def test_every_frame_is_published_once_or_counted_once(failure, gives, broken, missing):
    engine = OneByOne()
    cameras = Cameras(engine)
    engine.failure, engine.gives = failure, gives
    (result,) = cameras.run(moment(broken, missing))
    offered = [camera for camera in CAMERAS if camera not in missing]
    lost = sum((Counter(by) for by in cameras.drops().values()), Counter())
    assert Counter(cameras.published) + lost == Counter(offered)
    assert [image.frame.camera for image in result.perceived.images] == cameras.published
    assert set(result.detections) == set(cameras.published)
    for image, (frame, published_ns) in zip(result.perceived.images, result.published_frames(), strict=True):
        assert (frame, published_ns) == (image.frame, image.published_ns)
        assert image.size == (64, 48)
    assert set(cameras.drops().get('undecodable', {})) == broken - missing
    if not isinstance(failure, InferenceMissed):  # a restart helps
        assert set(cameras.published) == set(offered) - broken


def test_the_oldest_is_out_first():
    cameras = Cameras(OneByOne())
    (result,) = cameras.run(moment(stamps_ns=(13, 11, 15, 11, 10)))
    assert cameras.published == ['cam4', 'cam1', 'cam3', 'cam0', 'cam2']
    assert [frame.camera for frame in result.perceived.frames] == cameras.published


def test_what_comes_first_is_out_before_what_fails():
    engine = OneByOne()
    cameras = Cameras(engine)
    engine.failure, engine.gives = InferenceMissed('too late'), 2
    (result,) = cameras.run(moment())
    assert cameras.published == ['cam0', 'cam1']
    assert result.partial
    assert cameras.drops() == {'no_result': {'cam2': 1, 'cam3': 1, 'cam4': 1}}
    assert engine.order == [*(f'begun {n}' for n in range(1, 6)), 'out cam0', 'out cam1']


@pytest.mark.parametrize('instances', [1, 2])
def test_detections_go_out_once_with_one_engine_or_several(instances):
    """With one engine each image is out before its set is done; with several, in the order of sets."""
    cameras = Cameras(instances=instances)
    heard_before_delivery = []

    class Watched(Sets):
        def perceive(self, jobs, perceive):
            for seen in super().perceive(jobs, perceive):
                heard_before_delivery.append(len(cameras.published))
                yield seen

    results = list(data_path(cameras.assembly.steps, Watched([moment()] * instances, instances)))
    assert heard_before_delivery == ([5] if instances == 1 else [0, 5])
    assert len(results) == instances
    assert Counter(cameras.published) == Counter(dict.fromkeys(CAMERAS, instances))
