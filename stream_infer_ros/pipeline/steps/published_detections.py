"""The steps in place of a network if the frames come with their detections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.inputs.frame_readers import DetectedFrame
from stream_infer_ros.pipeline.results import PerceivedImage


class PublishedDetections:
    """Passes on the detections of other nodes. It raises neither InferenceMissed nor EngineDown.

    Boxes are in pixels of the image that CameraInfo describes, because a Detection2DArray has no image size.
    """

    is_down = False
    restarts = 0

    def __init__(self, cameras: Sequence[CameraState]) -> None:
        self._cameras = {camera.name: camera for camera in cameras}

    def letterbox(self, frames: Sequence[Frame]) -> Sequence[DetectedFrame]:
        return [frame for frame in frames if isinstance(frame, DetectedFrame)]

    def run(self, pictures: Iterable[DetectedFrame], within_s: float) -> Iterator[DetectedFrame]:
        return iter(pictures)

    def decode(
        self, outputs: Iterable[DetectedFrame], pictures: Sequence[DetectedFrame]
    ) -> Iterator[PerceivedImage]:
        for frame in outputs:
            yield PerceivedImage(frame, self._size(frame.camera), Perception(frame.detections))

    def count_lost(self, pictures: Sequence[DetectedFrame], results: int, error: EngineError) -> None:
        """Count nothing: no frame can be lost here."""

    def _size(self, camera: str) -> tuple[int, int]:
        """Return (width, height); (0, 0) before the first CameraInfo, whose lack the locator reports."""
        model = self._cameras[camera].model
        return (0, 0) if model is None else (model.image_width, model.image_height)
