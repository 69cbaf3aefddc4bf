"""The results for one image: boxes, and the end of the free ground."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Boxes of one image, a struct of arrays of one length N, best score first.

    Attributes:
        xyxy: (N, 4) float32, left, top, right, bottom in source-image pixels.
        score: (N,) float32 in 0..1.
        class_id: (N,) int32, index into class_names.
        class_names: names of the model's classes.
        contact: (N, 2) float32 (u, v) in source-image pixels where the object's footprint centre meets the
            ground, NaN where unknown; None if the model has no such output. It may lie outside the image.
        track_id: (N,) int64; None without a tracker.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.int32]
    class_names: tuple[str, ...]
    contact: NDArray[np.float32] | None = None
    track_id: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def empty(cls, class_names: tuple[str, ...], contact: bool = False) -> Detections:
        """Return no boxes. `contact` is True if the model has outputs for the ground contact."""
        none = np.zeros(0, np.float32)
        return cls(
            np.zeros((0, 4), np.float32),
            none,
            np.zeros(0, np.int32),
            class_names,
            np.zeros((0, 2), np.float32) if contact else None,
        )


@dataclass(frozen=True, slots=True, eq=False)
class FreeSpace:
    """The end of the free ground in each image column.

    Attributes:
        column_u: (C,) float32, centres of the columns in source-image pixels.
        boundary_v: (C,) float32, source-image row where the footprint of the nearest obstacle begins. Without
            an obstacle, the row at the range limit of the model or at the horizon.
        confidence: (C,) float32 in 0..1.
        ground: (h, w) float32 in 0..1, probability that a pixel shows ground, for the whole source image at a
            lower resolution; None if the model has no such output.
        ignored: (C,) bool, True if the boundary lies in an ignored part of the image. It is then no obstacle,
            and nothing is known about the ground behind it. None if no part of the image is ignored.
    """

    column_u: NDArray[np.float32]
    boundary_v: NDArray[np.float32]
    confidence: NDArray[np.float32]
    ground: NDArray[np.float32] | None = None
    ignored: NDArray[Any] | None = None


class Perception:
    """All results for one image.

    Args:
        detections: the boxes; empty if the model returns none.
        free_space: the free space, or a function that computes it. Only the map and the overlay use it, after
            the boxes have been published.
        invalid: number of boxes, or of columns of free space, that were left out because the network's values
            are invalid, e.g. not finite.
        outside: number of boxes that were left out because they lie outside of the image.
    """

    __slots__ = ('_free_space', 'detections', 'invalid', 'outside')

    def __init__(
        self,
        detections: Detections,
        free_space: FreeSpace | Callable[[], FreeSpace] | None = None,
        invalid: int = 0,
        outside: int = 0,
    ) -> None:
        self.detections = detections
        self.invalid = invalid
        self.outside = outside
        self._free_space = free_space

    @property
    def has_free_space(self) -> bool:
        """True if the model has an output for free space. This does not compute it."""
        return self._free_space is not None

    @property
    def free_space(self) -> FreeSpace | None:
        """The free space, computed on first use; None if the model has no such output."""
        if callable(self._free_space):
            self._free_space = self._free_space()
        return self._free_space
