"""Well-formed messages with invalid values."""

import math

import message_samples as samples
import numpy as np
import pytest
from rosbags_messages import new, read, write

from stream_infer_ros.errors import CalibrationError, MessageError
from stream_infer_ros.mapping.grid_snapshot import GridSnapshot
from stream_infer_ros.messages.camera_info import TYPE_NAME as CAMERA_INFO
from stream_infer_ros.messages.camera_info import decode_camera_info, encode_camera_info
from stream_infer_ros.messages.cdr_reader import CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter
from stream_infer_ros.messages.detection2d_array import decode_detection2d_array, encode_detection2d_array
from stream_infer_ros.messages.label_info import encode_label_info
from stream_infer_ros.messages.occupancy_grid import encode_occupancy_grid
from stream_infer_ros.messages.tf import decode_tf, encode_tf

NAN, INF = math.nan, math.inf


def assign(message, path, value):
    """message.a.b[0].c = value for 'a.b.0.c'."""
    *way, last = path.split('.')
    for step in way:
        message = message[int(step)] if step.isdigit() else getattr(message, step)
    if last.isdigit():
        message[int(last)] = value
    else:
        setattr(message, last, value)


def changed(cdr, type_name, **changes):
    """The message with some fields set; '__' in a name for '.'."""
    message = read(cdr, type_name)
    for path, value in changes.items():
        assign(message, path.replace('__', '.'), value)
    return write(message)


@pytest.mark.parametrize('value', [NAN, INF, -INF])
@pytest.mark.parametrize('field', ['translation__x', 'translation__z', 'rotation__w', 'rotation__y'])
def test_a_transform_that_is_not_finite_is_refused_with_its_frames(field, value):
    cdr = changed(
        encode_tf(samples.TRANSFORMS),
        'tf2_msgs/msg/TFMessage',
        **{f'transforms__1__transform__{field}': value},
    )
    odometry, mount = decode_tf(cdr)
    assert odometry.child == 'base_link'
    assert isinstance(mount, MessageError)
    assert "'base_link' to 'cam'" in str(mount)


def test_a_quaternion_of_zeros_is_refused():
    zero = new('geometry_msgs/msg/Quaternion', x=0.0, y=0.0, z=0.0, w=0.0)
    cdr = changed(
        encode_tf(samples.TRANSFORMS), 'tf2_msgs/msg/TFMessage', transforms__0__transform__rotation=zero
    )
    odometry, mount = decode_tf(cdr)
    assert isinstance(odometry, MessageError)
    assert "quaternion of length 1 from 'odom'" in str(odometry)
    assert mount.parent == 'base_link'


def test_a_time_with_too_many_nanoseconds_is_refused():
    def time_ns(cdr):
        return CdrReader(cdr, 'rosgraph_msgs/msg/Clock').time_ns()

    assert time_ns(bytes.fromhex('00010000 ffffffff ffc99a3b')) == -1
    with pytest.raises(MessageError, match=r'less than 10\^9 nanoseconds in a time, got 1000000000'):
        time_ns(bytes.fromhex('00010000 00000000 00ca9a3b'))


@pytest.mark.parametrize(
    'changes',
    [
        {'k': np.zeros(9)},
        {'k': np.full(9, NAN)},
        {'width': 0},
        {'distortion_model': 'fisheye_of_mine'},
        {'d': np.ones(3)},
        {'d': np.ones(15)},
        {'k': np.eye(3).ravel()},
        {'d': np.full(5, INF)},
        {'roi__width': 2**32 - 1},
        {'roi__x_offset': 2**32 - 1},
    ],
)
def test_what_describes_no_camera_is_no_fault_of_the_bytes(changes):
    cdr = changed(encode_camera_info(5, 'cam', samples.CAMERA), CAMERA_INFO, **changes)
    with pytest.raises(CalibrationError):
        decode_camera_info(cdr)


def test_more_coefficients_than_any_lens_has_are_refused():
    cdr = changed(encode_camera_info(5, 'cam', samples.CAMERA), CAMERA_INFO, d=np.zeros(65))
    with pytest.raises(MessageError, match='at most 64 distortion coefficients'):
        decode_camera_info(cdr)


@pytest.mark.parametrize(
    ('changes', 'complaint'),
    [
        ({'detections__0__results': []}, 'at least one hypothesis'),
        ({'detections__0__bbox__center__theta': 0.1}, 'without rotation'),
        ({'detections__0__bbox__center__theta': NAN}, 'without rotation'),
        ({'detections__0__bbox__size_x': NAN}, 'finite'),
        ({'detections__0__bbox__center__position__y': 1e300}, 'finite'),
        ({'detections__0__results__0__hypothesis__score': NAN}, 'score'),
        ({'detections__0__results__0__hypothesis__score': 1e39}, 'score'),
    ],
)
def test_boxes_that_are_none_are_refused(changes, complaint):
    type_name = 'vision_msgs/msg/Detection2DArray'
    cdr = changed(encode_detection2d_array(5, 'cam', samples.detections(2)), type_name, **changes)
    with pytest.raises(MessageError, match=complaint):
        decode_detection2d_array(cdr)


@pytest.mark.parametrize('ids', [['', '7'], ['a', '7'], ['-1', '2'], ['²', '1'], ['9' * 19, '1']])
def test_ids_that_are_not_all_numbers_are_no_tracks(ids):
    cdr = encode_detection2d_array(5, 'cam', samples.detections(2))
    cdr = changed(cdr, 'vision_msgs/msg/Detection2DArray', detections__0__id=ids[0], detections__1__id=ids[1])
    assert decode_detection2d_array(cdr).detections.track_id is None


@pytest.mark.parametrize(
    ('body', 'complaint'),
    [
        ('03000000 616263', 'does not end with a NUL'),
        ('00000000', 'does not end with a NUL'),
        ('04000000 6162ff00', 'not UTF-8'),
        ('05000000 61626300', 'expected 5 bytes at byte 8'),
        ('ffffffff 61626300', 'expected 4294967295 bytes'),
    ],
)
def test_strings_that_are_none_are_refused(body, complaint):
    with pytest.raises(MessageError, match=complaint):
        CdrReader(bytes.fromhex('00010000' + body), 'std_msgs/msg/String').string()


def test_what_does_not_fit_its_field_is_not_written():
    with pytest.raises(MessageError, match='does not fit its field'):
        encode_label_info(0, 'f', ['x'] * 65_537, 0.5)
    with pytest.raises(MessageError, match='does not fit its field'):
        encode_occupancy_grid('odom', GridSnapshot(0, 0.0, 0.0, 1e300, samples.GRID.cells))
    with pytest.raises(MessageError, match='UTF-8'):
        CdrWriter('std_msgs/msg/String').string('\ud800')
