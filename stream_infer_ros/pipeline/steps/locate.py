"""The step that adds to each perception its calibration, and the transforms at the stamp of its image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.image_fit import fitted
from stream_infer_ros.cameras.image_mask import ImageMask
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.cameras.transform_buffer import TransformBuffer
from stream_infer_ros.config import MapConfig
from stream_infer_ros.drop_causes import NotMappedCause
from stream_infer_ros.errors import CalibrationError, ExtrapolationError, TransformError, UnknownFrameError
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.mapping.view import View
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.results import PerceivedSet
from stream_infer_ros.sync.sender_clocks import SenderClocks
from stream_infer_ros.sync.stream_clock import JUMP_NS

# Odometry, or the angles of a moving camera mount, may arrive later than images. A frame waits this long for
# them after its arrival.
PATIENCE_NS = 300_000_000
MOST_WAITING_PER_CAMERA = 2


class _Located(NamedTuple):
    """A frame that is to become a view. It does not keep the pixels."""

    camera: CameraState
    stamp_ns: int
    received_ns: int
    clock_offset_ns: int
    frame_id: str
    model: CameraModel
    perception: Perception
    mask: ImageMask | None


class Locator:
    """Makes views. A frame without calibration or transform becomes none, and is counted.

    If only the newest transform is missing, the frame waits and becomes a view together with a later set. It
    is given up when it gets older than PATIENCE_NS, when time jumps back and on `reset`.
    """

    def __init__(
        self,
        cameras: Sequence[CameraState],
        transforms: TransformBuffer,
        config: MapConfig,
        statistics: Statistics,
        clocks: SenderClocks,
    ) -> None:
        self._cameras = {camera.name: camera for camera in cameras}
        self._transforms = transforms
        self._map_frame = config.map_frame
        self._base_frame = config.base_frame
        self._ground = _Ground(config.ground_z_m)
        self._statistics = statistics
        self._clocks = clocks
        self._waiting: dict[str, list[_Located]] = {camera.name: [] for camera in cameras}
        self._fits: dict[str, tuple[CameraModel, tuple[int, int], CameraModel | CalibrationError]] = {}
        self._reset_asked = False

    def reset(self) -> None:
        """Give up all waiting frames before the next set. Callable from any thread."""
        self._reset_asked = True

    def __call__(self, perceived: PerceivedSet, now_ns: int) -> list[View]:
        """Return a view for each image whose geometry is known, including those that had to wait for it."""
        if self._reset_asked:
            self._reset_asked = False
            self.give_up_waiting()
        for image in perceived.images:
            frame, camera = image.frame, self._cameras[image.frame.camera]
            model = self._model(camera, image.size)
            if model is not None:
                waiting = self._waiting[camera.name]
                if waiting and frame.stamped_ns < waiting[-1].stamp_ns - JUMP_NS:  # a recording started again
                    self._give_up_waiting_of(camera.name)
                times = (frame.stamped_ns, frame.received_ns, frame.clock_offset_ns)
                frame_id = frame.frame_id or camera.info_frame_id
                place = _Located(camera, *times, frame_id, model, image.perception, image.mask)
                self._waiting[camera.name].append(place)
        return [view for name in self._waiting for view in self._views(name, now_ns)]

    def _views(self, camera_name: str, now_ns: int) -> list[View]:
        """Return the views of one camera; frames whose transform may still arrive stay in `_waiting`."""
        views, still = [], []
        for located in self._waiting[camera_name]:
            try:
                views.append(self._view(located))
            except TransformError as error:
                if _may_come(error, located.stamp_ns) and 0 <= now_ns - located.received_ns < PATIENCE_NS:
                    still.append((located, error))
                else:
                    self._give_up(located.camera, error)
        for located, late in still[:-MOST_WAITING_PER_CAMERA]:
            self._give_up(located.camera, late)
        self._waiting[camera_name] = [located for located, _ in still[-MOST_WAITING_PER_CAMERA:]]
        return views

    def give_up_waiting(self) -> None:
        """Count all waiting frames as not mapped, because nothing more comes or a new map begins."""
        for name in self._waiting:
            self._give_up_waiting_of(name)

    def _give_up_waiting_of(self, camera_name: str) -> None:
        waiting, self._waiting[camera_name] = self._waiting[camera_name], []
        if waiting:
            self._statistics.not_mapped(NotMappedCause.NO_TRANSFORM, camera_name, len(waiting))

    def _give_up(self, camera: CameraState, error: TransformError) -> None:
        camera.note('no_transform', str(error))
        camera.lacks_frames = isinstance(error, UnknownFrameError)
        self._statistics.not_mapped(NotMappedCause.NO_TRANSFORM, camera.name)

    def _model(self, camera: CameraState, size: tuple[int, int]) -> CameraModel | None:
        """Return the calibration; None if there is none for images of this size."""
        model, topic = camera.model, camera.topics.camera_info
        if model is None:
            missing = f'expected calibration on {topic}, none came yet; without it nothing is mapped'
            refused = 'without a usable calibration nothing is mapped'
            camera.note('no_camera_info', refused if camera.calibration_log.refused else missing)
        else:
            fitting = self._fit(camera.name, model, size)
            if isinstance(fitting, CameraModel):
                camera.note('no_camera_info', '')
                return fitting
            camera.note('no_camera_info', f'the calibration on {topic} does not fit: {fitting}')
        # Without a calibration, nothing is known about the transforms of the camera.
        camera.note('no_transform', '')
        self._statistics.not_mapped(NotMappedCause.NO_CAMERA_INFO, camera.name)
        return None

    def _fit(self, camera: str, model: CameraModel, size: tuple[int, int]) -> CameraModel | CalibrationError:
        """Return the calibration for images of this size; the same object as long as nothing changes."""
        if (model.image_width, model.image_height) == size:
            return model
        last = self._fits.get(camera)
        if last is None or last[0] is not model or last[1] != size:
            try:
                last = model, size, fitted(model, *size)
            except CalibrationError as error:
                last = model, size, error
            self._fits[camera] = last
        return last[2]

    def newest_map_from_base(self) -> RigidTransform | None:
        """Return the pose of the base from the latest transforms; None if there is none."""
        try:
            offset_of = self._clocks.transform_offset_ns
            return self._transforms.lookup(self._map_frame, self._base_frame, 0, offset_of)
        except TransformError:  # it is reported for each camera, by its views
            return None

    def _view(self, located: _Located) -> View:
        """Return the view of one frame. Raises TransformError."""
        camera, stamp_ns = located.camera, located.stamp_ns
        if not located.frame_id:
            raise TransformError(
                'frame_id is empty in the images and in CameraInfo; set it to the optical frame of the '
                'camera in the driver'
            )
        offset_of = self._clocks.transform_offsets(camera.name, located.clock_offset_ns)
        base_from_camera = self._transforms.lookup(self._base_frame, located.frame_id, stamp_ns, offset_of)
        map_from_base = self._transforms.lookup(self._map_frame, self._base_frame, stamp_ns, offset_of)
        camera.note('no_transform', '')
        camera.lacks_frames = False
        return View(
            camera.name,
            stamp_ns,
            located.model,
            self._ground.moved_to(camera.name, base_from_camera),
            map_from_base,
            located.perception,
            located.frame_id,
            located.mask,
            clock_offset_ns=located.clock_offset_ns,
        )


class _Ground:
    """Moves poses in the base frame to a frame straight below it, on the ground."""

    def __init__(self, ground_z_m: float) -> None:
        self._shift = np.array([0.0, 0.0, ground_z_m])
        self._moved: dict[str, tuple[RigidTransform, RigidTransform]] = {}

    def moved_to(self, camera: str, base_from_camera: RigidTransform) -> RigidTransform:
        """Return the pose of a camera. For the same object as before, the result is the same object, too."""
        if not self._shift[2]:
            return base_from_camera
        last = self._moved.get(camera)
        if last is None or last[0] is not base_from_camera:
            moved = RigidTransform(base_from_camera.rotation, base_from_camera.translation - self._shift)
            last = self._moved[camera] = base_from_camera, moved
        return last[1]


def _may_come(error: TransformError, stamp_ns: int) -> bool:
    """True if the transform that is missing at this time may still arrive."""
    return isinstance(error, ExtrapolationError) and error.newest_ns < stamp_ns
