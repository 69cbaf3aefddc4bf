"""Non-maximum suppression: of boxes of one class that overlap much, only the best stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TOP_K = 300
_FARTHEST_PX = 1e6


def nms(
    xyxy: NDArray[np.float32],
    score: NDArray[np.float32],
    class_id: NDArray[np.int32],
    iou: float,
    top_k: int = TOP_K,
) -> NDArray[np.intp]:
    """Greedy, class by class, over the `top_k` best boxes.

    A box goes if its intersection over union with a better one of its class that stays is above `iou`.
    Among equal scores the one that comes first counts as better. All inputs are finite, boxes `plausible`.

    Args:
        xyxy: (N, 4) float32, left, top, right, bottom.
        score: (N,) float32.
        class_id: (N,) int32.
        iou: overlap in 0..1.

    Returns:
        (K,) indices of the boxes that stay, best score first.
    """
    order = np.argsort(-score, kind='stable')[:top_k]
    if len(order) < 2:
        return order
    beaten = _overlap_above(xyxy[order], iou)
    ranked_class = class_id[order]
    beaten &= ranked_class[:, None] == ranked_class
    np.fill_diagonal(beaten, False)
    if not beaten.any():
        return order
    gone = np.zeros(len(order), bool)
    # Only boxes that overlap another need a look: mostly few.
    for rank in np.flatnonzero(beaten.any(axis=1)):
        if not gone[rank]:
            gone[rank + 1 :] |= beaten[rank, rank + 1 :]
    kept: NDArray[np.intp] = order[~gone]
    return kept


def plausible(pixels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether all of (..., k) pixel coordinates are numbers that a picture could have; False for NaN."""
    there = np.abs(pixels) < _FARTHEST_PX
    if there.all():  # as nearly always; looking row by row takes longer
        return np.ones(pixels.shape[:-1], np.bool_)
    return np.asarray(there.all(axis=-1), np.bool_)


def _overlap_above(xyxy: NDArray[np.float32], iou: float) -> NDArray[np.bool_]:
    """(N, N): whether intersection over union of each pair is above `iou`; False for boxes without area."""
    near, far = xyxy[:, :2], xyxy[:, 2:]
    size = np.minimum(far[:, None], far) - np.maximum(near[:, None], near)
    np.maximum(size, 0.0, out=size)
    shared = size[..., 0] * size[..., 1]
    area = (far - near).prod(axis=1)
    # Without the division: no 0 / 0 for empty boxes.
    above: NDArray[np.bool_] = shared > np.float32(iou) * (area[:, None] + area - shared)
    return above
