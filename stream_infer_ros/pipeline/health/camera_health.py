"""The health of one camera: a level, a name for the problem, and a message with the remedy."""

from __future__ import annotations

from typing import NamedTuple

from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.pipeline.health.camera_state import CameraState
from stream_infer_ros.pipeline.health.input_watch import InputWatch


class CameraHealth(NamedTuple):
    """The state of a camera on /diagnostics.

    Attributes:
        problem: the name of the problem, without numbers; empty if there is none.
        message: one line for the user, with the remedy.
    """

    level: DiagnosticLevel
    problem: str
    message: str


def unheard_health(camera: CameraState, inputs: InputWatch) -> CameraHealth:
    """Return the health of a camera that has not sent a usable image yet."""
    if 'image' in camera.problems:
        words = f'no message was usable so far: {camera.problem}'
        return CameraHealth(DiagnosticLevel.WARN, 'refused', words)
    if inputs.is_patient:
        return CameraHealth(DiagnosticLevel.STALE, '', f'no image yet on {camera.topics.image}')
    return CameraHealth(DiagnosticLevel.WARN, 'no_image', inputs.why_no_image(camera))


def heard_health(
    camera: CameraState, silence_ns: int, *, is_silent: bool, engine_is_down: bool
) -> CameraHealth:
    """Return the health of a camera whose last image arrived `silence_ns` ago."""
    if is_silent:
        words = f'silent for {silence_ns / 1e9:.0f} s; check its driver, its cable and the network'
        return CameraHealth(DiagnosticLevel.ERROR, 'silent', words)
    if engine_is_down:
        return CameraHealth(DiagnosticLevel.ERROR, 'engine_down', camera.problem or 'the engine is down')
    if camera.problem:
        return CameraHealth(DiagnosticLevel.WARN, ', '.join(sorted(camera.problems)), camera.problem)
    return CameraHealth(DiagnosticLevel.OK, '', 'streaming')
