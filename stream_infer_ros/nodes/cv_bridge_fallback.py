"""Encodings that only cv_bridge knows: 16-bit colour, Bayer patterns, and future ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from stream_infer_ros.cameras.encodings import ENCODINGS, ColourImage, ColourOrder, EncodingInfo, Image
from stream_infer_ros.errors import EncodingError
from stream_infer_ros.nodes.cv_bridge_probe import why_unusable


@cache
def known_to_cv_bridge(encoding: str) -> EncodingInfo | None:
    """Return layout and conversion of an encoding that cv_bridge can convert to colour; None if it cannot.

    For an encoding whose channels have no meaning ('16UC3', '64FC1') it knows only the layout: None.

    Raises:
        EncodingError: no working cv_bridge is installed.
    """
    reason = why_unusable()
    if reason is not None:
        raise EncodingError(
            f'image encoding {encoding!r} is not supported, and cv_bridge, which might know it, cannot be '
            f'used: {reason}; or let the driver publish one of: {", ".join(ENCODINGS)}'
        )
    from cv_bridge import CvBridge, CvBridgeError  # noqa: PLC0415

    try:
        depth, channels = CvBridge().encoding_to_dtype_with_channels(encoding)
        convert = _converter(encoding)
        info = EncodingInfo(np.dtype(depth), channels, None, None, convert=convert)
        convert(np.zeros(info.array_shape(2, 2), info.dtype), 'rgb')
    except (CvBridgeError, EncodingError):
        return None
    return info


def _converter(encoding: str) -> Callable[[Image, ColourOrder], ColourImage]:
    from cv_bridge.boost.cv_bridge_boost import cvtColor2  # noqa: PLC0415

    def convert(image: Image, order: ColourOrder) -> ColourImage:
        native = np.ascontiguousarray(image, image.dtype.newbyteorder('='))
        try:
            colour: ColourImage = cvtColor2(native, encoding, f'{order}8')
        except RuntimeError as error:
            raise EncodingError(
                f'{encoding} image of {image.shape[1]}x{image.shape[0]} pixels cannot be converted by '
                f'cv_bridge: {error}'
            ) from error
        return colour

    return convert
