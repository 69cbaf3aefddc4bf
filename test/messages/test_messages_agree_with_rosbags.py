"""All messages, compared with the serialiser of rosbags, which is compatible with ROS 2."""

import math

import message_samples as samples
import numpy as np
import pytest
import rosbags_messages
from hypothesis import given
from hypothesis import strategies as st
from message_samples import CODECS, WRITTEN

from stream_infer_ros.cameras.camera_model import CameraModel, Roi
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.cameras.transform_buffer import StampedTransform
from stream_infer_ros.inference.detections import Detections
from stream_infer_ros.mapping.grid_snapshot import GridSnapshot
from stream_infer_ros.mapping.ground_object import GroundObject
from stream_infer_ros.mapping.scan import PolarScan
from stream_infer_ros.messages import camera_info as camera_info_codec
from stream_infer_ros.messages.clock import encode_clock
from stream_infer_ros.messages.compressed_image import decode_compressed_image, encode_compressed_image
from stream_infer_ros.messages.detection2d_array import decode_detection2d_array, encode_detection2d_array
from stream_infer_ros.messages.detection3d_array import encode_detection3d_array
from stream_infer_ros.messages.diagnostics import (
    DiagnosticLevel,
    DiagnosticStatus,
    encode_diagnostic_array,
)
from stream_infer_ros.messages.image import decode_image
from stream_infer_ros.messages.label_info import encode_label_info
from stream_infer_ros.messages.laser_scan import encode_laser_scan
from stream_infer_ros.messages.markers import encode_marker_array
from stream_infer_ros.messages.occupancy_grid import (
    OccupancyGridUpdate,
    encode_occupancy_grid,
    encode_occupancy_grid_update,
)
from stream_infer_ros.messages.tf import decode_tf, encode_tf

IDS = [codec.type_name for codec in CODECS]

stamps = st.integers(-(2**31) * 10**9, 2**31 * 10**9 - 1)
# ROS strings end at a NUL, and UTF-8 has no surrogates.
names = st.text(st.characters(codec='utf-8', exclude_characters='\0'), max_size=12)
metres = st.floats(-1e4, 1e4)
sizes = st.floats(0.01, 100.0)


def assert_same_bytes(cdr, type_name):
    """rosbags reads it, and would have written it byte for byte so. Returns what it read."""
    message = rosbags_messages.read(cdr, type_name)
    assert rosbags_messages.write(message) == cdr
    return message


@pytest.mark.parametrize('codec', CODECS, ids=IDS)
def test_what_we_write_is_what_rosbags_writes(codec):
    message = assert_same_bytes(codec.sample, codec.type_name)
    codec.agree(codec.decode(codec.sample), message)


@pytest.mark.parametrize('type_name', WRITTEN)
def test_what_we_only_write_is_what_rosbags_writes(type_name):
    assert_same_bytes(WRITTEN[type_name], type_name)


@pytest.mark.parametrize('codec', CODECS, ids=IDS)
def test_a_big_endian_message_reads_the_same(codec):
    message = rosbags_messages.read(codec.sample, codec.type_name)
    swapped = rosbags_messages.write(message, big_endian=True)
    assert swapped != codec.sample
    codec.agree(codec.decode(swapped), message)


@pytest.mark.parametrize('codec', CODECS, ids=IDS)
@pytest.mark.parametrize('kind', [bytes, bytearray, memoryview])
def test_any_buffer_will_do(codec, kind):
    codec.agree(codec.decode(kind(codec.sample)), rosbags_messages.read(codec.sample, codec.type_name))


@pytest.mark.parametrize('codec', CODECS, ids=IDS)
@pytest.mark.parametrize('padding', [1, 2, 3])
def test_padding_to_four_bytes_is_no_part_of_the_message(codec, padding):
    padded = codec.sample + bytes(padding)
    codec.agree(codec.decode(padded), rosbags_messages.read(codec.sample, codec.type_name))


@given(stamps, names, st.binary(max_size=20))
def test_compressed_image_both_ways(stamp_ns, frame_id, rest):
    data = b'\x89PNG\r\n\x1a\n' + rest
    cdr = encode_compressed_image(stamp_ns, frame_id, data, 'png')
    message = assert_same_bytes(cdr, 'sensor_msgs/msg/CompressedImage')
    assert (message.format, message.data.tobytes()) == ('png', data)
    ours = decode_compressed_image(cdr)
    assert (ours.stamp_ns, ours.frame_id, ours.encoding) == (stamp_ns, frame_id, 'png')


@given(stamps)
def test_clock(stamp_ns):
    message = assert_same_bytes(encode_clock(stamp_ns), 'rosgraph_msgs/msg/Clock')
    assert rosbags_messages.stamp_ns(message.clock) == stamp_ns


def camera_models():
    def build(size, model, focal, numbers, binning, roi):
        d = {'plumb_bob': 5, 'rational_polynomial': 8, 'equidistant': 4, '': 0}[model]
        k = np.array([[focal, 0, numbers[0]], [0, focal, numbers[1]], [0, 0, 1.0]])
        region = Roi(roi[0], roi[1], size[0] - roi[0], size[1] - roi[1])
        return CameraModel(
            *size,
            model,
            np.resize(np.array(numbers) * 1e-3, d),
            k,
            np.eye(3),
            np.c_[k, np.zeros(3)],
            *binning,
            region,
        )

    small = st.integers(0, 50)
    return st.builds(
        build,
        st.tuples(st.integers(64, 4000), st.integers(64, 4000)),
        st.sampled_from(['plumb_bob', 'rational_polynomial', 'equidistant', '']),
        st.floats(10, 5000),
        st.lists(st.floats(-20, 20), min_size=2, max_size=8),
        st.tuples(st.integers(1, 4), st.integers(1, 4)),
        st.tuples(small, small),
    )


@given(stamps, names, camera_models(), st.booleans())
def test_camera_info_both_ways(stamp_ns, frame_id, model, big_endian):
    cdr = camera_info_codec.encode_camera_info(stamp_ns, frame_id, model)
    message = assert_same_bytes(cdr, camera_info_codec.TYPE_NAME)
    codec = CODECS[IDS.index(camera_info_codec.TYPE_NAME)]
    codec.agree(codec.decode(rosbags_messages.write(message, big_endian)), message)


def test_a_camera_that_repeats_itself_gives_the_same_model():
    first, later = (
        camera_info_codec.encode_camera_info(stamp_ns, 'cam', samples.CAMERA) for stamp_ns in (5, 6)
    )
    model = camera_info_codec.decode_camera_info(first).model
    assert camera_info_codec.decode_camera_info(later).model is model
    message = rosbags_messages.read(later, camera_info_codec.TYPE_NAME)
    message.k = message.k + np.eye(1, 9)[0]
    changed = camera_info_codec.decode_camera_info(rosbags_messages.write(message)).model
    assert changed.k[0, 0] == model.k[0, 0] + 1.0


def test_a_camera_info_without_binning_and_region_means_the_whole_sensor():
    message = rosbags_messages.read(CODECS[2].sample, camera_info_codec.TYPE_NAME)
    message.binning_x = message.binning_y = 0
    message.roi = rosbags_messages.new(
        'sensor_msgs/msg/RegionOfInterest', x_offset=0, y_offset=0, height=0, width=0, do_rectify=True
    )
    model = camera_info_codec.decode_camera_info(rosbags_messages.write(message)).model
    assert (model.image_width, model.image_height) == (model.width, model.height)


transforms = st.builds(
    StampedTransform,
    stamps,
    names,
    names,
    st.builds(
        RigidTransform.from_xyz_rpy,
        st.tuples(metres, metres, metres),
        st.tuples(*[st.floats(-3.2, 3.2)] * 3),
    ),
)


@given(st.lists(transforms, max_size=4), st.booleans())
def test_tf_both_ways(batch, big_endian):
    cdr = encode_tf(batch)
    message = assert_same_bytes(cdr, 'tf2_msgs/msg/TFMessage')
    again = decode_tf(rosbags_messages.write(message, big_endian))
    for sent, got in zip(batch, again, strict=True):
        assert (got.stamp_ns, got.parent, got.child) == (sent.stamp_ns, sent.parent, sent.child)
        np.testing.assert_array_equal(got.transform.translation, sent.transform.translation)
        np.testing.assert_allclose(got.transform.rotation, sent.transform.rotation, atol=1e-12)


@pytest.mark.parametrize('scale', [1e-3, 1.0, 3.0, 1e200, 1e308])
def test_a_quaternion_of_any_length_but_zero_is_a_rotation(scale):
    message = rosbags_messages.read(encode_tf(samples.TRANSFORMS), 'tf2_msgs/msg/TFMessage')
    rotation = message.transforms[0].transform.rotation
    for axis in 'xyzw':
        setattr(rotation, axis, getattr(rotation, axis) * scale)
    got = decode_tf(rosbags_messages.write(message))[0].transform
    np.testing.assert_allclose(got.rotation, samples.TRANSFORMS[0].transform.rotation, atol=1e-12)


@given(stamps, names, st.integers(0, 6), st.booleans(), st.booleans())
def test_detections_both_ways(stamp_ns, frame_id, count, tracked, big_endian):
    sent = samples.detections(count, tracked)
    cdr = encode_detection2d_array(stamp_ns, frame_id, sent)
    message = assert_same_bytes(cdr, 'vision_msgs/msg/Detection2DArray')
    for i, box in enumerate(message.detections):
        assert box.header == message.header
        assert [result.hypothesis.class_id for result in box.results] == [sent.class_names[sent.class_id[i]]]
        assert box.bbox.size_x == pytest.approx(float(sent.xyxy[i, 2]) - float(sent.xyxy[i, 0]))
        assert box.results[0].pose.pose.orientation.w == 1.0
        assert box.id == (str(sent.track_id[i]) if tracked else '')
    got = decode_detection2d_array(rosbags_messages.write(message, big_endian), sent.class_names)
    assert (got.stamp_ns, got.frame_id) == (stamp_ns, frame_id)
    assert got.detections.class_names == sent.class_names
    for name in ('xyxy', 'score', 'class_id'):
        np.testing.assert_array_equal(getattr(got.detections, name), getattr(sent, name))
        assert getattr(got.detections, name).dtype == getattr(sent, name).dtype
    if tracked and count:
        assert got.detections.track_id.tolist() == sent.track_id.tolist()
    else:
        assert got.detections.track_id is None


def test_of_several_hypotheses_the_best_is_read():
    message = rosbags_messages.read(
        encode_detection2d_array(5, 'cam', samples.detections(1)), 'vision_msgs/msg/Detection2DArray'
    )
    pose = message.detections[0].results[0].pose
    message.detections[0].results = [
        rosbags_messages.new(
            'vision_msgs/msg/ObjectHypothesisWithPose',
            hypothesis=rosbags_messages.new('vision_msgs/msg/ObjectHypothesis', class_id=name, score=score),
            pose=pose,
        )
        for name, score in [('cat', 0.2), ('dog', 0.7), ('fox', 0.1)]
    ]
    got = decode_detection2d_array(rosbags_messages.write(message)).detections
    assert (got.class_names, got.score.tolist()) == (('dog',), [np.float32(0.7)])


def test_class_names_are_learnt_in_order_of_appearance():
    sent = Detections(
        np.float32([[0, 0, 2, 2]] * 3), np.float32([0.9, 0.8, 0.7]), np.int32([2, 0, 2]), ('a', 'b', 'c')
    )
    got = decode_detection2d_array(encode_detection2d_array(5, 'cam', sent)).detections
    assert (got.class_names, got.class_id.tolist()) == (('c', 'a'), [0, 1, 0])


objects = st.builds(
    GroundObject, names, st.floats(0, 1), metres, metres, st.floats(-3.14, 3.14), sizes, sizes, sizes, sizes
)


@given(stamps, names, st.lists(objects, max_size=4))
def test_objects(stamp_ns, frame_id, things):
    cdr = encode_detection3d_array(stamp_ns, frame_id, things)
    message = assert_same_bytes(cdr, 'vision_msgs/msg/Detection3DArray')
    assert message.header == rosbags_messages.header(stamp_ns, frame_id)
    for sent, box in zip(things, message.detections, strict=True):
        centre, size, turn = box.bbox.center.position, box.bbox.size, box.bbox.center.orientation
        assert (centre.x, centre.y, centre.z) == (
            sent.x_m,
            sent.y_m,
            sent.height_m / 2,
        )  # stands on the ground
        assert (size.x, size.y, size.z) == (sent.length_m, sent.width_m, sent.height_m)
        assert (turn.x, turn.y) == (0.0, 0.0)
        assert 2 * math.atan2(turn.z, turn.w) == pytest.approx(sent.yaw_rad)
        (result,) = box.results
        assert (result.hypothesis.class_id, result.hypothesis.score) == (sent.class_name, sent.score)
        covariance = result.pose.covariance.reshape(6, 6)
        assert np.count_nonzero(covariance) == 2
        assert covariance[0, 0] == covariance[1, 1] == pytest.approx(sent.sigma_m**2)


@given(stamps, names, st.lists(objects, max_size=3))
def test_markers_show_a_box_and_a_label_per_object_and_take_away_the_old(stamp_ns, frame_id, things):
    cdr = encode_marker_array(stamp_ns, frame_id, things)
    markers = assert_same_bytes(cdr, 'visualization_msgs/msg/MarkerArray').markers
    assert markers[0].action == markers[0].DELETEALL
    assert all(m.action == m.ADD and m.lifetime.sec == 1 for m in markers[1:])
    assert len({(m.ns, m.id) for m in markers[1:]}) == 2 * len(things)
    for thing, box, label in zip(things, markers[1::2], markers[2::2], strict=True):
        assert (box.type, label.type) == (box.CUBE, box.TEXT_VIEW_FACING)
        assert (box.scale.x, box.scale.y, box.scale.z) == (thing.length_m, thing.width_m, thing.height_m)
        assert box.header.frame_id == frame_id
        assert box.color.a > 0
        assert label.text.startswith(thing.class_name)


def test_a_class_keeps_its_colour():
    def colour(*things):
        return (
            rosbags_messages.read(encode_marker_array(0, 'm', things), 'visualization_msgs/msg/MarkerArray')
            .markers[-2]
            .color
        )

    car, walker = samples.OBJECTS
    assert colour(car) == colour(walker, car) != colour(walker)


@given(stamps, names, st.lists(names, max_size=5), st.floats(0, 1, width=32))
def test_labels(stamp_ns, frame_id, class_names, threshold):
    cdr = encode_label_info(stamp_ns, frame_id, class_names, threshold)
    message = assert_same_bytes(cdr, 'vision_msgs/msg/LabelInfo')
    assert (message.header, message.threshold) == (rosbags_messages.header(stamp_ns, frame_id), threshold)
    assert [(label.class_id, label.class_name) for label in message.class_map] == list(enumerate(class_names))


@given(stamps, st.tuples(st.integers(1, 9), st.integers(1, 9)), metres, metres)
@pytest.mark.parametrize('resolution_m', [0.05, 0.1, 0.25])
def test_grid(resolution_m, stamp_ns, shape, x_m, y_m):
    cells = np.random.default_rng(0).choice([-1, 0, 100], shape).astype(np.int8)
    cdr = encode_occupancy_grid('odom', GridSnapshot(stamp_ns, x_m, y_m, resolution_m, cells))
    message = assert_same_bytes(cdr, 'nav_msgs/msg/OccupancyGrid')
    assert message.header == rosbags_messages.header(stamp_ns, 'odom')
    origin = message.info.origin
    assert (origin.position.x, origin.position.y, origin.orientation.w) == (x_m, y_m, 1.0)
    assert np.float32(message.info.resolution) == np.float32(resolution_m)
    np.testing.assert_array_equal(rosbags_messages.grid_cells(cdr), cells)


def test_a_part_of_a_larger_grid_is_written_row_by_row():
    whole = np.arange(60, dtype=np.int8).reshape(6, 10)
    cdr = encode_occupancy_grid('odom', GridSnapshot(0, 0.0, 0.0, 0.1, whole[1:4, 2:9:2]))
    np.testing.assert_array_equal(rosbags_messages.grid_cells(cdr), whole[1:4, 2:9:2])


def test_a_changed_rectangle_of_a_grid():
    cells = np.arange(12, dtype=np.int8).reshape(3, 4)
    cdr = encode_occupancy_grid_update('odom', OccupancyGridUpdate(7, -3, 5, cells))
    message = assert_same_bytes(cdr, 'map_msgs/msg/OccupancyGridUpdate')
    assert message.header == rosbags_messages.header(7, 'odom')
    assert (message.x, message.y, message.width, message.height) == (-3, 5, 4, 3)
    np.testing.assert_array_equal(message.data, np.arange(12))


@given(stamps, names, st.lists(st.floats(width=32), max_size=6))
def test_scan(stamp_ns, frame_id, ranges):
    sent = PolarScan(stamp_ns, frame_id, -1.5, 0.125, 0.25, 8.0, np.array(ranges, np.float32))
    message = assert_same_bytes(encode_laser_scan(sent), 'sensor_msgs/msg/LaserScan')
    assert message.header == rosbags_messages.header(stamp_ns, frame_id)
    assert (message.angle_min, message.angle_increment) == (-1.5, 0.125)
    assert round((message.angle_max - message.angle_min) / message.angle_increment) + 1 == max(1, len(ranges))
    assert (message.range_min, message.range_max) == (0.25, 8.0)
    np.testing.assert_array_equal(message.ranges, sent.ranges_m)


statuses = st.builds(
    DiagnosticStatus,
    st.sampled_from(DiagnosticLevel),
    names,
    names,
    names,
    st.dictionaries(names, names, max_size=3),
)


@given(stamps, st.lists(statuses, max_size=4))
def test_diagnostics(stamp_ns, sent):
    cdr = encode_diagnostic_array(stamp_ns, sent)
    message = assert_same_bytes(cdr, 'diagnostic_msgs/msg/DiagnosticArray')
    assert rosbags_messages.stamp_ns(message.header.stamp) == stamp_ns
    for status, read in zip(sent, message.status, strict=True):
        assert (status.level, status.name) == (read.level, read.name)
        assert (status.message, status.hardware_id) == (read.message, read.hardware_id)
        assert status.values == {pair.key: pair.value for pair in read.values}


def test_an_image_of_another_driver_reads_as_rosbags_reads_it():
    message = rosbags_messages.new(
        'sensor_msgs/msg/Image',
        header=rosbags_messages.header(),
        height=2,
        width=3,
        encoding='bgr8',
        is_bigendian=0,
        step=16,
        data=np.arange(32, dtype=np.uint8),
    )
    for big_endian in (False, True):
        ours = decode_image(rosbags_messages.write(message, big_endian))
        CODECS[0].agree(ours, message)
        assert ours.image[1].tolist() == [[16, 17, 18], [19, 20, 21], [22, 23, 24]]
