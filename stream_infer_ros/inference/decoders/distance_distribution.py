"""Boxes as the distances from a cell to the four sides, each a distribution over steps of one stride.

Li et al., Generalized Focal Loss, arXiv:2006.04388: a distance is the mean of the softmax over 0..reg_max,
in strides. NanoDet and PicoDet share this.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput

STRIDES = (8, 16, 32, 64)
# reg_max + 1 of all published models, except for some of NanoDet's first year, which have 11.
USUAL_STEPS = 8
SIDES = 4


def distance_boxes(
    scores: NDArray[np.float32],
    sides: NDArray[np.float32],
    points: NDArray[np.float32],
    thresholds: Thresholds,
) -> Boxes:
    """Convert the outputs of A cells to the boxes of those that reach the score threshold.

    Args:
        scores: (A, classes), probabilities.
        sides: (A, 4 * steps), logits of the distances to the left, upper, right and lower side.
        points: (A, 3), see `grid_points`.
        thresholds: the live settings.
    """
    class_id = scores.argmax(axis=1)
    score = scores[np.arange(len(scores)), class_id]
    chosen = thresholds.passing(score)
    distance = _mean_step(sides[chosen]) * points[chosen, 2:]
    # Points are measured from the corner of the image, so that pixel centres are at halves.
    centre = points[chosen, :2] - np.float32(0.5)
    xyxy = np.concatenate([centre - distance[:, :2], centre + distance[:, 2:]], axis=1)
    return Boxes(xyxy, score[chosen], class_id[chosen])


def grid_points(image_input: ImageInput, strides: tuple[int, ...], offset: float) -> NDArray[np.float32]:
    """Return (A, 3) the point u, v that each cell measures from, and its stride, grid by grid, row by row.

    `offset` is the position of the point in a cell: 0 for the corner, 0.5 for the centre. The grids cover the
    whole input, with incomplete cells at the edges.
    """
    grids = []
    for stride in strides:
        rows, columns = -(-image_input.height // stride), -(-image_input.width // stride)
        v, u = (np.mgrid[:rows, :columns] + offset) * stride
        grids.append(np.stack([u.ravel(), v.ravel(), np.full(u.size, stride)], axis=1))
    points: NDArray[np.float32] = np.concatenate(grids).astype(np.float32)
    return points


def count_points(image_input: ImageInput, strides: tuple[int, ...]) -> int:
    """Return the number of `grid_points`."""
    return sum(-(-image_input.height // stride) * -(-image_input.width // stride) for stride in strides)


def _mean_step(sides: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert logits (N, 4 * steps) to distances (N, 4), in strides."""
    by_side = sides.reshape(len(sides), SIDES, sides.shape[1] // SIDES)
    odds = np.exp(by_side - by_side.max(axis=2, keepdims=True))
    steps = np.arange(by_side.shape[2], dtype=np.float32)
    mean: NDArray[np.float32] = (odds @ steps) / odds.sum(axis=2)
    return mean
