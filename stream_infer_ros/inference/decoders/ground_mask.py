"""Masks over a network's input, and the part of them that shows the image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.letterbox import Letterbox


def without_padding(
    mask: NDArray[np.float32], letterbox: Letterbox, network_width: int, network_height: int
) -> NDArray[np.float32]:
    """The part of a mask (h, w) over the network's input that shows the image, its cells about as large.

    Padding need not be a whole number of cells: then the mask is resampled.
    """
    resized_width, resized_height = letterbox.resized_width, letterbox.resized_height
    if (resized_width, resized_height) == (network_width, network_height):
        return mask
    stride_u, stride_v = network_width / mask.shape[1], network_height / mask.shape[0]
    width = max(1, round(resized_width / stride_u))
    height = max(1, round(resized_height / stride_v))
    cell_u, cell_v = resized_width / width, resized_height / height
    # Cell centres to cell centres: mask + 0.5 = ((cut + 0.5) * cell + pad) / stride.
    mask_from_cut = np.array(
        [
            [cell_u / stride_u, 0.0, (0.5 * cell_u + letterbox.pad_u) / stride_u - 0.5],
            [0.0, cell_v / stride_v, (0.5 * cell_v + letterbox.pad_v) / stride_v - 0.5],
        ]
    )
    cut = cv2.warpAffine(
        mask,
        mask_from_cut,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(cut, np.float32)
