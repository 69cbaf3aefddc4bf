"""sensor_msgs image encodings: how each lies in memory, and how it becomes 8-bit colour."""

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

DEPTH_RANGE_M = 10.0  # what white means in a depth picture: the default of rqt_image_view


@dataclass(frozen=True, slots=True)
class EncodingInfo:
    """Memory layout of a raw encoding, and its conversions.

    Attributes:
        dtype: of one channel; 16-bit images may also come big-endian.
        channels: per pixel. Two for packed YUV 4:2:2, whose pixels share chroma in pairs.
        rows_per_two: array rows for two image rows: 2, or 3 for YUV 4:2:0 (chroma rows below the luma).
        even_width, even_height: chroma is shared in pairs of columns, rows.
        rgb, bgr: cv2.cvtColor codes to either order; None where the image has that order already.
        to_grey: brings one channel of another depth to uint8 first.
        convert: does it all in place of the above, where somebody else knows the encoding.
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
        """Shape of `Frame.image` for an image of this size: (rows, width) or (rows, width, channels).

        Raises:
            EncodingError: the chroma of an image of that size would not come out even.
        """
        if (self.even_width and width % 2) or (self.even_height and height % 2):
            raise EncodingError(
                f'an even size was expected, for chroma is shared in pairs, {width}x{height} came; '
                'correct width and height in the driver'
            )
        rows = height * self.rows_per_two // 2
        return (rows, width) if self.channels == 1 else (rows, width, self.channels)

    def row_bytes(self, width: int) -> int:
        """Least `step` of a row, bytes."""
        return width * self.channels * self.dtype.itemsize

    def image_size(self, image: Image) -> tuple[int, int]:
        """(height, width) in pixels of an array of `array_shape`."""
        return image.shape[0] * 2 // self.rows_per_two, image.shape[1]


def _mono16_to_grey(image: Image) -> ColourImage:
    """Full scale to full scale, rounded: what cv_bridge does for mono16."""
    return np.asarray(cv2.convertScaleAbs(_native(image), alpha=255 / 65535), np.uint8)


def _millimetres_to_grey(image: Image) -> ColourImage:
    """Depth in whole millimetres (REP-118), 0 unknown: black at 0, white at DEPTH_RANGE_M and beyond."""
    return np.asarray(cv2.convertScaleAbs(_native(image), alpha=255 / (1000 * DEPTH_RANGE_M)), np.uint8)


def _metres_to_grey(image: Image) -> ColourImage:
    """Depth in metres (REP-118): black at 0 and where unknown (NaN), white at DEPTH_RANGE_M and beyond."""
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


# Names of sensor_msgs/image_encodings. ROS names a Bayer pattern by the first two pixels of its first
# two rows, OpenCV by those of the second row, from the second pixel on: rggb is OpenCV's BG.
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
    'uyvy': _UYVY,  # its name since Iron
    'yuv422_yuy2': _YUYV,
    'yuyv': _YUYV,
    'nv12': _planar(cv2.COLOR_YUV2RGB_NV12, cv2.COLOR_YUV2BGR_NV12),
    'nv21': _planar(cv2.COLOR_YUV2RGB_NV21, cv2.COLOR_YUV2BGR_NV21),
}


# Who is asked, in this order, about an encoding that is not above. Empty unless a ROS node offers its
# cv_bridge: nothing here depends on one.
FALLBACKS: list[Callable[[str], EncodingInfo | None]] = []


def encoding_info(encoding: str) -> EncodingInfo:
    """Layout of a raw encoding. Raises EncodingError for one that neither we nor a fallback knows."""
    info = ENCODINGS.get(encoding)
    for known_elsewhere in FALLBACKS:
        info = info or known_elsewhere(encoding)
    if info is None:
        raise EncodingError(
            f'image encoding {encoding!r} is not supported; let the driver publish one of: '
            f'{", ".join(ENCODINGS)}, or a compressed image ({", ".join(COMPRESSED)})'
        )
    return info


def to_colour(
    image: Image, encoding: str, order: ColourOrder = 'rgb', out: ColourImage | None = None
) -> ColourImage:
    """Any encoding to 8-bit colour.

    Args:
        image: as in `Frame.image`: shaped `ENCODINGS[encoding].array_shape`, rows may be padded; or the file.
        encoding: name in ENCODINGS, or 'jpeg' or 'png'.
        order: of the channels of the result.
        out: (H, W, 3) uint8 to write into, C-contiguous.

    Returns:
        (H, W, 3) uint8: `out` where given; else `image` itself if it already is what was asked for, perhaps
        read-only and with padded rows; else a new array.

    Raises:
        EncodingError: unknown encoding, array that does not fit it, file that does not decode, or `out` of
            another size.
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
            f'{encoding} image of {width}x{height} pixels cannot be converted: {error}'
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
            f'{encoding} was expected as {shape} {info.dtype}, {image.shape} {image.dtype} came; '
            'correct the encoding field in the driver'
        )


def _check_out(out: ColourImage, shape: tuple[int, ...]) -> None:
    if out.shape != shape or out.dtype != np.uint8:
        raise EncodingError(f'out of {shape} uint8 was expected, {out.shape} {out.dtype} came')
