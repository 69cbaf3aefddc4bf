"""Batches of images and targets for one training step of one worker."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.dataset import Dataset
from training.targets import column_targets, object_targets


class Batch(NamedTuple):
    """A batch of B images, with P places in the cores of their boxes.

    Attributes:
        images: (B, 240, 320, 3) uint8 RGB.
        heat, judged: (B, classes, 60, 80) and (B, 60, 80) float32.
        image, place: (P,) int64, index of the image, and flat index of the place.
        weight, box, contact: (P,), (P, 4), (P, 2) float32.
        column, ground: (B, 60, 80) float32.
    """

    images: Tensor
    heat: Tensor
    judged: Tensor
    image: Tensor
    place: Tensor
    weight: Tensor
    box: Tensor
    contact: Tensor
    column: Tensor
    ground: Tensor


def make_batch(dataset: Dataset, indices: NDArray[np.int64], rng: np.random.Generator) -> Batch:
    """Return a batch of the given images.

    Half of the images are mirrored. All of them get a random exposure, and some of them a random tint.
    """
    images, targets, columns, ground = [], [], [], []
    for index in np.sort(indices):
        picture = dataset[int(index)]
        image, labels = picture.image, picture.labels
        if rng.random() < 0.5:
            image, labels = image[:, ::-1], labels.mirrored()
        images.append(recoloured(image, rng))
        targets.append(object_targets(labels))
        columns.append(column_targets(labels.column_row))
        ground.append(labels.ground)
    counts = [len(t.place) for t in targets]
    arrays = (
        np.stack(images),
        np.stack([t.heat for t in targets]),
        np.stack([t.judged for t in targets]),
        np.repeat(np.arange(len(targets)), counts),
        np.concatenate([t.place for t in targets]),
        np.concatenate([t.weight for t in targets]),
        np.concatenate([t.box for t in targets]),
        np.concatenate([t.contact for t in targets]),
        np.stack(columns),
        np.stack(ground).astype(np.float32) / 255.0,
    )
    return Batch(*(torch.from_numpy(array) for array in arrays))


def recoloured(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the image (H, W, 3) with a gain in 0.8..1.2, an offset of up to 15, and a tint of up to 10 %.

    The tint is applied to 30 % of the images. Each channel has one lookup table.
    """
    gain = np.full(3, rng.uniform(0.8, 1.2))
    if rng.random() < 0.3:
        gain *= rng.uniform(0.9, 1.1, 3)
    levels = np.arange(256)[:, None] * gain + rng.uniform(-15, 15)
    table = np.clip(levels + 0.5, 0, 255).astype(np.uint8)
    return cv2.LUT(np.ascontiguousarray(image), table[:, None])
