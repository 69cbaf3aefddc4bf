"""Image encodings of sensor_msgs: memory layout, and conversion to 8-bit colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.compressed import COMPRESSED, decode_compressed, encoding_within
from stream_infer_ros.cameras.encoding_names import numbers_within, standard_name
from stream_infer_ros.errors import EncodingError

Image = NDArray[Any]
ColourImage = NDArray[np.uint8]
ColourOrder = Literal['rgb', 'bgr']

DEPTH_RANGE_M = 10.0  # distance that is drawn white in a depth image; the default of rqt_image_view


@dataclass(frozen=True, slots=True)
class EncodingInfo:
    """Memory layout of a raw encoding, and its conversions.

    Attributes:
        dtype: type of one channel. Samples of 16 and 32 bits may also be big-endian.
        channels: channels per pixel. Packed YUV 4:2:2 has two, because pairs of pixels share chroma.
        rows_per_two: array rows for two image rows: 2, or more for YUV whose chroma rows follow the luma
            rows (4:2:0: 3, 4:4:4: 6).
        even_width, even_height: True if pairs of columns or rows share chroma, so that their number must be
            even.
        rgb, bgr: codes for cv2.cvtColor to each channel order; None if the image already has this order.
        to_8bit: converts samples of another depth to uint8 before cv2.cvtColor.
        convert: replaces all of these conversions, for encodings that cv2.cvtColor alone cannot convert.
    """

    dtype: np.dtype[Any]
    channels: int
    rgb: int | None
    bgr: int | None
    rows_per_two: int = 2
    even_width: bool = False
    even_height: bool = False
    to_8bit: Callable[[Image], ColourImage] | None = None
    convert: Callable[[Image, ColourOrder], ColourImage] | None = None

    def array_shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return the shape of `Frame.image` for an image size: (rows, width) or (rows, width, channels).

        Raises:
            EncodingError: the encoding needs an even width or height, and the size is odd.
        """
        if (self.even_width and width % 2) or (self.even_height and height % 2):
            raise EncodingError(
                f'expected an even size, because pairs of pixels share chroma, got {width}x{height}; '
                'correct width and height in the driver'
            )
        rows = height * self.rows_per_two // 2
        return (rows, width) if self.channels == 1 else (rows, width, self.channels)

    def row_bytes(self, width: int) -> int:
        """Return the smallest possible `step` (bytes per row)."""
        return width * self.channels * self.dtype.itemsize

    def image_size(self, image: Image) -> tuple[int, int]:
        """Return (height, width) in pixels of an image whose array has a shape from `array_shape`."""
        return image.shape[0] * 2 // self.rows_per_two, image.shape[1]


def _to_8bit(image: Image) -> ColourImage:
    """Scale 0..65535 to 0..255 and round, as cv_bridge does."""
    return np.asarray(cv2.convertScaleAbs(_native(image), alpha=255 / 65535), np.uint8)


def _millimetres_to_grey(image: Image) -> ColourImage:
    """Convert depth in millimetres (REP-118). 0 (unknown) becomes black, DEPTH_RANGE_M and beyond white."""
    return np.asarray(cv2.convertScaleAbs(_native(image), alpha=255 / (1000 * DEPTH_RANGE_M)), np.uint8)


def _metres_to_grey(image: Image) -> ColourImage:
    """Convert depth in metres (REP-118). 0 and NaN (unknown) become black, DEPTH_RANGE_M and beyond white."""
    levels = np.nan_to_num(image * np.float32(255 / DEPTH_RANGE_M), nan=0.0, posinf=255.0, neginf=0.0)
    return np.asarray(np.rint(levels.clip(0.0, 255.0)), np.uint8)


def _bayer16(rgb: int, bgr: int) -> EncodingInfo:
    """Return the encoding of a 16-bit Bayer pattern, which is scaled to 8 bits last, as in cv_bridge."""

    def convert(image: Image, order: ColourOrder) -> ColourImage:
        return _to_8bit(cv2.cvtColor(_native(image), rgb if order == 'rgb' else bgr))

    return EncodingInfo(_U16, 1, None, None, convert=convert)


# ITU-R BT.601, limited range, as OpenCV uses for the other YUV encodings: rows R, G, B; columns Y, U, V, 1.
_RGB_FROM_YUV = np.array(
    [
        [1.164, 0.0, 1.596, -16 * 1.164 - 128 * 1.596],
        [1.164, -0.391, -0.813, -16 * 1.164 + 128 * (0.391 + 0.813)],
        [1.164, 2.018, 0.0, -16 * 1.164 - 128 * 2.018],
    ]
)


def _nv24_to_colour(image: Image, order: ColourOrder) -> ColourImage:
    """Convert YUV 4:4:4: rows of luma, then twice as many rows of interleaved chroma."""
    height, width = image.shape[0] // 3, image.shape[1]
    yuv = np.empty((height, width, 3), np.uint8)
    yuv[:, :, 0] = image[:height]
    yuv[:, :, 1:] = image[height:].reshape(height, width, 2)
    matrix = _RGB_FROM_YUV if order == 'rgb' else _RGB_FROM_YUV[::-1]
    return np.asarray(cv2.transform(yuv, matrix), np.uint8)


def _native(image: Image) -> Image:
    return image if image.dtype.isnative else image.astype(image.dtype.newbyteorder('='))


_U8, _U16, _F32 = np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32)
_UYVY = EncodingInfo(_U8, 2, cv2.COLOR_YUV2RGB_UYVY, cv2.COLOR_YUV2BGR_UYVY, even_width=True)
_YUYV = EncodingInfo(_U8, 2, cv2.COLOR_YUV2RGB_YUY2, cv2.COLOR_YUV2BGR_YUY2, even_width=True)


def _grey(dtype: np.dtype[Any], to_8bit: Callable[[Image], ColourImage] | None = None) -> EncodingInfo:
    return EncodingInfo(dtype, 1, cv2.COLOR_GRAY2RGB, cv2.COLOR_GRAY2BGR, to_8bit=to_8bit)


def _planar(rgb: int, bgr: int) -> EncodingInfo:
    return EncodingInfo(_U8, 1, rgb, bgr, rows_per_two=3, even_width=True, even_height=True)


# By channels: the codes for cv2.cvtColor, or None.
_RGB, _BGR = (3, None, cv2.COLOR_RGB2BGR), (3, cv2.COLOR_BGR2RGB, None)
_RGBA, _BGRA = (4, cv2.COLOR_RGBA2RGB, cv2.COLOR_RGBA2BGR), (4, cv2.COLOR_BGRA2RGB, cv2.COLOR_BGRA2BGR)
# ROS names a Bayer pattern by the first two pixels of its first two rows. OpenCV names it by the second and
# third pixel of the second row, so that rggb is BG in OpenCV.
_BAYER = {
    'bayer_rggb': (cv2.COLOR_BayerBG2RGB, cv2.COLOR_BayerBG2BGR),
    'bayer_bggr': (cv2.COLOR_BayerRG2RGB, cv2.COLOR_BayerRG2BGR),
    'bayer_gbrg': (cv2.COLOR_BayerGR2RGB, cv2.COLOR_BayerGR2BGR),
    'bayer_grbg': (cv2.COLOR_BayerGB2RGB, cv2.COLOR_BayerGB2BGR),
}

# Names from sensor_msgs/image_encodings. Unnamed channels of 8 bits (8UC3) are grey, BGR or BGRA, as in
# OpenCV. 16UC1 and 32FC1 are distances (REP-118), which are drawn in shades of grey.
ENCODINGS: dict[str, EncodingInfo] = {
    'rgb8': EncodingInfo(_U8, *_RGB),
    'bgr8': EncodingInfo(_U8, *_BGR),
    'rgba8': EncodingInfo(_U8, *_RGBA),
    'bgra8': EncodingInfo(_U8, *_BGRA),
    'mono8': _grey(_U8),
    '8UC1': _grey(_U8),
    '8UC3': EncodingInfo(_U8, *_BGR),
    '8UC4': EncodingInfo(_U8, *_BGRA),
    'rgb16': EncodingInfo(_U16, *_RGB, to_8bit=_to_8bit),
    'bgr16': EncodingInfo(_U16, *_BGR, to_8bit=_to_8bit),
    'rgba16': EncodingInfo(_U16, *_RGBA, to_8bit=_to_8bit),
    'bgra16': EncodingInfo(_U16, *_BGRA, to_8bit=_to_8bit),
    'mono16': _grey(_U16, _to_8bit),
    **{f'{pattern}8': EncodingInfo(_U8, 1, *codes) for pattern, codes in _BAYER.items()},
    **{f'{pattern}16': _bayer16(*codes) for pattern, codes in _BAYER.items()},
    'yuv422': _UYVY,
    'uyvy': _UYVY,  # the name since ROS 2 Iron
    'yuv422_yuy2': _YUYV,
    'yuyv': _YUYV,
    'nv12': _planar(cv2.COLOR_YUV2RGB_NV12, cv2.COLOR_YUV2BGR_NV12),
    'nv21': _planar(cv2.COLOR_YUV2RGB_NV21, cv2.COLOR_YUV2BGR_NV21),
    'nv24': EncodingInfo(_U8, 1, None, None, rows_per_two=6, convert=_nv24_to_colour),
    '16UC1': _grey(_U16, _millimetres_to_grey),
    '32FC1': _grey(_F32, _metres_to_grey),
}


def known_name(encoding: str) -> str:
    """Return the name in ENCODINGS of an encoding that may be written in another way ('RGB8', 'yuyv422').

    Raises:
        EncodingError: the encoding is not known, or is not a picture.
    """
    if encoding in ENCODINGS:
        return encoding
    name = standard_name(encoding)
    if name in ENCODINGS:
        return name
    if numbers := numbers_within(name):
        raise EncodingError(
            f'image encoding {encoding!r} is not supported: it means {numbers}, which is not a picture '
            '(e.g. disparity, flow or points); select the image topic of the colour or grey picture'
        )
    raise EncodingError(
        f'image encoding {encoding!r} is not supported; let the driver publish one of: '
        f'{", ".join(ENCODINGS)}, or a compressed image (jpeg, png)'
    )


def encoding_info(encoding: str) -> EncodingInfo:
    """Return the layout of a raw encoding. Raises EncodingError as `known_name` does."""
    return ENCODINGS[known_name(encoding)]


def to_colour(
    image: Image, encoding: str, order: ColourOrder = 'rgb', out: ColourImage | None = None
) -> ColourImage:
    """Convert an image of any encoding to 8-bit colour.

    Args:
        image: the image as in `Frame.image`: an array with the shape of `EncodingInfo.array_shape`, possibly
            with padded rows, or a JPEG or PNG file.
        encoding: a name in ENCODINGS, 'jpeg' or 'png'.
        order: order of the channels of the result.
        out: C-contiguous array (H, W, 3) uint8 for the result.

    Returns:
        (H, W, 3) uint8. It is `out` if given. Otherwise it is `image` itself if no conversion is needed; it
        may then be read-only and have padded rows. In all other cases it is a new array.

    Raises:
        EncodingError: the encoding is unknown, the array does not fit it, the file cannot be decoded, or
            `out` has another size.

    Example:
        >>> to_colour(np.full((1, 2), 7, np.uint8), 'mono8').tolist()
        [[[7, 7, 7], [7, 7, 7]]]
    """
    if encoding in COMPRESSED:
        image = decode_compressed(image, encoding)
        encoding = encoding_within(encoding, image)
    info = encoding_info(encoding)
    _check(image, encoding, info)
    if info.convert is not None:
        return _deliver(info.convert(image, order), out)
    code = info.rgb if order == 'rgb' else info.bgr
    source = info.to_8bit(image) if info.to_8bit else image
    if code is None:
        return _deliver(source, out)
    height, width = info.image_size(image)
    if out is not None:
        _check_out(out, (height, width, 3))
    try:
        return _deliver(np.asarray(cv2.cvtColor(source, code, dst=out), np.uint8), out)
    except cv2.error as error:
        raise EncodingError(
            f'cannot convert a {encoding} image of {width}x{height} pixels: {error}'
        ) from error


def _deliver(colour: ColourImage, out: ColourImage | None) -> ColourImage:
    if out is None or colour is out:
        return colour
    _check_out(out, colour.shape)
    np.copyto(out, colour)
    return out


def _check(image: Image, encoding: str, info: EncodingInfo) -> None:
    fits = image.ndim == (2 if info.channels == 1 else 3) and image.size > 0
    if fits:
        fits = image.shape[0] * 2 % info.rows_per_two == 0 and (
            image.shape == info.array_shape(*info.image_size(image))
        )
    if not fits or image.dtype.newbyteorder('=') != info.dtype:
        rows = 'H' if info.rows_per_two == 2 else f'H * {info.rows_per_two} / 2'
        shape = f'({rows}, W)' if info.channels == 1 else f'({rows}, W, {info.channels})'
        raise EncodingError(
            f'expected {encoding} as {shape} {info.dtype}, got {image.shape} {image.dtype}; '
            'correct the encoding field in the driver'
        )


def _check_out(out: ColourImage, shape: tuple[int, ...]) -> None:
    if out.shape != shape or out.dtype != np.uint8:
        raise EncodingError(f'expected out as {shape} uint8, got {out.shape} {out.dtype}')
