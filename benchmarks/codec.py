"""Our codecs beside rosbags' own serialiser, rclpy's typed messages and a bare copy.

    python benchmarks/codec.py [--json FILE]

rclpy where a ROS 2 is found (/opt/ros/*): the benchmark then starts itself in a sourced shell.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from interleaved import medians_ms
from machine import Results, parser
from ros_setup import start_again_in_ros

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.cameras.transform_buffer import StampedTransform
from stream_infer_ros.inference.detections import Detections
from stream_infer_ros.mapping.grid_snapshot import GridSnapshot
from stream_infer_ros.mapping.ground_object import GroundObject
from stream_infer_ros.messages.camera_info import decode_camera_info, encode_camera_info
from stream_infer_ros.messages.detection2d_array import decode_detection2d_array, encode_detection2d_array
from stream_infer_ros.messages.image import decode_image, encode_image
from stream_infer_ros.messages.markers import encode_marker_array
from stream_infer_ros.messages.occupancy_grid import encode_occupancy_grid
from stream_infer_ros.messages.tf import decode_tf, encode_tf
from stream_infer_ros.messages.typestore import typestore

STAMP_NS = 1_700_000_000_123_456_789


def main() -> int:
    options = parser(__doc__).parse_args()
    start_again_in_ros()
    results = Results('codec', 'Messages', options)
    if find_spec('rclpy') is None:
        results.missing('rclpy: no ROS 2 for this Python (/opt/ros/*/setup.bash)')
    compare = Comparison(results, 60 if options.quick else 200)
    rng = np.random.default_rng(0)
    for width, height in ((640, 480), (1920, 1080)):
        pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
        compare(
            f'Image {width}x{height} rgb8',
            lambda p=pixels: encode_image(STAMP_NS, 'front_optical', p, 'rgb8'),
            decode_image,
            'sensor_msgs/msg/Image',
            floor=pixels.tobytes,
        )
    camera = CameraModel.pinhole(640, 480, 320.0)
    compare(
        'CameraInfo',
        lambda: encode_camera_info(STAMP_NS, 'front_optical', camera),
        decode_camera_info,
        'sensor_msgs/msg/CameraInfo',
    )
    pose = RigidTransform.from_xyz_rpy((1.0, 2.0, 0.5), (0.1, 0.2, 0.3))
    transforms = [StampedTransform(STAMP_NS, 'base_link', f'camera_{i}', pose) for i in range(6)]
    compare('TFMessage of 6', lambda: encode_tf(transforms), decode_tf, 'tf2_msgs/msg/TFMessage')
    boxes = detections(rng)
    compare(
        'Detection2DArray of 20',
        lambda: encode_detection2d_array(STAMP_NS, 'front_optical', boxes),
        decode_detection2d_array,
        'vision_msgs/msg/Detection2DArray',
    )
    objects = [GroundObject('car', 0.9, 3.0, -2.0, 0.5, 4.2, 1.8, 1.5, 0.25)] * 20
    compare(
        'MarkerArray of 20 objects',
        lambda: encode_marker_array(STAMP_NS, 'odom', objects),
        None,
        'visualization_msgs/msg/MarkerArray',
    )
    grid = GridSnapshot(STAMP_NS, -20.0, -20.0, 0.1, rng.integers(-1, 101, (400, 400)).astype(np.int8))
    compare(
        'OccupancyGrid 400x400',
        lambda: encode_occupancy_grid('odom', grid),
        None,
        'nav_msgs/msg/OccupancyGrid',
        floor=grid.cells.tobytes,
    )
    return results.finish()


def detections(rng: np.random.Generator) -> Detections:
    corner = rng.uniform(0, 400, (20, 2))
    xyxy = np.hstack([corner, corner + rng.uniform(10, 200, (20, 2))]).astype(np.float32)
    names = ('pedestrian', 'car', 'cone', 'box')
    return Detections(xyxy, rng.random(20, np.float32), rng.integers(0, 4, 20).astype(np.int32), names)


class Comparison:
    """Times both directions; the others are given their message objects ready made."""

    def __init__(self, results: Results, rounds: int) -> None:
        self._results, self._rounds = results, rounds

    def __call__(
        self,
        title: str,
        encode: Callable[[], bytes],
        decode: Callable[[bytes], Any] | None,
        type_name: str,
        floor: Callable[[], bytes] | None = None,
    ) -> None:
        store = typestore()
        cdr = encode()
        message = store.deserialize_cdr(memoryview(cdr), type_name)
        assert bytes(store.serialize_cdr(message, type_name)) == cdr
        copy = floor or (lambda: bytes(memoryview(cdr)))
        writers: dict[str, Callable[[], Any]] = {
            'a bare copy of the data': copy,
            'we write': encode,
            'rosbags writes': lambda: store.serialize_cdr(message, type_name),
        }
        readers: dict[str, Callable[[], Any]] = {'a bare copy of the data': copy}
        if decode is not None:
            readers['we read, checked, as our values'] = lambda: decode(cdr)
        # A memoryview: of bytes it makes copies.
        readers['rosbags reads'] = lambda: store.deserialize_cdr(memoryview(cdr), type_name)
        self._add_rclpy(writers, readers, cdr, type_name)
        told = f'{title}, {len(cdr)} bytes'
        self._results.medians(f'{told}: written', medians_ms(writers, self._rounds))
        self._results.medians(f'{told}: read', medians_ms(readers, self._rounds))

    @staticmethod
    def _add_rclpy(
        writers: dict[str, Callable[[], Any]],
        readers: dict[str, Callable[[], Any]],
        cdr: bytes,
        type_name: str,
    ) -> None:
        if find_spec('rclpy') is None:
            return
        serialization = import_module('rclpy.serialization')
        package, kind, name = type_name.split('/')
        typed = getattr(import_module(f'{package}.{kind}'), name)
        message = serialization.deserialize_message(cdr, typed)
        writers['rclpy writes'] = lambda: serialization.serialize_message(message)
        readers['rclpy reads'] = lambda: serialization.deserialize_message(cdr, typed)


if __name__ == '__main__':
    sys.exit(main())
