"""Inputs some networks want beside the picture, and what we give them: the picture is all there is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.network_io import TensorInfo

# By name, for one image of (height, width). Networks that give boxes in pixels of the source are told that
# the source is their own input: the way back from there is ours, see Letterbox.
_VALUES: dict[str, Callable[[int, int], NDArray[np.float64]]] = {
    'orig_target_sizes': lambda height, width: np.array([width, height], np.float64),  # RT-DETR, D-FINE, DEIM
    'scale_factor': lambda height, width: np.ones(2),  # Paddle: v and u, network over source
    'im_shape': lambda height, width: np.array([height, width], np.float64),  # Paddle
    'pixel_mask': lambda height, width: np.ones((height, width)),  # DETR: 1 where there is no padding
}
# Stretched by the network to its own grid, so that any size does; exports of optimum have it at 64 x 64.
_OF_ANY_SIZE = 'pixel_mask'


def is_companion(tensor: TensorInfo) -> bool:
    """Whether this input is known to be filled without a picture."""
    return tensor.name in _VALUES


def companion(tensor: TensorInfo, images: int, height: int, width: int) -> NDArray[np.generic]:
    """What goes into it for `images` pictures of (height, width) network pixels: (images, ...), in its dtype.

    Raises ModelError if the network wants another shape under that name.
    """
    wanted = tensor.shape[1:]
    if tensor.name == _OF_ANY_SIZE and len(wanted) == 2:
        height, width = (own if size < 0 else size for size, own in zip(wanted, (height, width), strict=True))
    value = _VALUES[tensor.name](height, width)
    if len(wanted) != value.ndim or any(
        size not in (-1, got) for size, got in zip(wanted, value.shape, strict=True)
    ):
        expected = ', '.join(str(size) for size in value.shape)
        raise ModelError(
            f'expected input {tensor.name!r} as (batch, {expected}), got {tensor}; '
            f'export the network without it'
        )
    filled = np.broadcast_to(value, (images, *value.shape)).astype(tensor.dtype)
    return np.ascontiguousarray(filled)
