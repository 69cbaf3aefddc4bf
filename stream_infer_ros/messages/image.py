"""sensor_msgs/msg/Image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EncodingError
from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter
from stream_infer_ros.messages.image_message import ImageMessage
from stream_infer_ros.messages.pixel_layout import canonical, layout_of

TYPE_NAME = 'sensor_msgs/msg/Image'


def decode_image(cdr: Cdr) -> ImageMessage:
    """Read an Image; the pixels stay where they are.

    The image is a read-only view: (height, width) or (height, width, channels), rows as far apart as `step`
    says, samples of two and four bytes in the message's own byte order ('>u2' where it is big endian);
    yuv422 and yuv422_yuy2 (height, width, 2); nv12 and nv21 (height * 3 / 2, width), luma above chroma.

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
    image = _pixels(data, encoding, (height, width), step, '>' if is_bigendian else '<')
    return ImageMessage(stamp_ns, frame_id, image, canonical(encoding))


def encode_image(stamp_ns: int, frame_id: str, image: NDArray[Any], encoding: str) -> bytes:
    """Write an Image with unpadded rows; the pixels are copied once.

    Args:
        stamp_ns: header stamp, nanoseconds.
        frame_id: optical frame of the camera.
        image: shape and dtype as `decode_image` gives them for the encoding, either byte order.
        encoding: a key of `pixel_layout.LAYOUTS`, or 'uyvy', 'yuyv'.

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


def _pixels(
    data: NDArray[np.uint8], encoding: str, size: tuple[int, int], step: int, byte_order: str
) -> NDArray[Any]:
    """The rows in `data` as an array, after refusing what contradicts itself; `size` is (height, width)."""
    layout = layout_of(encoding)
    height, width = size
    if not layout.allows(width, height):
        even = ' of even size' if layout.pixel_pairs else ''
        raise EncodingError(f'{TYPE_NAME}: a {encoding} image{even} was expected, {width} x {height} came')
    if step < layout.row_bytes(width):
        raise EncodingError(
            f'{TYPE_NAME}: a step of at least {layout.row_bytes(width)} bytes was expected for {width} '
            f'{encoding} pixels, {step} came; the driver fills it in wrongly'
        )
    rows = layout.data_rows(height)
    if step * rows != data.size:
        raise EncodingError(
            f'{TYPE_NAME}: {rows} rows of {step} bytes were expected for {width} x {height} {encoding}, '
            f'{data.size} bytes came; the driver fills in size or step wrongly'
        )
    dtype = np.dtype(byte_order + layout.sample)
    strides = (step, layout.channels * dtype.itemsize, dtype.itemsize)
    pixels: NDArray[Any] = np.ndarray((rows, width, layout.channels), dtype, data, strides=strides)
    return pixels if layout.channels > 1 else pixels[:, :, 0]


def _checked_size(image: NDArray[Any], encoding: str) -> tuple[int, int]:
    """Height and width of an array to be written, after refusing one that does not fit the encoding."""
    layout = layout_of(encoding)
    channels = () if layout.channels == 1 else (layout.channels,)
    if (
        image.ndim == 2 + len(channels)
        and image.shape[2:] == channels
        and image.dtype.str[1:] == layout.sample
    ):
        rows, width = image.shape[:2]
        height = layout.image_rows(rows)
        if layout.allows(width, height) and layout.data_rows(height) == rows:
            return height, width
    shape = ', '.join(['height * 3 / 2' if layout.half_chroma else 'height', 'width', *map(str, channels)])
    even = ' of even size' if layout.pixel_pairs else ''
    raise EncodingError(
        f'an array ({shape}) of {layout.sample}{even} was expected for {encoding}, '
        f'{image.shape} of {image.dtype.str[1:]} came'
    )
