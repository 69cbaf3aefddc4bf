"""What is true of one picture, in network pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training import WIDTH

MAX_BOXES = 48  # nearest ones kept; a picture of the yard shows about eight
MIN_HEIGHT_PX = 8.0
MIN_WIDTH_PX = 4.0
MIN_VISIBILITY = 0.25


@dataclass(frozen=True)
class Labels:
    """N boxes, 80 columns, a ground mask of 60 x 80.

    Attributes:
        boxes: (N, 4) float32 xyxy, amodal (what hides a part does not shorten them), clipped to the image.
        class_id: (N,) int, index into CLASS_NAMES.
        visibility: (N,) float32, share of the clipped silhouette that is seen.
        contact: (N, 2) float32 (u, v) of the footprint's centre on the ground, NaN where not in front.
        distance_m: (N,) float32, camera to footprint centre along the ground.
        column_row: (80,) float32, row where the nearest footprint begins, or where the range ends.
        column_obstacle: (80,) bool, False where the range ended first.
        ground: (60, 80) uint8, share of each 4x4 block that shows ground, 255 for all of it.
    """

    boxes: NDArray[np.float32]
    class_id: NDArray[np.int64]
    visibility: NDArray[np.float32]
    contact: NDArray[np.float32]
    distance_m: NDArray[np.float32]
    column_row: NDArray[np.float32]
    column_obstacle: NDArray[np.bool_]
    ground: NDArray[np.uint8]

    def counted(self) -> NDArray[np.bool_]:
        """(N,) bool: boxes that are asked for. The others are too small or too hidden to be fair."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        return (
            (self.visibility >= MIN_VISIBILITY)
            & (sides[:, 1] >= MIN_HEIGHT_PX)
            & (sides[:, 0] >= MIN_WIDTH_PX)
        )

    def mirrored(self) -> Labels:
        """The labels of the picture seen in a mirror: u becomes 319 - u."""
        boxes = self.boxes.copy()
        boxes[:, [0, 2]] = WIDTH - 1 - self.boxes[:, [2, 0]]
        contact = self.contact.copy()
        contact[:, 0] = WIDTH - 1 - contact[:, 0]
        return Labels(
            boxes,
            self.class_id,
            self.visibility,
            contact,
            self.distance_m,
            self.column_row[::-1],
            self.column_obstacle[::-1],
            self.ground[:, ::-1],
        )
