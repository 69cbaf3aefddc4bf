"""The inputs that some networks have beside the picture, and the values they get."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.network_io import TensorInfo

# By name, for one image of (height, width). Networks that scale boxes to the source image get the size of
# their own input instead: scaling to the source is the job of Letterbox.
_VALUES: dict[str, Callable[[int, int], NDArray[np.float64]]] = {
    'orig_target_sizes': lambda height, width: np.array([width, height], np.float64),  # RT-DETR, D-FINE, DEIM
    'scale_factor': lambda height, width: np.ones(2),  # Paddle: v and u, network size over source size
    'im_shape': lambda height, width: np.array([height, width], np.float64),  # Paddle
    'pixel_mask': lambda height, width: np.ones((height, width)),  # DETR: 1 where there is no padding
}
# The network resizes this input to its own grid, so that every size works. Exports of optimum have 64 x 64.
_OF_ANY_SIZE = 'pixel_mask'


def is_extra_input(tensor: TensorInfo) -> bool:
    """Return True if the value of this input is known, so that it is not a picture."""
    return tensor.name in _VALUES


def extra_input_value(tensor: TensorInfo, images: int, height: int, width: int) -> NDArray[np.generic]:
    """Return the value (images, ...) of an extra input, in its dtype.

    `height` and `width` are those of the network's input, pixels. Raises ModelError if the input has an
    unexpected shape.
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
