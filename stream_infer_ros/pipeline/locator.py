"""Where each image was taken: calibration and transforms of its own stamp join what it shows."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.cameras.transform_buffer import TransformBuffer
from stream_infer_ros.errors import TransformError
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.mapping.view import View
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.processed_set import PerceivedSet
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

    def locate(self, perceived: PerceivedSet) -> list[View]:
        """One view per frame whose geometry is known."""
        views = []
        for frame, size, perception in zip(
            perceived.frames, perceived.sizes, perceived.perceptions, strict=True
        ):
            camera = self._cameras[frame.camera]
            model = self._model(camera, size)
            view = self._view(camera, model, frame, perception) if model is not None else None
            if view is not None:
                views.append(view)
        return views

    def _model(self, camera: CameraState, size: tuple[int, int]) -> CameraModel | None:
        """The calibration, if there is one for images of this size."""
        model, topic = camera.model, camera.topics.camera_info
        if model is None:
            camera.note('place', f'expected calibration on {topic}, none came yet')
        elif (model.image_width, model.image_height) != size:
            camera.note(
                'place',
                f'expected calibration for images of {size[0]} x {size[1]} on {topic}, '
                f'it is for {model.image_width} x {model.image_height}: correct size, binning or roi there',
            )
        else:
            return model
        self._statistics.lost('no_camera_info', camera.name)
        return None

    def newest_map_from_base(self) -> RigidTransform | None:
        """Where the base is by the latest transforms; None while they do not tell."""
        try:
            return self._transforms.lookup(self._map_frame, self._base_frame, 0)
        except TransformError:  # the views tell it, camera by camera
            return None

    def _view(
        self, camera: CameraState, model: CameraModel, frame: Frame, perception: Perception
    ) -> View | None:
        try:
            base_from_camera = self._transforms.lookup(self._base_frame, frame.frame_id, frame.stamp_ns)
            map_from_base = self._transforms.lookup(self._map_frame, self._base_frame, frame.stamp_ns)
        except TransformError as error:
            camera.note('place', str(error))
            self._statistics.lost('no_transform', camera.name)
            return None
        camera.note('place', '')
        return View(frame.camera, frame.stamp_ns, model, base_from_camera, map_from_base, perception)
