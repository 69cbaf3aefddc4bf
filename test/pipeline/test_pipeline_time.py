"""Clocks that jump, stall or are somebody else's: the pipeline notices, says so, and goes on."""

import numpy as np
import pytest
from test_pipeline_end_to_end import CAMERAS, Driven, config
from yard import SMALL, Yard

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.cameras.transform_buffer import StampedTransform
from stream_infer_ros.graph import RELIABLE, TF
from stream_infer_ros.messages.camera_info import encode_camera_info
from stream_infer_ros.messages.compressed_image import encode_compressed_image
from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.messages.image import encode_image
from stream_infer_ros.messages.tf import encode_tf

IMAGE, INFO, TF_MESSAGE = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo', 'tf2_msgs/msg/TFMessage'


def pictures(yard, camera='cam0'):
    publisher = yard.cameras.advertise(f'/{camera}/image_raw', IMAGE, RELIABLE)
    picture = np.zeros((SMALL.height, SMALL.width, 3), np.uint8)
    return lambda stamp_ns, encoding='rgb8': publisher.publish(
        encode_image(
            stamp_ns,
            f'{camera}_optical_frame',
            picture if encoding == 'rgb8' else picture[..., 0],
            encoding,
        )
    )


@pytest.fixture
def driven():
    yard = Yard()
    made = Driven(yard, config())
    yield yard, made
    assert not yard.graph.callback_failures()
    made.network.close()


def test_a_looped_recording_is_seen_again(driven):
    """The transforms of before are not in the way of those that come again."""
    yard, made = driven
    yard.stream(ticks=12)
    later = yard.cameras.advertise('/tf', TF_MESSAGE, TF)
    ahead_ns = yard.clock.now_ns + 20_000_000_000
    later.publish(encode_tf([StampedTransform(ahead_ns, 'odom', 'base_link', RigidTransform.identity())]))
    made.results.clear()
    yard.stream(ticks=12)  # the same stamps again, all older than what the buffer keeps
    located = [fused for fused in made.results if fused.views]
    assert located
    assert made.assembly.cameras[0].problem == ''


def test_a_jump_of_stamps_begins_a_new_map(driven):
    yard, made = driven
    yard.stream(ticks=13)
    fuse = made.assembly.steps.fuse
    views = next(result.views for result in reversed(made.results) if len(result.views) == len(CAMERAS))
    early = next(result.views for result in made.results if len(result.views) == len(CAMERAS))

    def free_cells(fused):
        return np.count_nonzero(fused.map.cells == 0)

    known = free_cells(fuse([], yard.clock.now_ns))
    assert free_cells(fuse(views[:1], yard.clock.now_ns)) > 0.9 * known
    assert free_cells(fuse(early, yard.clock.now_ns)) < 0.5 * known


@pytest.mark.parametrize(('offset_s', 'side'), [(3.0, '3.0 s ahead of'), (-3600.0, '1.0 h behind')])
def test_stamps_of_another_clock_are_named(driven, offset_s, side):
    yard, made = driven
    pictures(yard)(yard.clock.now_ns + int(offset_s * 1e9))
    status = made.assembly.health.diagnostics.statuses(yard.clock.now_ns)[1]
    assert status.level is DiagnosticLevel.WARN
    assert f'{side} their arrival' in status.message
    pictures(yard)(yard.clock.now_ns)
    assert made.assembly.cameras[0].problems.keys() & {'clock'} == set()


def test_a_calibration_of_another_size_is_refused_and_a_new_one_taken(driven):
    yard, made = driven
    model = SMALL.rig()[0].model
    other = CameraModel(2 * model.width, model.height, 'plumb_bob', model.d, model.k, model.r, model.p)
    calibrations = yard.cameras.advertise('/cam0/camera_info', INFO, RELIABLE)
    yard.stream(ticks=3)
    calibrations.publish(encode_camera_info(yard.clock.now_ns, 'cam0_optical_frame', other))
    yard.clock.now_ns += 200_000_000
    pictures(yard)(yard.clock.now_ns)
    made.tick(yard.clock.now_ns + 200_000_000)
    assert 'CameraInfo describes 320 x 120' in made.assembly.cameras[0].problem
    assert made.assembly.statistics.views_missed()['no_camera_info'] == {'cam0': 1}
    calibrations.publish(encode_camera_info(yard.clock.now_ns, 'cam0_optical_frame', model))
    yard.stream(ticks=8, skip=lambda e: e.tick < 5)
    assert made.assembly.cameras[0].problem == ''


def test_a_calibration_that_repeats_itself_undoes_a_broken_one(driven):
    yard, made = driven
    camera = made.assembly.cameras[0]
    good = encode_camera_info(yard.clock.now_ns, 'cam0_optical_frame', SMALL.rig()[0].model)
    calibrations = yard.cameras.advertise('/cam0/camera_info', INFO, RELIABLE)
    calibrations.publish(good)
    model = camera.model
    for _ in range(2):
        calibrations.publish(good[:-30])
        assert 'calibration' in camera.problems
        calibrations.publish(good)
        assert 'calibration' not in camera.problems
        assert camera.model is model
    assert made.assembly.statistics.drops()['malformed'] == {'cam0': 2}


def test_without_a_map_images_are_all_that_is_heard():
    yard = Yard()
    made = Driven(yard, config(map={'enabled': False}))
    yard.stream(ticks=3)
    assert {kind for _, kind, _ in made.assembly.subscriptions()} == {IMAGE}
    assert made.results
    assert all(camera.model is None and not camera.problem for camera in made.assembly.cameras)


def test_pixels_that_cannot_be_decoded_stay_named_until_some_can():
    yard = Yard()
    made = Driven(yard, config(camera={'cam0': {'compressed': True}}))
    publisher = yard.cameras.advertise(
        '/cam0/image_raw/compressed', 'sensor_msgs/msg/CompressedImage', RELIABLE
    )
    broken = np.frombuffer(b'\xff\xd8\xff\xe0 broken', np.uint8)
    for step in range(2):
        stamp_ns = yard.clock.now_ns + step
        publisher.publish(encode_compressed_image(stamp_ns, 'cam0_optical_frame', broken, 'jpeg'))
        made.tick(stamp_ns + 10**9)
    assert 'pixels' in made.assembly.cameras[0].problems
    assert made.assembly.statistics.sets_published == 0
    made.network.close()


def test_a_bad_transform_is_told_for_a_while_only(driven):
    yard, made = driven
    yard.cameras.advertise('/tf', TF_MESSAGE, TF).publish(b'\x00\x01\x00\x00 none')
    pipeline = made.assembly.health.diagnostics.statuses(yard.clock.now_ns)[0]
    assert 'transforms: ' in pipeline.message
    assert pipeline.values['dropped.malformed'] == '1'
    later = made.assembly.health.diagnostics.statuses(yard.clock.now_ns + 11_000_000_000)[0]
    assert 'transforms: ' not in later.message


def test_what_the_middleware_lost_is_counted(driven, monkeypatch):
    yard, made = driven
    monkeypatch.setattr(yard.graph, 'losses', lambda: {'/cam1/image_raw': 3, '/tf': 2})
    assert made.assembly.health.losses.drops()['middleware'] == {'cam1': 3, '/tf': 2}
    statuses = made.assembly.health.diagnostics.statuses(yard.clock.now_ns)
    assert statuses[0].values['dropped.middleware'] == '2'
    assert statuses[2].values['dropped.middleware'] == '3'
