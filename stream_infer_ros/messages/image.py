"""sensor_msgs/msg/Image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.encodings import encoding_info, known_name
from stream_infer_ros.errors import EncodingError
from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'sensor_msgs/msg/Image'


@dataclass(frozen=True, slots=True, eq=False)
class ImageMessage:
    """One image as a view into its message. A `Frame` adds the name of the camera and the time of arrival.

    Attributes:
        stamp_ns: header stamp in nanoseconds.
        frame_id: optical frame of the camera.
        image: read-only view into the message, with the layout of `Frame.image`.
        encoding: see `Frame.encoding`.
    """

    stamp_ns: int
    frame_id: str
    image: NDArray[Any]
    encoding: str


def decode_image(cdr: Cdr) -> ImageMessage:
    """Decode an Image without copying the pixels.

    The image of the result is a read-only view. Its shape is (height, width) or (height, width, channels),
    or more rows for nv12, nv21 and nv24, see `cameras.encodings`. Rows may be padded according to `step`,
    except the last one. Samples of two and four bytes keep the byte order of the message ('>u2' if it is big
    endian). The encoding of the result is the usual name: 'rgb8' for 'RGB8', 'yuyv' for 'yuyv422'.

    Raises:
        MessageError: the bytes are not an Image.
        EncodingError: the encoding is unknown, or size, step and data do not fit together.
    """
    reader = CdrReader(cdr, TYPE_NAME)
    stamp_ns, frame_id = reader.header()
    height, width = reader.uint32(), reader.uint32()
    encoding = known_name(reader.string())
    is_bigendian = reader.uint8() != 0
    step = reader.uint32()
    data = reader.byte_sequence()
    reader.end()
    image = pixel_view(data, encoding, (height, width), step, '>' if is_bigendian else '<')
    return ImageMessage(stamp_ns, frame_id, image, encoding)


def encode_image(stamp_ns: int, frame_id: str, image: NDArray[Any], encoding: str) -> bytes:
    """Encode an Image without padding between rows.

    The pixels are copied once, or twice if the rows of `image` are padded.

    Args:
        stamp_ns: header stamp in nanoseconds.
        frame_id: optical frame of the camera.
        image: shape and dtype as from `decode_image` for this encoding, in either byte order.
        encoding: a name in `cameras.encodings.ENCODINGS`.

    Raises:
        EncodingError: the encoding is unknown, or the array does not fit it.
    """
    height, width = _checked_size(image, encoding)
    writer = CdrWriter(TYPE_NAME)
    writer.header(stamp_ns, frame_id)
    writer.uint32(height)
    writer.uint32(width)
    writer.string(encoding)
    writer.uint8(image.dtype.str[0] == '>')
    writer.uint32(image.nbytes // image.shape[0])
    return writer.finish_with_bytes(np.ascontiguousarray(image).data)


def pixel_view(
    data: NDArray[np.uint8], encoding: str, size: tuple[int, int], step: int, byte_order: Literal['<', '>']
) -> NDArray[Any]:
    """Return `data` as an array with the layout described at `decode_image`, without copying.

    Args:
        data: (n,) uint8.
        encoding: a name in `cameras.encodings.ENCODINGS`.
        size: (height, width) in pixels.
        step: number of bytes from one row to the next.
        byte_order: byte order of samples of two and four bytes.

    Raises:
        EncodingError: the encoding is unknown, or size, step and data do not fit together.
    """
    info = encoding_info(encoding)
    height, width = size
    shape = info.array_shape(height, width)
    if not height or not width:
        raise EncodingError(f'{TYPE_NAME}: expected an image of at least one pixel, got {width} x {height}')
    if step < info.row_bytes(width):
        raise EncodingError(
            f'{TYPE_NAME}: expected a step of at least {info.row_bytes(width)} bytes for {width} '
            f'{encoding} pixels, got {step}; correct step in the driver'
        )
    if step % info.dtype.itemsize:
        # OpenCV would read such rows from a wrong address.
        raise EncodingError(
            f'{TYPE_NAME}: expected a step of a whole number of {info.dtype.itemsize}-byte samples for '
            f'{encoding}, got {step} bytes; correct step in the driver'
        )
    if not step * (shape[0] - 1) + info.row_bytes(width) <= data.size <= step * shape[0]:
        raise EncodingError(
            f'{TYPE_NAME}: expected {shape[0]} rows of {step} bytes for {width} x {height} {encoding}, '
            f'got {data.size} bytes; correct width, height or step in the driver'
        )
    dtype = info.dtype.newbyteorder(byte_order)
    strides = (step, info.channels * dtype.itemsize, dtype.itemsize)
    pixels: NDArray[Any] = np.ndarray(shape, dtype, data, strides=strides[: len(shape)])
    return pixels


def _checked_size(image: NDArray[Any], encoding: str) -> tuple[int, int]:
    """Return (height, width) of an array. Raises EncodingError if it does not fit the encoding."""
    info = encoding_info(encoding)
    if image.ndim >= 2 and image.size and image.dtype.newbyteorder('=') == info.dtype:
        height, width = info.image_size(image)
        if image.shape == info.array_shape(height, width):
            return height, width
    rows = 'height' if info.rows_per_two == 2 else f'height * {info.rows_per_two} / 2'
    shape = f'({rows}, width)' if info.channels == 1 else f'({rows}, width, {info.channels})'
    raise EncodingError(
        f'expected an array {shape} of {info.dtype} for {encoding}, got {image.shape} of {image.dtype}'
    )
