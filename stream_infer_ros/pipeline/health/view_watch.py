"""Looks for problems in the geometry of a camera when its calibration or its pose is new or has changed."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.cameras.rigid_transform import RigidTransform, same_pose
from stream_infer_ros.cameras.transform_buffer import TransformBuffer
from stream_infer_ros.config import MapConfig
from stream_infer_ros.errors import TransformError
from stream_infer_ros.mapping.shared_places import shared_place_problems
from stream_infer_ros.mapping.view import View
from stream_infer_ros.mapping.view_checks import view_problems
from stream_infer_ros.mapping.view_problem import ViewProblem, ViewProblemKind
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.inputs.camera_names import camera_of_topic

# Words in the names of frames that lie on the ground (REP-120: base_footprint).
_GROUND_WORDS = ('footprint', 'ground')
# A smaller difference in height does not change a map. A larger one is more likely a slope or an altitude.
_LEAST_M, _MOST_M = 0.04, 1.5


class ViewWatch:
    """Checks each view, and keeps the problems of its camera in `CameraState.problems` by their kind.

    The check is repeated only if calibration, pose or frame of the camera change. One thread calls `usable`;
    the other methods can be called from any thread.
    """

    def __init__(
        self, cameras: Sequence[CameraState], transforms: TransformBuffer, config: MapConfig
    ) -> None:
        self._cameras = {camera.name: camera for camera in cameras}
        self._transforms = transforms
        self._config = config
        self._checked: dict[str, View] = {}
        self._own: dict[str, tuple[ViewProblem, ...]] = {}
        self._shared: tuple[ViewProblem, ...] = ()
        self._ground_level = ''

    def usable(self, view: View) -> bool:
        """True if the view can be part of the map."""
        last = self._checked.get(view.camera)
        if last is None or not _same_geometry(last, view):
            self._check(view)
        return not any(problem.kind.blocks for problem in self._own[view.camera])

    def problems(self) -> list[ViewProblem]:
        """Return the current problems of all cameras."""
        return [*(problem for own in list(self._own.values()) for problem in own), *self._shared]

    def ground_level_problem(self, _: int = 0) -> str:
        """Explain why the ground is probably not where the map assumes it; empty if nothing speaks for it."""
        return self._ground_level

    def _check(self, view: View) -> None:
        is_first = not self._checked
        self._checked[view.camera] = view
        self._own[view.camera] = tuple(
            view_problems(view, self._config.range_m, self._optical_frames(view.frame_id))
        )
        # Two topics of one camera are at one place with good reason.
        by_source = {
            camera_of_topic(self._cameras[name].topics.image): v for name, v in self._checked.items()
        }
        self._shared = tuple(shared_place_problems(list(by_source.values())))
        if is_first:  # later, the robot may be on a slope
            self._ground_level = self._wrong_ground_level(view)
        found = self.problems()
        for name, camera in self._cameras.items():
            for kind in ViewProblemKind:
                own = [str(problem) for problem in found if (problem.camera, problem.kind) == (name, kind)]
                camera.note(kind.value, '; '.join(own))

    def _optical_frames(self, frame_id: str) -> dict[str, RigidTransform]:
        found = {}
        for name in self._transforms.frames_below(frame_id):
            if 'optical' in name:
                try:
                    found[name] = self._transforms.lookup(frame_id, name, 0)
                except TransformError:
                    continue
        return found

    def _wrong_ground_level(self, view: View) -> str:
        base, ground_z_m = self._config.base_frame, self._config.ground_z_m
        for name in self._transforms.frames():
            if name == base or not any(word in name for word in _GROUND_WORDS):
                continue
            try:
                z_m = float(self._transforms.lookup(base, name, 0).translation[2])
            except TransformError:
                continue
            if _LEAST_M < abs(z_m - ground_z_m) < _MOST_M:
                return (
                    f'the ground is taken to be at z = {ground_z_m:g} m of {base!r}, but {name!r} lies at '
                    f'{z_m:.2f} m: if that is the ground, set map.base_frame to {name!r}, or map.ground_z_m '
                    f'to {z_m:.2f}'
                )
            return ''
        z_m = float(view.map_from_base.translation[2])
        if not _LEAST_M < abs(z_m) < _MOST_M:
            return ''
        return (
            f'the ground is taken to be at z = {ground_z_m:g} m of {base!r}, which is {z_m:.2f} m above '
            f'z = 0 of {self._config.map_frame!r}: if that is the ground, set map.ground_z_m to '
            f'{ground_z_m - z_m:.2f}'
        )


def _same_geometry(one: View, other: View) -> bool:
    return (
        one.model is other.model
        and one.frame_id == other.frame_id
        and same_pose(one.base_from_camera, other.base_from_camera)
    )
