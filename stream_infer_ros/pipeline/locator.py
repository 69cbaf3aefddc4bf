"""Where each image was taken: calibration and transforms of its own stamp join what it shows."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.cameras.transform_buffer import TransformBuffer
from stream_infer_ros.errors import TransformError
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.mapping.view import View
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.statistics import Statistics


class Locator:
    """Makes views. A camera without calibration or transform gives none and is counted; nobody waits."""

    def __init__(
        self,
        cameras: Sequence[CameraState],
        transforms: TransformBuffer,
        map_frame: str,
        base_frame: str,
        statistics: Statistics,
    ) -> None:
        self._cameras = {camera.name: camera for camera in cameras}
        self._transforms = transforms
        self._map_frame = map_frame
        self._base_frame = base_frame
        self._statistics = statistics

    def locate(self, frames: Sequence[Frame], perceptions: Sequence[Perception]) -> list[View]:
        """One view per frame whose geometry is known."""
        views = []
        for frame, perception in zip(frames, perceptions, strict=True):
            view = self._view(self._cameras[frame.camera], frame, perception)
            if view is not None:
                views.append(view)
        return views

    def _view(self, camera: CameraState, frame: Frame, perception: Perception) -> View | None:
        if camera.model is None:
            camera.problems['place'] = f'expected calibration on {camera.topics.camera_info}, none came yet'
            self._statistics.lost('no_camera_info', camera.name)
            return None
        try:
            base_from_camera = self._transforms.lookup(self._base_frame, frame.frame_id, frame.stamp_ns)
            map_from_base = self._transforms.lookup(self._map_frame, self._base_frame, frame.stamp_ns)
        except TransformError as error:
            camera.problems['place'] = str(error)
            self._statistics.lost('no_transform', camera.name)
            return None
        camera.problems.pop('place', None)
        return View(frame.camera, frame.stamp_ns, camera.model, base_from_camera, map_from_base, perception)
