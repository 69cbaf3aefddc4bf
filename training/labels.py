"""Ground truth of one image, in pixels of the network input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training import WIDTH

MAX_BOXES = 48  # the nearest ones are kept; an image shows about eight
MIN_HEIGHT_PX = 8.0
MIN_WIDTH_PX = 4.0
MIN_VISIBILITY = 0.25


@dataclass(frozen=True)
class Labels:
    """The labels of one image: N boxes, 80 columns and a ground mask of 60 x 80.

    Attributes:
        boxes: (N, 4) float32 xyxy, including hidden parts of the objects, clipped to the image.
        class_id: (N,) int, index into CLASS_NAMES.
        visibility: (N,) float32, visible share of the clipped silhouette.
        contact: (N, 2) float32 (u, v) of the centre of the footprint, NaN if it is behind the camera.
        distance_m: (N,) float32, horizontal distance from the camera to the centre of the footprint.
        column_row: (80,) float32, row where the nearest footprint begins, or the row at the range limit.
        column_obstacle: (80,) bool, False if there is no obstacle within range.
        ground: (60, 80) uint8, share of ground in each block of 4x4 pixels, from 0 to 255.
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
        """Return (N,) bool, True for boxes that are large and visible enough to be counted."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        return (
            (self.visibility >= MIN_VISIBILITY)
            & (sides[:, 1] >= MIN_HEIGHT_PX)
            & (sides[:, 0] >= MIN_WIDTH_PX)
        )

    def mirrored(self) -> Labels:
        """Return the labels of the mirrored image, in which u becomes 319 - u."""
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
