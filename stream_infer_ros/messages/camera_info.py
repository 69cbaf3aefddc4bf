"""sensor_msgs/msg/CameraInfo."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from stream_infer_ros.cameras.camera_model import CameraModel, Roi
from stream_infer_ros.cameras.rectified import rectified_model
from stream_infer_ros.errors import MessageError
from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'sensor_msgs/msg/CameraInfo'

# Offset of the stamp in bytes: the message begins with a header after 4 bytes of encapsulation.
_STAMP_AT = 4
# More than the longest lens model of OpenCV has (14), because zeros behind the coefficients are allowed.
_MAX_COEFFICIENTS = 64


@dataclass(frozen=True, slots=True, eq=False)
class CameraInfoMessage:
    """One CameraInfo.

    Attributes:
        stamp_ns: header stamp in nanoseconds.
        frame_id: optical frame of the camera.
        model: the calibration.
    """

    stamp_ns: int
    frame_id: str
    model: CameraModel


def decode_camera_info(cdr: Cdr, rectified: bool = False) -> CameraInfoMessage:
    """Decode a CameraInfo, and return the model of the raw or of the rectified images of the camera.

    If the same calibration was decoded recently, `model` is the same object as before.

    Raises:
        MessageError: the bytes are not a CameraInfo.
        CalibrationError: the values do not describe a calibrated camera.
    """
    reader = CdrReader(cdr, TYPE_NAME)
    stamp_ns, frame_id = reader.header()
    height, width = reader.uint32(), reader.uint32()
    distortion_model = reader.string()
    d = reader.float64_sequence()
    if d.size > _MAX_COEFFICIENTS:
        raise MessageError(
            f'{TYPE_NAME}: expected at most {_MAX_COEFFICIENTS} distortion coefficients, got {d.size}'
        )
    k, r, p = reader.float64_array(9), reader.float64_array(9), reader.float64_array(12)
    binning_x, binning_y = reader.uint32(), reader.uint32()
    x_offset, y_offset, roi_height, roi_width = (reader.uint32() for _ in range(4))
    reader.uint8()  # do_rectify: only for nodes that rectify images
    reader.end()
    roi = Roi(x_offset, y_offset, roi_width, roi_height)
    arrays = (d.tobytes(), k.tobytes(), r.tobytes(), p.tobytes())
    model = _model(width, height, distortion_model, arrays, (binning_x, binning_y), roi, rectified)
    return CameraInfoMessage(stamp_ns, frame_id, model)


def unstamped(cdr: Cdr) -> bytes:
    """Return the message without its stamp.

    If two results are equal, the second message need not be decoded.
    """
    view = memoryview(cdr)
    return bytes(view[:_STAMP_AT]) + bytes(view[_STAMP_AT + 8 :])


def encode_camera_info(stamp_ns: int, frame_id: str, model: CameraModel) -> bytes:
    """Encode a CameraInfo. `stamp_ns` is in nanoseconds, `frame_id` is the optical frame."""
    roi = model.roi or Roi(0, 0, 0, 0)
    writer = CdrWriter(TYPE_NAME)
    writer.header(stamp_ns, frame_id)
    writer.uint32(model.height)
    writer.uint32(model.width)
    writer.string(model.distortion_model)
    writer.float64_sequence(model.d)
    for matrix in (model.k, model.r, model.p):
        writer.float64_array(matrix)
    for number in (model.binning_x, model.binning_y, roi.x_offset, roi.y_offset, roi.height, roi.width):
        writer.uint32(number)
    writer.uint8(0)  # do_rectify
    return writer.finish()


# A camera repeats its calibration with every image, and creating a model takes 0.5 ms (its lens table).
@lru_cache(maxsize=64)
def _model(
    width: int,
    height: int,
    distortion_model: str,
    arrays: tuple[bytes, bytes, bytes, bytes],
    binning: tuple[int, int],
    roi: Roi,
    rectified: bool,
) -> CameraModel:
    d, k, r, p = (np.frombuffer(array, np.float64) for array in arrays)
    if rectified:
        return rectified_model(width, height, d, k, p, *binning, roi)
    return CameraModel(width, height, distortion_model, d, k, r, p, *binning, roi)
