"""Image encodings of sensor_msgs: memory layout, and conversion to 8-bit colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.compressed import COMPRESSED, decode_compressed
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
        rows_per_two: array rows for two image rows: 2, or 3 for YUV 4:2:0, where chroma rows follow the luma
            rows.
        even_width, even_height: True if pairs of columns or rows share chroma, so that their number must be
            even.
        rgb, bgr: codes for cv2.cvtColor to each channel order; None if the image already has this order.
        to_grey: converts one channel of another depth to uint8 before cv2.cvtColor.
        convert: replaces all of these conversions, for encodings that only a fallback knows.
    """

    dtype: np.dtype[Any]
    channels: int
    rgb: int | None
    bgr: int | None
    rows_per_two: int = 2
    even_width: bool = False
    even_height: bool = False
    to_grey: Callable[[Image], ColourImage] | None = None
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


def _mono16_to_grey(image: Image) -> ColourImage:
    """Scale 0..65535 to 0..255 and round, as cv_bridge does for mono16."""
    return np.asarray(cv2.convertScaleAbs(_native(image), alpha=255 / 65535), np.uint8)


def _millimetres_to_grey(image: Image) -> ColourImage:
    """Convert depth in millimetres (REP-118). 0 (unknown) becomes black, DEPTH_RANGE_M and beyond white."""
    return np.asarray(cv2.convertScaleAbs(_native(image), alpha=255 / (1000 * DEPTH_RANGE_M)), np.uint8)


def _metres_to_grey(image: Image) -> ColourImage:
    """Convert depth in metres (REP-118). 0 and NaN (unknown) become black, DEPTH_RANGE_M and beyond white."""
    levels = np.nan_to_num(image * np.float32(255 / DEPTH_RANGE_M), nan=0.0, posinf=255.0, neginf=0.0)
    return np.asarray(np.rint(levels.clip(0.0, 255.0)), np.uint8)


def _native(image: Image) -> Image:
    return image if image.dtype.isnative else image.astype(image.dtype.newbyteorder('='))


_U8, _U16, _F32 = np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32)
_UYVY = EncodingInfo(_U8, 2, cv2.COLOR_YUV2RGB_UYVY, cv2.COLOR_YUV2BGR_UYVY, even_width=True)
_YUYV = EncodingInfo(_U8, 2, cv2.COLOR_YUV2RGB_YUY2, cv2.COLOR_YUV2BGR_YUY2, even_width=True)


def _grey(dtype: np.dtype[Any], to_grey: Callable[[Image], ColourImage] | None = None) -> EncodingInfo:
    return EncodingInfo(dtype, 1, cv2.COLOR_GRAY2RGB, cv2.COLOR_GRAY2BGR, to_grey=to_grey)


def _planar(rgb: int, bgr: int) -> EncodingInfo:
    return EncodingInfo(_U8, 1, rgb, bgr, rows_per_two=3, even_width=True, even_height=True)


# Names from sensor_msgs/image_encodings. ROS names a Bayer pattern by the first two pixels of its first two
# rows. OpenCV names it by the second and third pixel of the second row, so that rggb is BG in OpenCV.
ENCODINGS: dict[str, EncodingInfo] = {
    'rgb8': EncodingInfo(_U8, 3, None, cv2.COLOR_RGB2BGR),
    'bgr8': EncodingInfo(_U8, 3, cv2.COLOR_BGR2RGB, None),
    '8UC3': EncodingInfo(_U8, 3, cv2.COLOR_BGR2RGB, None),  # unnamed channels are BGR, as in cv_bridge
    'rgba8': EncodingInfo(_U8, 4, cv2.COLOR_RGBA2RGB, cv2.COLOR_RGBA2BGR),
    'bgra8': EncodingInfo(_U8, 4, cv2.COLOR_BGRA2RGB, cv2.COLOR_BGRA2BGR),
    'mono8': _grey(_U8),
    'mono16': _grey(_U16, _mono16_to_grey),
    '16UC1': _grey(_U16, _millimetres_to_grey),
    '32FC1': _grey(_F32, _metres_to_grey),
    'bayer_rggb8': EncodingInfo(_U8, 1, cv2.COLOR_BayerBG2RGB, cv2.COLOR_BayerBG2BGR),
    'bayer_bggr8': EncodingInfo(_U8, 1, cv2.COLOR_BayerRG2RGB, cv2.COLOR_BayerRG2BGR),
    'bayer_gbrg8': EncodingInfo(_U8, 1, cv2.COLOR_BayerGR2RGB, cv2.COLOR_BayerGR2BGR),
    'bayer_grbg8': EncodingInfo(_U8, 1, cv2.COLOR_BayerGB2RGB, cv2.COLOR_BayerGB2BGR),
    'yuv422': _UYVY,
    'uyvy': _UYVY,  # the name since ROS 2 Iron
    'yuv422_yuy2': _YUYV,
    'yuyv': _YUYV,
    'nv12': _planar(cv2.COLOR_YUV2RGB_NV12, cv2.COLOR_YUV2BGR_NV12),
    'nv21': _planar(cv2.COLOR_YUV2RGB_NV21, cv2.COLOR_YUV2BGR_NV21),
}


# Functions that are tried in this order for an encoding that is not listed above. A ROS node adds its
# cv_bridge; otherwise the list is empty.
FALLBACKS: list[Callable[[str], EncodingInfo | None]] = []


def encoding_info(encoding: str) -> EncodingInfo:
    """Return the layout of a raw encoding. Raises EncodingError if no fallback knows it either."""
    info = ENCODINGS.get(encoding)
    for fallback in FALLBACKS:
        info = info or fallback(encoding)
    if info is None:
        raise EncodingError(
            f'image encoding {encoding!r} is not supported; let the driver publish one of: '
            f'{", ".join(ENCODINGS)}, or a compressed image ({", ".join(COMPRESSED)})'
        )
    return info


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
        return _deliver(decode_compressed(image, encoding, order), out)
    info = encoding_info(encoding)
    _check(image, encoding, info)
    if info.convert is not None:
        return _deliver(info.convert(image, order), out)
    code = info.rgb if order == 'rgb' else info.bgr
    if code is None:
        return _deliver(image, out)
    height, width = info.image_size(image)
    if out is not None:
        _check_out(out, (height, width, 3))
    source = info.to_grey(image) if info.to_grey else image
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
        rows = 'H' if info.rows_per_two == 2 else 'H * 3 / 2'
        shape = f'({rows}, W)' if info.channels == 1 else f'({rows}, W, {info.channels})'
        raise EncodingError(
            f'expected {encoding} as {shape} {info.dtype}, got {image.shape} {image.dtype}; '
            'correct the encoding field in the driver'
        )


def _check_out(out: ColourImage, shape: tuple[int, ...]) -> None:
    if out.shape != shape or out.dtype != np.uint8:
        raise EncodingError(f'expected out as {shape} uint8, got {out.shape} {out.dtype}')
