"""From labels to what the heads should say at each place of stride 4."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training import CLASS_NAMES, COLUMNS, ROWS, STRIDE
from training.labels import Labels

CORE = 0.54  # share of a box's sides that the Gaussian around its centre covers (Liu et al., TTFNet, 2019)
MAX_CONTACT_PX = 900.0  # a contact point farther outside is nothing a picture could tell


@dataclass(frozen=True)
class ObjectTargets:
    """Of one image; P places lie in the core of a box.

    Attributes:
        heat: (classes, 60, 80) float32, 1 at box centres, falling off as a Gaussian.
        judged: (60, 80) float32, 0 where only an object too hard to ask for is seen, else 1.
        place: (P,) int64, flat index of the place.
        weight: (P,) float32; all places of a box add up to the logarithm of its area.
        box: (P, 4) float32 xyxy, network pixels.
        contact: (P, 2) float32, NaN where the footprint's centre is behind the camera or far outside.
    """

    heat: NDArray[np.float32]
    judged: NDArray[np.float32]
    place: NDArray[np.int64]
    weight: NDArray[np.float32]
    box: NDArray[np.float32]
    contact: NDArray[np.float32]


def object_targets(labels: Labels) -> ObjectTargets:
    """Boxes are laid down from large to small, so that a place in two cores belongs to the smaller one."""
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
    """(80,) boundary rows, network pixels, to (60, 80) probabilities shared by the two nearest rows."""
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
    """The places of the core along one axis, and the Gaussian over them, 1 at the one nearest the centre."""
    centre = min(max(round((centre_px - (STRIDE - 1) / 2) / STRIDE), 0), count - 1)
    radius = int(CORE * side_px / 2 / STRIDE)
    sigma = (2 * radius + 1) / 6
    places = np.arange(max(centre - radius, 0), min(centre + radius + 1, count))
    bump = np.exp(-((places - centre) ** 2) / (2 * sigma * sigma)).astype(np.float32)
    return slice(int(places[0]), int(places[-1]) + 1), bump
