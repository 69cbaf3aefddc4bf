"""Camera images, their encodings, lens models, and the tree of coordinate frames."""

from stream_infer_ros.cameras.camera_model import CameraModel, Roi
from stream_infer_ros.cameras.compressed import compressed_size, decode_compressed
from stream_infer_ros.cameras.encodings import ENCODINGS, EncodingInfo, encoding_info, to_colour
from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.cameras.transform_buffer import StampedTransform, TransformBuffer

__all__ = [
    'ENCODINGS',
    'CameraModel',
    'EncodingInfo',
    'Frame',
    'RigidTransform',
    'Roi',
    'StampedTransform',
    'TransformBuffer',
    'compressed_size',
    'decode_compressed',
    'encoding_info',
    'to_colour',
]
