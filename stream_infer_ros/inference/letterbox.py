"""Fitting an image of any size into the network's input, and pixels back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EncodingError

# How a picture of another shape goes into the network's: scaled and centred with padding around it, scaled
# into the upper left corner, or stretched to fill it.
Fit = Literal['letterbox', 'corner', 'stretch']


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Scale plus padding, between source-image and network pixels.

    Pixel centres lie at whole numbers in both (OpenCV's and ROS's convention), hence the halves:
    `network + 0.5 = (source + 0.5) * scale + pad`. This is what `cv2.resize` does.

    Attributes:
        source_width, source_height: size of the image, pixels.
        scale_u, scale_v: network pixels per source pixel. Unless it was stretched one scale but for rounding:
            the resized image has whole pixels, and on an edge the difference would be up to half a network
            pixel.
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
        """Network pixels (..., 2) to source pixels, float32."""
        source_per_network, at_origin, _ = _to_source(self)
        source: NDArray[np.float32] = uv * source_per_network + at_origin
        return source

    def to_network(self, uv: NDArray[np.float32]) -> NDArray[np.float32]:
        """Source pixels (..., 2) to network pixels, float32."""
        half = np.float32(0.5)
        network: NDArray[np.float32] = (uv + half) * self._scale() + self._pad() - half
        return network

    def boxes_to_source(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (N, 4) in network pixels to source pixels, cut at the image's outer edges.

        The outer edges lie half a pixel beyond the first and last pixel centres: at -0.5 and size - 0.5.
        """
        source = self.to_source(xyxy.reshape(-1, 2, 2))
        np.maximum(source, np.float32(-0.5), out=source)
        np.minimum(source, _to_source(self)[2], out=source)
        return source.reshape(-1, 4)

    def _scale(self) -> NDArray[np.float32]:
        return np.array([self.scale_u, self.scale_v], np.float32)

    def _pad(self) -> NDArray[np.float32]:
        return np.array([self.pad_u, self.pad_v], np.float32)


@lru_cache(maxsize=256)
def _to_source(
    letterbox: Letterbox,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Each (2,) float32: source pixels per network pixel, where network pixel 0 lies, the far outer edge.

    For thousands of images a second these small arrays take as long to make as the arithmetic with them.
    """
    scale = np.array([letterbox.scale_u, letterbox.scale_v])
    pad = np.array([letterbox.pad_u, letterbox.pad_v])
    far = np.array([letterbox.source_width, letterbox.source_height]) - 0.5
    numbers = (1.0 / scale, (0.5 - pad) / scale - 0.5, far)
    per_pixel, at_origin, edge = (number.astype(np.float32) for number in numbers)
    return per_pixel, at_origin, edge


@lru_cache(maxsize=256)
def fit(source_width: int, source_height: int, width: int, height: int, how: Fit = 'letterbox') -> Letterbox:
    """An image of that size in a network's input of (width, height).

    'letterbox': the largest that fits at one scale, centred; 'corner': the same in the upper left corner;
    'stretch': as wide and as high as the input.

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
