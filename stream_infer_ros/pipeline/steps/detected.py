"""The step in place of a network where the frames bring their detections with them."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.pipeline.health.camera_state import CameraState
from stream_infer_ros.pipeline.inputs.frame_readers import DetectedFrame
from stream_infer_ros.pipeline.processed_set import PerceivedSet
from stream_infer_ros.sync.frame_set import FrameSet


class Detected:
    """Boxes in pixels of the image that CameraInfo describes: a Detection2DArray tells no size of its own."""

    def __init__(self, cameras: Sequence[CameraState]) -> None:
        self._cameras = {camera.name: camera for camera in cameras}

    @property
    def is_down(self) -> bool:
        """Nothing here can fail."""
        return False

    def perceive(self, frame_set: FrameSet, within_s: float) -> PerceivedSet:
        """They are there already: nothing is waited for."""
        frames = [frame for frame in frame_set.frames if isinstance(frame, DetectedFrame)]
        return PerceivedSet(
            frame_set,
            frames,
            [self._size(frame.camera) for frame in frames],
            [Perception(frame.detections) for frame in frames],
        )

    def retune(self, config: ModelConfig) -> None:
        """Thresholds are the detector's own."""

    def _size(self, camera: str) -> tuple[int, int]:
        """(width, height); (0, 0) while no CameraInfo came: the locator then names what is missing."""
        model = self._cameras[camera].model
        return (0, 0) if model is None else (model.image_width, model.image_height)
