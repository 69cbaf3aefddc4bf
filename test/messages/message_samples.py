"""One small valid message of every type, and for types with a decoder a comparison with rosbags."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from rosbags_messages import STAMP_NS, stamp_ns

from stream_infer_ros.cameras.camera_model import CameraModel, Roi
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.cameras.transform_buffer import StampedTransform
from stream_infer_ros.errors import MessageError
from stream_infer_ros.inference.detections import Detections
from stream_infer_ros.mapping.grid_snapshot import GridSnapshot
from stream_infer_ros.mapping.ground_object import GroundObject
from stream_infer_ros.mapping.scan import PolarScan
from stream_infer_ros.messages import (
    bond_status,
    camera_info,
    clock,
    compressed_image,
    detection3d_array,
    diagnostics,
    image,
    label_info,
    laser_scan,
    markers,
    occupancy_grid,
    tf,
)


class Codec(NamedTuple):
    """A decoder, a message that it reads, and a check that its value agrees with the message of rosbags."""

    type_name: str
    decode: Callable[[Any], Any]
    sample: bytes
    agree: Callable[[Any, Any], None]


def detections(count: int = 3, tracked: bool = False) -> Detections:
    random = np.random.default_rng(count)
    corner = random.uniform(-20, 600, (count, 2))
    return Detections(
        np.hstack([corner, corner + random.uniform(1, 200, (count, 2))]).astype(np.float32),
        np.sort(random.random(count, np.float32))[::-1].copy(),
        random.integers(0, 4, count).astype(np.int32),
        ('pedestrian', 'car', 'cone', 'box'),
        contact=None,
        track_id=np.arange(count, dtype=np.int64) * 10 if tracked else None,
    )


OBJECTS = (
    GroundObject('car', 0.9, 3.0, -2.0, 0.5, 4.2, 1.8, 1.5, 0.25),
    GroundObject('pedestrian', 0.4, -1.0, 7.5, -3.0, 0.5, 0.6, 1.7, 0.1),
)
GRID = GridSnapshot(
    STAMP_NS, -2.0, 1.5, 0.1, np.random.default_rng(5).choice([-1, 0, 100], (4, 7)).astype(np.int8)
)
SCAN = PolarScan(
    STAMP_NS, 'base_link', -0.5, 0.25, 0.1, 8.0, np.array([1.0, np.inf, np.nan, 2.5, 7.0], np.float32)
)
CAMERA = CameraModel(
    640,
    480,
    'plumb_bob',
    np.array([-0.3, 0.1, 0.001, -0.002, 0.01]),
    np.array([[500.0, 0.0, 320.5], [0.0, 501.0, 240.5], [0.0, 0.0, 1.0]]),
    np.eye(3),
    np.array([[500.0, 0.0, 320.5, 0.0], [0.0, 501.0, 240.5, 0.0], [0.0, 0.0, 1.0, 0.0]]),
    2,
    1,
    Roi(20, 10, 300, 200),
)
TRANSFORMS = [
    StampedTransform(
        STAMP_NS, 'odom', 'base_link', RigidTransform.from_xyz_rpy((1.0, 2.0, 3.0), (0.1, -0.2, 2.9))
    ),
    StampedTransform(0, 'base_link', 'cam', RigidTransform.from_xyz_rpy((0.0, 0.1, 0.2), (-1.6, 0.0, -1.6))),
]
STATUSES = [
    diagnostics.DiagnosticStatus(
        diagnostics.DiagnosticLevel.WARN, 'node: camera', 'silent für 2 s', 'node', {'drops': '3', 'x': ''}
    ),
    diagnostics.DiagnosticStatus(diagnostics.DiagnosticLevel.OK, 'node: pipeline', ''),
]
PIXELS = np.random.default_rng(1).integers(0, 256, (4, 6, 3), np.uint8)
JPEG = b'\xff\xd8\xff\xe0' + bytes(range(60))
HEARTBEAT = bond_status.BondStatus(STAMP_NS, 'stream_infer', 'c0ffee', True, 4.0, 0.1)
UPDATE = occupancy_grid.OccupancyGridUpdate(STAMP_NS, -3, 4, GRID.cells)


def _image_agrees(ours: Any, theirs: Any) -> None:
    assert (ours.stamp_ns, ours.frame_id) == (stamp_ns(theirs.header.stamp), theirs.header.frame_id)
    assert ours.encoding == theirs.encoding
    rows = theirs.data.reshape(-1, theirs.step)
    used = rows[:, : ours.image[0].nbytes]
    assert ours.image.tobytes() == used.tobytes()


def _compressed_agrees(ours: Any, theirs: Any) -> None:
    assert (ours.stamp_ns, ours.frame_id) == (stamp_ns(theirs.header.stamp), theirs.header.frame_id)
    assert ours.image.tobytes() == theirs.data.tobytes()


def _camera_agrees(ours: Any, theirs: Any) -> None:
    model = ours.model
    assert (ours.stamp_ns, ours.frame_id) == (stamp_ns(theirs.header.stamp), theirs.header.frame_id)
    assert (model.width, model.height) == (theirs.width, theirs.height)
    assert model.distortion_model == theirs.distortion_model
    for name in 'dkrp':
        # R and P of raw images are not used, and may be NaN.
        np.testing.assert_array_equal(getattr(model, name).ravel(), getattr(theirs, name))
    assert (model.binning_x, model.binning_y) == (theirs.binning_x or 1, theirs.binning_y or 1)
    roi = (theirs.roi.x_offset, theirs.roi.y_offset, theirs.roi.width, theirs.roi.height)
    assert model.roi == (Roi(*roi) if any(roi) else None)


def _tf_agrees(ours: Any, theirs: Any) -> None:
    assert len(ours) == len(theirs.transforms)
    for transform, message in zip(ours, theirs.transforms, strict=True):
        if isinstance(transform, MessageError):
            continue
        assert transform.stamp_ns == stamp_ns(message.header.stamp)
        assert (transform.parent, transform.child) == (message.header.frame_id, message.child_frame_id)
        xyz, xyzw = message.transform.translation, message.transform.rotation
        assert transform.transform.translation.tolist() == [xyz.x, xyz.y, xyz.z]
        given = np.array([xyzw.x, xyzw.y, xyzw.z, xyzw.w])
        given = given / np.abs(given).max()
        given /= np.linalg.norm(given)
        assert abs(transform.transform.quaternion() @ given) > 1 - 1e-9


def _detections_agree(ours: Any, theirs: Any) -> None:
    assert (ours.stamp_ns, ours.frame_id) == (stamp_ns(theirs.header.stamp), theirs.header.frame_id)
    found = ours.detections
    assert len(found) == len(found.xyxy) == len(theirs.detections)
    for i, message in enumerate(theirs.detections):
        best = max(message.results, key=lambda result: result.hypothesis.score).hypothesis
        assert found.class_names[found.class_id[i]] == best.class_id
        assert found.score[i] == np.float32(best.score)
        centre, box = message.bbox.center.position, message.bbox
        corners = [centre.x - box.size_x / 2, centre.y - box.size_y / 2]
        corners += [centre.x + box.size_x / 2, centre.y + box.size_y / 2]
        assert found.xyxy[i].tolist() == np.float32(corners).tolist()


def _heartbeats_agree(ours: Any, theirs: Any) -> None:
    assert ours.stamp_ns == stamp_ns(theirs.header.stamp)
    assert (ours.bond_id, ours.instance_id) == (theirs.id, theirs.instance_id)
    assert ours.active == bool(theirs.active)
    periods = [ours.heartbeat_timeout_s, ours.heartbeat_period_s]
    assert np.array_equal(periods, [theirs.heartbeat_timeout, theirs.heartbeat_period], equal_nan=True)


CODECS = [
    Codec(
        image.TYPE_NAME,
        image.decode_image,
        image.encode_image(STAMP_NS, 'front_optical', PIXELS, 'rgb8'),
        _image_agrees,
    ),
    Codec(
        compressed_image.TYPE_NAME,
        compressed_image.decode_compressed_image,
        compressed_image.encode_compressed_image(STAMP_NS, 'front_optical', JPEG, 'jpeg'),
        _compressed_agrees,
    ),
    Codec(
        camera_info.TYPE_NAME,
        camera_info.decode_camera_info,
        camera_info.encode_camera_info(STAMP_NS, 'front_optical', CAMERA),
        _camera_agrees,
    ),
    Codec(tf.TYPE_NAME, tf.decode_tf, tf.encode_tf(TRANSFORMS), _tf_agrees),
    Codec(
        bond_status.TYPE_NAME,
        bond_status.decode_bond_status,
        bond_status.encode_bond_status(HEARTBEAT),
        _heartbeats_agree,
    ),
]
# Messages that are written but never read.
WRITTEN = {
    clock.TYPE_NAME: clock.encode_clock(STAMP_NS),
    detection3d_array.TYPE_NAME: detection3d_array.encode_detection3d_array(STAMP_NS, 'odom', OBJECTS),
    diagnostics.TYPE_NAME: diagnostics.encode_diagnostic_array(STAMP_NS, STATUSES),
    label_info.TYPE_NAME: label_info.encode_label_info(STAMP_NS, 'front', ('pedestrian', 'car', 'é'), 0.25),
    laser_scan.TYPE_NAME: laser_scan.encode_laser_scan(SCAN),
    markers.TYPE_NAME: markers.encode_marker_array(STAMP_NS, 'odom', OBJECTS),
    occupancy_grid.GRID_TYPE_NAME: occupancy_grid.encode_occupancy_grid('odom', GRID),
    occupancy_grid.UPDATE_TYPE_NAME: occupancy_grid.encode_occupancy_grid_update('odom', UPDATE),
}
