"""The way from source to network pixels, which only tests need."""

import numpy as np


def to_network(letterbox, uv):
    """Convert source pixels (..., 2) to network pixels, float32."""
    scale = np.array([letterbox.scale_u, letterbox.scale_v], np.float32)
    pad = np.array([letterbox.pad_u, letterbox.pad_v], np.float32)
    half = np.float32(0.5)
    return (uv + half) * scale + pad - half
