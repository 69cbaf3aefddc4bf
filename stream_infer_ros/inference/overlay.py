"""Drawing the results of a network into its picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.image_mask import ImageMask
from stream_infer_ros.inference.detections import Detections, FreeSpace, Perception

# RGB, one per class, distinguishable for colour-blind people too (Okabe and Ito, 2008).
PALETTE = ((230, 159, 0), (86, 180, 233), (204, 121, 167), (240, 228, 66), (0, 158, 115), (213, 94, 0))
GROUND = (0, 200, 120)
BOUNDARY = (255, 60, 60)
HATCH = (110, 110, 110)
HATCH_PX = 14
SUBPIXEL_BITS = 4


def draw_overlay(
    picture: NDArray[np.uint8], perception: Perception, mask: ImageMask | None = None
) -> NDArray[np.uint8]:
    """Draw free ground, boxes and contacts into a copy of an RGB picture (H, W, 3) uint8.

    The ignored parts of `mask` are dark and hatched.
    """
    drawn: NDArray[np.uint8] = np.ascontiguousarray(picture).copy()
    if perception.free_space is not None:
        _draw_free_space(drawn, perception.free_space)
    if mask is not None:
        _draw_ignored(drawn, mask)
    _draw_boxes(drawn, perception.detections)
    return drawn


def _draw_free_space(drawn: NDArray[np.uint8], free: FreeSpace) -> None:
    height, width = drawn.shape[:2]
    u = np.concatenate([[0], free.column_u, [width - 1]])
    v = np.concatenate([free.boundary_v[:1], free.boundary_v, free.boundary_v[-1:]])
    boundary = np.stack([u, np.clip(v, 0, height - 1)], axis=1)
    area = np.concatenate([boundary, [[width - 1, height - 1], [0, height - 1]]])
    tinted = drawn.copy()
    cv2.fillPoly(tinted, [_fixed_point(area)], GROUND, shift=SUBPIXEL_BITS)
    cv2.addWeighted(tinted, 0.25, drawn, 0.75, 0, dst=drawn)
    cv2.polylines(drawn, [_fixed_point(boundary)], False, BOUNDARY, 1, cv2.LINE_AA, SUBPIXEL_BITS)


def _draw_ignored(drawn: NDArray[np.uint8], mask: ImageMask) -> None:
    height, width = mask.ignored.shape
    hatched = (np.arange(height)[:, None] + np.arange(width)) % HATCH_PX < 2
    np.copyto(drawn, drawn >> 2, where=mask.ignored[..., None])
    drawn[mask.ignored & hatched] = HATCH


def _draw_boxes(drawn: NDArray[np.uint8], detections: Detections) -> None:
    scale = max(0.35, drawn.shape[1] / 1600)
    for k in range(len(detections)):
        colour = PALETTE[int(detections.class_id[k]) % len(PALETTE)]
        x0, y0, x1, y1 = (round(float(c)) for c in detections.xyxy[k])
        cv2.rectangle(drawn, (x0, y0), (x1, y1), colour, 1, cv2.LINE_AA)
        name = detections.class_names[int(detections.class_id[k])]
        label = f'{name} {detections.score[k]:.2f}'
        cv2.putText(
            drawn, label, (x0, max(y0 - 3, 9)), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA
        )
        if detections.contact is not None and np.isfinite(detections.contact[k]).all():
            u, v = (round(float(c)) for c in np.clip(detections.contact[k], -4096, 4096))
            cv2.circle(drawn, (u, v), 3, colour, -1, cv2.LINE_AA)


def _fixed_point(points: NDArray[np.floating]) -> NDArray[np.int32]:
    fixed: NDArray[np.int32] = np.round(points * (1 << SUBPIXEL_BITS)).astype(np.int32)
    return fixed
