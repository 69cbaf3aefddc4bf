"""The status of each camera."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.health.input_watch import InputWatch
from stream_infer_ros.pipeline.health.losses import Losses
from stream_infer_ros.pipeline.health.status import Status
from stream_infer_ros.pipeline.health.sync_watch import SyncWatch
from stream_infer_ros.pipeline.live_settings import CurrentSettings

# A camera is silent after this many of its periods without an image.
SILENT_PERIODS = 2.5


class CameraStatuses:
    """Reports one status for each camera.

    Args:
        engine_is_down: returns True if no engine gives results any more.
        left_out: camera -> number of images that its rate cap left out.
    """

    def __init__(
        self,
        cameras: Sequence[CameraState],
        inputs: InputWatch,
        watch: SyncWatch,
        losses: Losses,
        settings: CurrentSettings,
        engine_is_down: Callable[[], bool],
        left_out: Mapping[str, int],
    ) -> None:
        self._cameras = cameras
        self._inputs = inputs
        self._watch = watch
        self._losses = losses
        self._settings = settings
        self._engine_is_down = engine_is_down
        self._left_out = left_out

    def statuses(self, now_ns: int) -> list[Status]:
        counts: dict[str, Mapping[Any, Mapping[str, int]]] = {
            'dropped': self._losses.drops(),
            'not_mapped': self._losses.not_mapped(),
        }
        silent, engine_is_down = set(self.silent(now_ns)), self._engine_is_down()
        found = []
        for camera in self._cameras:
            level, problem, message = self._health(camera, now_ns, camera.name in silent, engine_is_down)
            log = camera.image_log
            values = {'images': str(camera.images), 'topic': camera.topics.image}
            values |= {'masked': f'{camera.masked:.0%}'} if camera.masked else {}
            values |= {'clock': camera.clock_kind.value}
            if camera.clock_offset_ns:
                values['clock.offset_ms'] = f'{camera.clock_offset_ns / 1e6:.1f}'
            left_out = self._left_out[camera.name]
            values |= {'left_out.max_rate_hz': str(left_out)} if left_out else {}
            values |= {'received': str(log.received), 'refused': str(log.refused)}
            values |= {'refused.last': log.reason} if log.refused else {}
            values |= {
                f'{kind}.{cause}': str(by[camera.name])
                for kind, causes in counts.items()
                for cause, by in causes.items()
                if camera.name in by
            }
            found.append(Status(level, f'camera {camera.name}', message, values, problem))
        return found

    def silent(self, now_ns: int) -> list[str]:
        """Return cameras silent for `sync.camera_timeout_ms` and SILENT_PERIODS, or without any image yet."""
        timeout_ns = self._settings().sync.camera_timeout_ms * 1e6
        streams = self._watch.streams()
        found = []
        for camera in self._cameras:
            silence_ns = camera.silent_for_ns(now_ns)
            limit_ns = max(timeout_ns, SILENT_PERIODS * streams[camera.name].period_ns)
            if silence_ns is None or silence_ns > limit_ns:
                found.append(camera.name)
        return found

    def missing(self) -> list[str]:
        """Explain for each camera why it has not sent an image, once that is a problem."""
        if self._inputs.is_patient:
            return []
        cameras = [camera for camera in self._cameras if camera.last_received_ns is None]
        return [f'{camera.name}: {self._unheard(camera)[2]}' for camera in cameras]

    def clocks(self) -> dict[str, str]:
        """Return the problem with the clock of each camera that has one."""
        problems = {camera.name: camera.problems.get('clock') for camera in self._cameras}
        return {name: problem for name, problem in problems.items() if problem}

    def none_usable(self) -> str:
        """Explain for each camera why it gave no usable image; empty if any camera gave one."""
        if any(camera.images for camera in self._cameras):
            return ''
        return '; '.join(
            f'{camera.name}: {camera.image_log.refusals or f"no image came on {camera.topics.image}"}'
            for camera in self._cameras
        )

    def _health(
        self, camera: CameraState, now_ns: int, is_silent: bool, engine_is_down: bool
    ) -> tuple[DiagnosticLevel, str, str]:
        """Return the level, the name of the problem, and the message."""
        silence_ns = camera.silent_for_ns(now_ns)
        if silence_ns is None:
            return self._unheard(camera)
        if is_silent and camera.refusing:
            words = f'no usable image for {silence_ns / 1e9:.0f} s: {camera.refusing}'
            return DiagnosticLevel.ERROR, 'refused', words
        if is_silent:
            words = f'silent for {silence_ns / 1e9:.0f} s; check its driver, its cable and the network'
            return DiagnosticLevel.ERROR, 'silent', words
        if engine_is_down:
            return DiagnosticLevel.ERROR, 'engine_down', camera.problem or 'the engine is down'
        problems = camera.described_problems()
        if problems:
            return DiagnosticLevel.WARN, ', '.join(sorted(problems)), '; '.join(problems.values())
        return DiagnosticLevel.OK, '', 'streaming'

    def _unheard(self, camera: CameraState) -> tuple[DiagnosticLevel, str, str]:
        """Return the health of a camera that has not sent a usable image yet."""
        if camera.refusing:
            return DiagnosticLevel.WARN, 'refused', camera.refusing
        if self._inputs.is_patient:
            return DiagnosticLevel.STALE, '', f'no image yet on {camera.topics.image}'
        return DiagnosticLevel.WARN, 'no_image', self._inputs.why_no_image(camera)
