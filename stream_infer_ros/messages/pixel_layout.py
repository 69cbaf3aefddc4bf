"""How the pixels of each image encoding lie in a row of sensor_msgs/msg/Image."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream_infer_ros.errors import EncodingError


class PixelLayout(NamedTuple):
    """What of an encoding decides about sizes.

    Attributes:
        sample: numpy type code of one sample, without byte order.
        channels: samples per pixel.
        pixel_pairs: two pixels share their colour, so that the width is even.
        half_chroma: a plane of half as many rows with the colour follows, so that the height is even too.
    """

    sample: str
    channels: int
    pixel_pairs: bool = False
    half_chroma: bool = False

    def row_bytes(self, width: int) -> int:
        """Bytes of one row without padding."""
        return width * self.channels * np.dtype(self.sample).itemsize

    def data_rows(self, height: int) -> int:
        """Rows in the data of an image of `height` rows."""
        return height * 3 // 2 if self.half_chroma else height

    def image_rows(self, data_rows: int) -> int:
        """The other way round."""
        return data_rows * 2 // 3 if self.half_chroma else data_rows

    def allows(self, width: int, height: int) -> bool:
        """Whether an image of this size can exist."""
        odd = (self.pixel_pairs and width % 2) or (self.half_chroma and height % 2)
        return width > 0 and height > 0 and not odd


_ONE_BYTE = PixelLayout('u1', 1)
_PAIRS = PixelLayout('u1', 2, pixel_pairs=True)
_TWO_PLANES = PixelLayout('u1', 1, pixel_pairs=True, half_chroma=True)

LAYOUTS: dict[str, PixelLayout] = {
    'rgb8': PixelLayout('u1', 3),
    'bgr8': PixelLayout('u1', 3),
    'rgba8': PixelLayout('u1', 4),
    'bgra8': PixelLayout('u1', 4),
    'mono8': _ONE_BYTE,
    'mono16': PixelLayout('u2', 1),
    'bayer_rggb8': _ONE_BYTE,
    'bayer_bggr8': _ONE_BYTE,
    'bayer_gbrg8': _ONE_BYTE,
    'bayer_grbg8': _ONE_BYTE,
    'yuv422': _PAIRS,
    'yuv422_yuy2': _PAIRS,
    'nv12': _TWO_PLANES,
    'nv21': _TWO_PLANES,
    '8UC3': PixelLayout('u1', 3),
    '16UC1': PixelLayout('u2', 1),
    '32FC1': PixelLayout('f4', 1),
}

_SAME_AS = {'uyvy': 'yuv422', 'yuyv': 'yuv422_yuy2'}


def canonical(encoding: str) -> str:
    """One name for what has two: 'uyvy' is 'yuv422', 'yuyv' is 'yuv422_yuy2'."""
    return _SAME_AS.get(encoding, encoding)


def layout_of(encoding: str) -> PixelLayout:
    """The layout of an encoding, by either of its names. Raises EncodingError on an unknown one."""
    layout = LAYOUTS.get(canonical(encoding))
    if layout is None:
        raise EncodingError(
            f'an image encoding out of {", ".join(LAYOUTS)} was expected, {encoding!r} came; '
            'convert it in the driver, or with image_proc'
        )
    return layout
