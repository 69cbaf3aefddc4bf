"""Geometry between a source image and its picture in the network's input."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EncodingError

# Placement of an image in a picture of another shape: scaled and centred with padding around it, scaled and
# in the upper left corner, or stretched.
Fit = Literal['letterbox', 'corner', 'stretch']


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Scale and padding between the pixels of a source image and those of the network's input.

    `network + 0.5 = (source + 0.5) * scale + pad`. The halves are there because pixel centres lie at whole
    numbers in both, which is the convention of OpenCV and ROS. `cv2.resize` does the same.

    Attributes:
        source_width, source_height: size of the image, pixels.
        scale_u, scale_v: network pixels per source pixel. Unless the image is stretched, they differ only
            because the resized image has whole pixels. With a single scale, an edge could be half a network
            pixel off.
        pad_u, pad_v: padding on the left and on top, network pixels.
    """

    source_width: int
    source_height: int
    scale_u: float
    scale_v: float
    pad_u: int
    pad_v: int

    @property
    def resized_width(self) -> int:
        """Width of the image inside the network's input, pixels."""
        return round(self.source_width * self.scale_u)

    @property
    def resized_height(self) -> int:
        """Height of the image inside the network's input, pixels."""
        return round(self.source_height * self.scale_v)

    def to_source(self, uv: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert network pixels (..., 2) to source pixels, float32."""
        source_per_network, at_origin, _ = _to_source(self)
        source: NDArray[np.float32] = uv * source_per_network + at_origin
        return source

    def boxes_to_source(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert boxes (N, 4) from network to source pixels, and cut them at the edges of the image.

        The edges lie half a pixel beyond the first and last pixel centres: at -0.5 and size - 0.5.
        """
        source = self.to_source(xyxy.reshape(-1, 2, 2))
        np.maximum(source, np.float32(-0.5), out=source)
        np.minimum(source, _to_source(self)[2], out=source)
        return source.reshape(-1, 4)


@lru_cache(maxsize=256)
def _to_source(
    letterbox: Letterbox,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return source pixels per network pixel, the source of network pixel 0, and the far edge of the image.

    Each is (2,) float32. They are cached because creating them takes as long as the arithmetic with them.
    """
    scale = np.array([letterbox.scale_u, letterbox.scale_v])
    pad = np.array([letterbox.pad_u, letterbox.pad_v])
    far = np.array([letterbox.source_width, letterbox.source_height]) - 0.5
    numbers = (1.0 / scale, (0.5 - pad) / scale - 0.5, far)
    per_pixel, at_origin, edge = (number.astype(np.float32) for number in numbers)
    return per_pixel, at_origin, edge


@lru_cache(maxsize=256)
def fit(source_width: int, source_height: int, width: int, height: int, how: Fit = 'letterbox') -> Letterbox:
    """Return the geometry of an image of that size in a network's input of (width, height).

    'letterbox' makes the image as large as fits at one scale and centres it. 'corner' does the same in the
    upper left corner. 'stretch' makes it as wide and as high as the input.

    Raises EncodingError if the image has no pixels.
    """
    if source_width < 1 or source_height < 1:
        raise EncodingError(
            f'expected an image of at least 1x1 pixels, got {source_width}x{source_height}; '
            f'check the camera driver'
        )
    resized_width, resized_height = width, height
    if how != 'stretch':
        scale = min(width / source_width, height / source_height)
        resized_width = max(1, round(source_width * scale))
        resized_height = max(1, round(source_height * scale))
    centred = how == 'letterbox'
    return Letterbox(
        source_width,
        source_height,
        resized_width / source_width,
        resized_height / source_height,
        (width - resized_width) // 2 if centred else 0,
        (height - resized_height) // 2 if centred else 0,
    )
