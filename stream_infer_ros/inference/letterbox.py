"""Fitting an image of any size into the network's input, and pixels back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Uniform scale plus padding, between source-image and network pixels.

    Pixel centres lie at whole numbers in both (OpenCV's and ROS's convention), hence the halves:
    `network + 0.5 = (source + 0.5) * scale + pad`.

    Attributes:
        source_width, source_height: size of the image, pixels.
        scale: network pixels per source pixel.
        pad_u, pad_v: padding on the left and on top, network pixels.
    """

    source_width: int
    source_height: int
    scale: float
    pad_u: int
    pad_v: int

    def to_source(self, uv: NDArray[np.float32]) -> NDArray[np.float32]:
        """Network pixels (..., 2) to source pixels, float32."""
        pad = np.array([self.pad_u, self.pad_v], np.float32)
        source: NDArray[np.float32] = (uv + np.float32(0.5) - pad) / np.float32(self.scale) - np.float32(0.5)
        return source

    def to_network(self, uv: NDArray[np.float32]) -> NDArray[np.float32]:
        """Source pixels (..., 2) to network pixels, float32."""
        pad = np.array([self.pad_u, self.pad_v], np.float32)
        network: NDArray[np.float32] = (uv + np.float32(0.5)) * np.float32(self.scale) + pad - np.float32(0.5)
        return network
