"""Cameras and transforms on other clocks: results, published stamps, latency, and what is said."""

import struct
from dataclasses import replace
from functools import cache

import pytest
from test_pipeline_end_to_end import CAMERAS, Driven, config
from yard import SMALL, Clock, Yard

from stream_infer_ros.graph import RELIABLE, MemoryBus, MemoryGraph
from stream_infer_ros.messages.detection2d_array import decode_detection2d_array
from stream_infer_ros.messages.tf import decode_tf, encode_tf
from stream_infer_ros.pipeline.health.clock_words import clock_cause, duration
from stream_infer_ros.simulation import schedule
from stream_infer_ros.simulation.publisher import ExposureEncoder, WorldPublisher

S = 10**9
TICKS = 14
DETECTIONS = 'vision_msgs/msg/Detection2DArray'
NOW_NS = 1_700_000_000 * S


class Restamping(MemoryGraph):
    """The graph of the cameras: changes stamps on the way out.

    Args:
        change: (sender, stamp) -> the stamp that is sent; the sender is a camera or 'tf'.
    """

    def __init__(self, bus, clock, change) -> None:
        super().__init__(bus, clock)
        self._change = change

    def advertise(self, topic, type_name, qos):
        publisher = super().advertise(topic, type_name, qos)
        if topic == '/tf_static':
            return publisher
        if topic == '/tf':
            return Restamped(publisher, lambda cdr: encode_tf([self._moved(one) for one in decode_tf(cdr)]))
        sender = topic.split('/')[1]
        return Restamped(publisher, lambda cdr: self._with_header(sender, bytearray(cdr)))

    def _moved(self, one):
        return replace(one, stamp_ns=self._change('tf', one.stamp_ns))

    def _with_header(self, sender, cdr):
        seconds, nanoseconds = struct.unpack_from('<iI', cdr, 4)
        struct.pack_into('<iI', cdr, 4, *divmod(self._change(sender, seconds * S + nanoseconds), S))
        return bytes(cdr)


class Restamped:
    def __init__(self, publisher, change) -> None:
        self._publisher, self._change = publisher, change

    def publish(self, cdr):
        self._publisher.publish(self._change(bytes(cdr)))

    def __getattr__(self, name):
        return getattr(self._publisher, name)


class Pictures:
    """Renders each image once for all tests."""

    def __init__(self) -> None:
        self._encoder = ExposureEncoder(SMALL.world(), SMALL.rig(), NOW_NS, 1.0, 0)
        self.encode = cache(self._encoder.encode)


PICTURES = Pictures()


class RestampedYard(Yard):
    """A yard at the present time whose stamps a test changes."""

    def __init__(self, change) -> None:
        self.options = SMALL
        self.clock = Clock(NOW_NS)
        bus = MemoryBus()
        self.graph = MemoryGraph(bus, self.clock)
        self.cameras = Restamping(bus, self.clock, change)
        world, rig = SMALL.world(), SMALL.rig()
        self.publisher = WorldPublisher(self.cameras, world, rig, NOW_NS, 1.0, encoder=PICTURES)

    def exposures(self, ticks):
        return list(schedule(SMALL.cameras, SMALL.seed, NOW_NS, SMALL.timing, ticks))


class Ran:
    """A pipeline that saw TICKS sets of three cameras with these stamps."""

    def __init__(self, change, ticks=TICKS, **settings) -> None:
        yard = RestampedYard(change)
        boxes = {
            camera: yard.collect(f'/stream_infer/{camera}/detections', DETECTIONS, RELIABLE)
            for camera in CAMERAS
        }
        driven = Driven(yard, config(**settings))
        yard.stream(ticks)
        driven.tick(yard.clock.now_ns + S)
        assert not yard.graph.callback_failures()
        driven.network.close()
        self.health, self.results = driven.assembly.health, driven.results
        self.statistics = driven.assembly.statistics
        self.now_ns = yard.clock.now_ns
        self.statuses = {
            status.name.partition(': ')[2]: status for status in self.health.diagnostics.statuses(self.now_ns)
        }
        self.published = {
            camera: [decode_detection2d_array(cdr).stamp_ns for cdr in sent] for camera, sent in boxes.items()
        }
        self.sent = {
            camera: [change(camera, e.stamp_ns) for e in yard.exposures(ticks) if f'cam{e.camera}' == camera]
            for camera in CAMERAS
        }

    def whole(self):
        return sum(not result.partial for result in self.results)

    def views(self):
        return sum(len(result.views) for result in self.results)


def shift(seconds, senders):
    return lambda sender, stamp_ns: stamp_ns + int(seconds * S) if sender in senders else stamp_ns


ALL = (*CAMERAS, 'tf')
CASES = {
    'all 37 s ahead': (shift(37, ALL), CAMERAS, 'TAI'),
    'all 0.7 s ahead': (shift(0.7, ALL), CAMERAS, 'synchronise'),
    'cameras 0.7 s ahead of transforms': (shift(0.7, CAMERAS), CAMERAS, 'synchronise'),
    'one 37 s ahead': (shift(37, ['cam1']), ['cam1'], 'TAI'),
    'one 37 s ahead, with transforms': (shift(37, ['cam1', 'tf']), ['cam1'], 'TAI'),
    'one 18 s ahead': (shift(18, ['cam1']), ['cam1'], 'GPS'),
    'one an hour behind': (shift(-3600, ['cam1']), ['cam1'], 'local time'),
    'all simulated': (lambda _, stamp_ns: stamp_ns - NOW_NS + 1, CAMERAS, 'use_sim_time'),
    'images simulated': (
        lambda sender, stamp_ns: stamp_ns if sender == 'tf' else stamp_ns - NOW_NS + 1,
        CAMERAS,
        'use_sim_time',
    ),
    'all zero': (lambda _, __: 0, CAMERAS, 'zero'),
    'one zero': (lambda sender, stamp_ns: 0 if sender == 'cam1' else stamp_ns, ['cam1'], 'zero'),
}


@pytest.mark.parametrize('case', CASES)
def test_images_of_other_clocks_are_matched_mapped_and_named(case):
    change, odd, words = CASES[case]
    ran = Ran(change)
    assert ran.whole() >= TICKS - 1
    assert ran.views() >= len(CAMERAS) * (TICKS - 1)
    assert {camera: sorted(ran.published[camera]) for camera in CAMERAS} == {
        camera: sorted(ran.sent[camera]) for camera in CAMERAS
    }
    assert sum(sum(by.values()) for by in ran.health.losses.drops().values()) == 0
    for camera in CAMERAS:
        status = ran.statuses[f'camera {camera}']
        assert ('clock' in status.values.get('problem', '')) == (camera in odd)
        assert (words in status.message) == (camera in odd)
        assert f'{camera}: its ' in str(ran.health.explain_sync(ran.now_ns)) or camera not in odd
    assert ran.statistics.stages().get('wire', {}).keys() == set(CAMERAS) - set(odd)
    for by_camera in ran.statistics.stages().values():
        for percentiles in by_camera.values():
            assert percentiles.worst < 10_000.0
    assert all(0 <= result.published_ns - result.perceived.exposed_ns < S for result in ran.results)


def test_poses_are_those_of_the_true_time():
    """With the stamps of cameras and transforms shifted in any way, the same map comes out."""
    right = Ran(shift(0, ()))
    true = {
        (view.camera, index): view.map_from_base.translation
        for index, result in enumerate(right.results)
        for view in result.views
    }
    for senders in (ALL, CAMERAS, ('tf',), ('cam1',), ('cam1', 'tf')):
        shifted = Ran(shift(37, senders))
        for index, result in enumerate(shifted.results):
            for view in result.views:
                off_m = abs(view.map_from_base.translation - true[view.camera, index]).max()
                # At 1 m/s, the transforms of another clock than the camera's are known up to the latency.
                assert off_m < 0.06, senders


def test_transforms_of_another_clock_are_named():
    ran = Ran(shift(37, ['tf']))
    assert ran.whole() >= TICKS - 1
    assert ran.views() >= len(CAMERAS) * (TICKS - 1)
    pipeline = ran.statuses['pipeline']
    assert 'transform_clock' in pipeline.values['problem']
    assert "the stamps of the transforms of 'base_link' lie 37.0 s ahead of their arrival" in pipeline.message
    assert {ran.statuses[f'camera {camera}'].message for camera in CAMERAS} == {'streaming'}


@pytest.mark.parametrize('by_s', [37.0, -2.0, -3600.0])
@pytest.mark.parametrize('senders', [ALL, ('cam1',)])
def test_a_clock_that_is_set_while_we_run(by_s, senders):
    def change(sender, stamp_ns):
        return stamp_ns + (int(by_s * S) if sender in senders and stamp_ns > NOW_NS + S else 0)

    ran = Ran(change)
    assert ran.whole() >= TICKS - 1
    assert ran.views() >= len(CAMERAS) * TICKS - 6
    assert 'clock' in ran.statuses['camera cam1'].values['problem']


def test_a_right_clock_has_no_words():
    ran = Ran(shift(0, ()))
    assert {ran.statuses[f'camera {camera}'].message for camera in CAMERAS} == {'streaming'}
    assert {ran.statuses[f'camera {camera}'].values['clock'] for camera in CAMERAS} == {'ours'}
    assert not any(result.perceived.frames[0].clock_offset_ns for result in ran.results)


@pytest.mark.parametrize(
    ('ahead_s', 'stamp_s', 'words'),
    [
        (37, 1.7e9, 'TAI'),
        (-37, 1.7e9, 'TAI'),
        (18, 1.7e9, 'GPS'),
        (-315_964_782, 1.38e9, '1980'),
        (7200, 1.7e9, 'local time'),
        (-19_800, 1.7e9, 'local time'),
        (0.7, 1.7e9, 'not synchronised'),
        (-30, 1.7e9, 'not synchronised'),
        (-1.7e9, 12.0, 'simulation'),
        (-9e6, 1.69e9, 'recording'),
        (9e6, 1.71e9, 'date'),
    ],
)
def test_causes(ahead_s, stamp_s, words):
    stamp_ns = int(stamp_s * S)
    cause, remedy = clock_cause(int(ahead_s * S), stamp_ns, stamp_ns - int(ahead_s * S))
    assert words in cause
    assert remedy


def test_the_clock_of_a_simulation_beside_real_stamps():
    cause, remedy = clock_cause(1_700_000_000 * S, 1_700_000_010 * S, 10 * S)
    assert 'our clock is that of a simulation' in cause
    assert 'use_sim_time' in remedy


def test_durations_have_a_fitting_unit():
    told = [duration(int(s * S)) for s in (0.7, 37, 1800, 7200, 86_400 * 10, 86_400 * 365.25 * 13)]
    assert told == ['0.70 s', '37.0 s', '30.0 min', '2.0 h', '10.0 days', '13.0 years']
