"""Conversion of labels to targets for the heads, at each place of stride 4."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training import CLASS_NAMES, COLUMNS, ROWS, STRIDE
from training.labels import Labels

CORE = 0.54  # share of the sides of a box covered by the Gaussian around its centre (Liu et al. 2019, TTFNet)
MAX_CONTACT_PX = 900.0  # contact points farther outside the image are ignored


@dataclass(frozen=True)
class ObjectTargets:
    """Targets of one image, with P places in the cores of its boxes.

    Attributes:
        heat: (classes, 60, 80) float32, 1 at the centres of boxes, with a Gaussian around them.
        judged: (60, 80) float32, 0 where only objects are visible that are not counted, else 1.
        place: (P,) int64, flat index of each place.
        weight: (P,) float32. The sum over the places of a box is the logarithm of its area.
        box: (P, 4) float32 xyxy, in pixels of the network input.
        contact: (P, 2) float32, NaN if the centre of the footprint is behind the camera or far outside the
            image.
    """

    heat: NDArray[np.float32]
    judged: NDArray[np.float32]
    place: NDArray[np.int64]
    weight: NDArray[np.float32]
    box: NDArray[np.float32]
    contact: NDArray[np.float32]


def object_targets(labels: Labels) -> ObjectTargets:
    """Return the targets for boxes. A place in the cores of two boxes belongs to the smaller box."""
    heat = np.zeros((len(CLASS_NAMES), ROWS, COLUMNS), np.float32)
    judged = np.ones((ROWS, COLUMNS), np.float32)
    owner = np.full((ROWS, COLUMNS), -1, np.int64)
    weight = np.zeros((ROWS, COLUMNS), np.float32)
    counted = labels.counted()
    sides = labels.boxes[:, 2:] - labels.boxes[:, :2]
    area = sides[:, 0] * sides[:, 1]
    for index in np.argsort(-area, kind='stable'):
        x0, y0, x1, y1 = labels.boxes[index]
        if not counted[index]:
            judged[_cells(y0, y1, ROWS), _cells(x0, x1, COLUMNS)] = 0.0
            continue
        columns, along_u = _gaussian((x0 + x1) / 2, x1 - x0, COLUMNS)
        rows, along_v = _gaussian((y0 + y1) / 2, y1 - y0, ROWS)
        bump = np.outer(along_v, along_u)
        layer = heat[labels.class_id[index], rows, columns]
        np.maximum(layer, bump, out=layer)
        judged[rows, columns] = 1.0
        owner[rows, columns] = index
        weight[rows, columns] = bump * (math.log(max(area[index], 2.0)) / bump.sum())
    place = np.flatnonzero(owner >= 0)
    owners = owner.reshape(-1)[place]
    known = (np.abs(labels.contact) < MAX_CONTACT_PX).all(1, keepdims=True)  # false for NaN
    contact = np.where(known, labels.contact, np.float32(np.nan))
    return ObjectTargets(
        heat, judged, place, weight.reshape(-1)[place], labels.boxes[owners], contact[owners]
    )


def column_targets(column_row: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return probabilities (60, 80) for boundary rows (80,), divided between the two nearest rows."""
    row = np.clip((column_row - (STRIDE - 1) / 2) / STRIDE, 0.0, ROWS - 1.001)
    above = row.astype(np.int64)
    share = (row - above).astype(np.float32)
    target = np.zeros((ROWS, COLUMNS), np.float32)
    columns = np.arange(COLUMNS)
    target[above, columns] = 1.0 - share
    target[above + 1, columns] = share
    return target


def _cells(low: float, high: float, count: int) -> slice:
    return slice(max(int(low) // STRIDE, 0), min(int(high) // STRIDE + 1, count))


def _gaussian(centre_px: float, side_px: float, count: int) -> tuple[slice, NDArray[np.float32]]:
    """Return the places of the core along one axis, and the Gaussian over them with 1 at the centre."""
    centre = min(max(round((centre_px - (STRIDE - 1) / 2) / STRIDE), 0), count - 1)
    radius = int(CORE * side_px / 2 / STRIDE)
    sigma = (2 * radius + 1) / 6
    places = np.arange(max(centre - radius, 0), min(centre + radius + 1, count))
    bump = np.exp(-((places - centre) ** 2) / (2 * sigma * sigma)).astype(np.float32)
    return slice(int(places[0]), int(places[-1]) + 1), bump
