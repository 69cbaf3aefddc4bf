"""Leaving out what a network found in ignored parts of an image."""

from __future__ import annotations

from dataclasses import replace

from stream_infer_ros.cameras.image_mask import ImageMask
from stream_infer_ros.inference.detections import Detections, FreeSpace, Perception

# A box is left out if at least this share of its area is ignored. A person who stands behind the robot's
# bumper is then still found, while the bumper itself is not.
MOST_IGNORED = 0.5


def masked(perception: Perception, mask: ImageMask) -> Perception:
    """Return a perception without boxes in ignored parts, and with the free space marked there."""
    detections = perception.detections
    if len(detections):
        detections = _without_ignored(detections, mask)

    def free_space() -> FreeSpace:
        found = perception.free_space
        assert found is not None
        return replace(found, ignored=mask.ignores(found.column_u, found.boundary_v))

    later = free_space if perception.has_free_space else None
    return Perception(detections, later, perception.invalid, perception.outside)


def _without_ignored(detections: Detections, mask: ImageMask) -> Detections:
    kept = mask.share_of_boxes(detections.xyxy) < MOST_IGNORED
    if kept.all():
        return detections
    return replace(
        detections,
        xyxy=detections.xyxy[kept],
        score=detections.score[kept],
        class_id=detections.class_id[kept],
        contact=None if detections.contact is None else detections.contact[kept],
        track_id=None if detections.track_id is None else detections.track_id[kept],
    )
