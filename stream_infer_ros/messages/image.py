"""sensor_msgs/msg/Image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.encodings import encoding_info
from stream_infer_ros.errors import EncodingError
from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'sensor_msgs/msg/Image'


@dataclass(frozen=True, slots=True, eq=False)
class ImageMessage:
    """One image, still inside its message; with a camera's name and a time of arrival it makes a `Frame`.

    Attributes:
        stamp_ns: header stamp, nanoseconds.
        frame_id: optical frame of the camera.
        image: read-only view into the message, laid out as `Frame.image` says.
        encoding: as `Frame.encoding`.
    """

    stamp_ns: int
    frame_id: str
    image: NDArray[Any]
    encoding: str


def decode_image(cdr: Cdr) -> ImageMessage:
    """Read an Image; the pixels stay where they are.

    The image is a read-only view, shaped as `cameras.encodings` says ((height, width), with channels
    (height, width, channels), nv12 and nv21 (height * 3 / 2, width)), its rows as far apart as `step` says,
    samples of two and four bytes in the message's own byte order ('>u2' where it is big endian).

    Raises:
        MessageError: the bytes are no Image.
        EncodingError: the encoding is unknown, or sizes, step and data do not agree.
    """
    reader = CdrReader(cdr, TYPE_NAME)
    stamp_ns, frame_id = reader.header()
    height, width = reader.uint32(), reader.uint32()
    encoding = reader.string()
    is_bigendian = reader.uint8() != 0
    step = reader.uint32()
    data = reader.byte_sequence()
    reader.end()
    image = pixel_view(data, encoding, (height, width), step, '>' if is_bigendian else '<')
    return ImageMessage(stamp_ns, frame_id, image, encoding)


def encode_image(stamp_ns: int, frame_id: str, image: NDArray[Any], encoding: str) -> bytes:
    """Write an Image with unpadded rows; the pixels are copied once (twice, if their rows are padded).

    Args:
        stamp_ns: header stamp, nanoseconds.
        frame_id: optical frame of the camera.
        image: shape and dtype as `decode_image` gives them for the encoding, either byte order.
        encoding: a name out of `cameras.encodings.ENCODINGS`.

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
    """The rows in `data` as an array, laid out as `decode_image` says; nothing is copied.

    Args:
        data: (n,) uint8.
        encoding: a name out of `cameras.encodings.ENCODINGS`.
        size: (height, width), pixels.
        step: bytes from row to row.
        byte_order: of samples of two and four bytes.

    Raises EncodingError: the encoding is unknown, or sizes, step and data do not agree.
    """
    info = encoding_info(encoding)
    height, width = size
    shape = info.array_shape(height, width)
    if not height or not width:
        raise EncodingError(f'{TYPE_NAME}: an image with pixels was expected, {width} x {height} came')
    if step < info.row_bytes(width):
        raise EncodingError(
            f'{TYPE_NAME}: a step of at least {info.row_bytes(width)} bytes was expected for {width} '
            f'{encoding} pixels, {step} came; the driver fills it in wrongly'
        )
    if step % info.dtype.itemsize:
        # OpenCV reads such rows from the wrong place.
        raise EncodingError(
            f'{TYPE_NAME}: a step of a whole number of {info.dtype.itemsize}-byte samples was expected for '
            f'{encoding}, {step} bytes came; the driver fills it in wrongly'
        )
    if step * shape[0] != data.size:
        raise EncodingError(
            f'{TYPE_NAME}: {shape[0]} rows of {step} bytes were expected for {width} x {height} {encoding}, '
            f'{data.size} bytes came; the driver fills in size or step wrongly'
        )
    dtype = info.dtype.newbyteorder(byte_order)
    strides = (step, info.channels * dtype.itemsize, dtype.itemsize)
    pixels: NDArray[Any] = np.ndarray(shape, dtype, data, strides=strides[: len(shape)])
    return pixels


def _checked_size(image: NDArray[Any], encoding: str) -> tuple[int, int]:
    """Height and width of an array to be written, after refusing one that does not fit the encoding."""
    info = encoding_info(encoding)
    if image.ndim >= 2 and image.size and image.dtype.newbyteorder('=') == info.dtype:
        height, width = info.image_size(image)
        if image.shape == info.array_shape(height, width):
            return height, width
    rows = 'height' if info.rows_per_two == 2 else 'height * 3 / 2'
    shape = f'({rows}, width)' if info.channels == 1 else f'({rows}, width, {info.channels})'
    raise EncodingError(
        f'an array {shape} of {info.dtype} was expected for {encoding}, {image.shape} of {image.dtype} came'
    )
