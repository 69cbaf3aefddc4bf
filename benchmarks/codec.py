"""Our codecs beside rosbags' own serialiser and a bare copy: `python benchmarks/codec.py`."""

from collections.abc import Callable
from typing import Any

import numpy as np
from interleaved import medians_ms, print_against_first

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
from stream_infer_ros.messages.occupancy_grid import decode_occupancy_grid, encode_occupancy_grid
from stream_infer_ros.messages.tf import decode_tf, encode_tf
from stream_infer_ros.messages.typestore import typestore

STAMP_NS = 1_700_000_000_123_456_789


def main() -> None:
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
        decode_occupancy_grid,
        'nav_msgs/msg/OccupancyGrid',
        floor=grid.cells.tobytes,
    )


def detections(rng: np.random.Generator) -> Detections:
    corner = rng.uniform(0, 400, (20, 2))
    xyxy = np.hstack([corner, corner + rng.uniform(10, 200, (20, 2))]).astype(np.float32)
    names = ('pedestrian', 'car', 'cone', 'box')
    return Detections(xyxy, rng.random(20, np.float32), rng.integers(0, 4, 20).astype(np.int32), names)


def compare(
    title: str,
    encode: Callable[[], bytes],
    decode: Callable[[bytes], Any] | None,
    type_name: str,
    floor: Callable[[], bytes] | None = None,
) -> None:
    """Print both directions; rosbags is given its message objects ready made, and a memoryview to read."""
    store = typestore()
    cdr = encode()
    message = store.deserialize_cdr(memoryview(cdr), type_name)
    assert bytes(store.serialize_cdr(message, type_name)) == cdr
    writers: dict[str, Callable[[], Any]] = {'a bare copy of the data': floor} if floor else {}
    writers['rosbags writes'] = lambda: store.serialize_cdr(message, type_name)
    writers['we write'] = encode
    print_against_first(f'{title}, {len(cdr)} bytes: written', medians_ms(writers, 200))
    readers: dict[str, Callable[[], Any]] = {
        'rosbags reads': lambda: store.deserialize_cdr(memoryview(cdr), type_name)
    }
    if decode is not None:
        readers['we read, checked, as our values'] = lambda: decode(cdr)
        print_against_first(f'{title}: read', medians_ms(readers, 200))


if __name__ == '__main__':
    main()
