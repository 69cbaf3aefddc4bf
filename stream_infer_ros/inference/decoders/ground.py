"""Maps of the probability of ground: cutting off the padding, and finding where the ground ends."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.letterbox import Letterbox

_GROUND = np.float32(0.5)


def without_padding(
    mask: NDArray[np.float32], letterbox: Letterbox, network_width: int, network_height: int
) -> NDArray[np.float32]:
    """Return the part of a mask (h, w) over the network's input that shows the image.

    Its cells have about the same size. The padding need not be a whole number of cells: then the mask is
    resampled.
    """
    resized_width, resized_height = letterbox.resized_width, letterbox.resized_height
    if (resized_width, resized_height) == (network_width, network_height):
        return mask
    stride_u, stride_v = network_width / mask.shape[1], network_height / mask.shape[0]
    width = max(1, round(resized_width / stride_u))
    height = max(1, round(resized_height / stride_v))
    cell_u, cell_v = resized_width / width, resized_height / height
    # From cell centres to cell centres: mask + 0.5 = ((cut + 0.5) * cell + pad) / stride.
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


def boundary_rows(
    ground: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Find where the ground ends in each column of probabilities (h, C), looking up from the lowest cell.

    Returns:
        (C,) rows, with cell centres at whole numbers, where the probability passes one half: h - 0.5 if not
        even the lowest cell is ground, -0.5 if all cells are.
        (C,) confidence in 0..1: how certain the network is of the ground below the boundary, or of the lowest
        cells if at most one of them is ground.
    """
    height, columns = ground.shape
    upward = ground[::-1]
    is_free = upward >= _GROUND
    free_cells = np.where(is_free.all(axis=0), height, is_free.argmin(axis=0))
    column = np.arange(columns)
    below = upward[np.maximum(free_cells - 1, 0), column]
    above = upward[np.minimum(free_cells, height - 1), column]
    part = (below - _GROUND) / np.maximum(below - above, np.float32(1e-6))
    row = height - free_cells + np.float32(0.0) - part.clip(0.0, 1.0)
    row = np.where(free_cells == 0, height - 0.5, np.where(free_cells == height, -0.5, row))
    # The cell at the boundary is only partly ground, which does not make the network less certain. Therefore
    # only the cells below it count.
    certain = np.cumsum(2.0 * upward - 1.0, axis=0)[np.maximum(free_cells - 2, 0), column]
    certain = certain / np.maximum(free_cells - 1, 1)
    lowest = np.abs(2.0 * upward[:2] - 1.0).max(axis=0)
    confidence = np.where(free_cells < 2, lowest, certain).clip(0.0, 1.0)
    return row.astype(np.float32), confidence.astype(np.float32)
