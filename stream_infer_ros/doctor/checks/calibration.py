"""Calibration: CameraInfo that is missing, refused, or contradicts the images."""

from __future__ import annotations

from collections.abc import Iterator

from stream_infer_ros.cameras.image_fit import fitted
from stream_infer_ros.doctor.findings import Finding, error, split_remedy, warning
from stream_infer_ros.doctor.observation import CameraFacts, Observation
from stream_infer_ros.errors import CalibrationError
from stream_infer_ros.pipeline.inputs.camera_topics import CAMERA_INFO


def check_calibration(seen: Observation) -> Iterator[Finding]:
    """Check the CameraInfo of each camera against its images."""
    if not seen.config.map.enabled:
        return
    for camera in seen.heard:
        if 'calibration' in camera.state.problems:
            what, remedy = split_remedy(camera.state.problems['calibration'], 'calibrate the camera')
            yield error('calibration_refused', camera.subject, f'its CameraInfo was refused: {what}', remedy)
        elif camera.model is None:
            yield _missing(camera, seen)
        else:
            yield from _against_images(camera)


def _missing(camera: CameraFacts, seen: Observation) -> Finding:
    topic = camera.state.topics.camera_info
    others = [found.name for found in seen.topics if found.type_name == CAMERA_INFO]
    types = [found.type_name for found in seen.topics if found.name == topic]
    what = f'no CameraInfo arrived on {topic}, so the camera adds nothing to the map'
    if types and types[0] != CAMERA_INFO:
        return error(
            'calibration_missing',
            camera.subject,
            f'{what}: the topic carries {types[0]}',
            'correct the topic',
        )
    if types:
        return error(
            'calibration_missing',
            camera.subject,
            f'{what}, although it has a publisher',
            'let the driver publish CameraInfo with each image',
        )
    if others:
        remedy = f'set camera.{camera.name}.camera_info_topic; on the graph: {", ".join(others[:8])}'
    else:
        remedy = 'calibrate the camera and give the driver the file (camera_info_url)'
    return error('calibration_missing', camera.subject, what, remedy)


def _against_images(camera: CameraFacts) -> Iterator[Finding]:
    model = camera.model
    if model is None:
        return
    try:
        model = fitted(model, *camera.size) if camera.size else model
    except CalibrationError as problem:
        what, remedy = split_remedy(str(problem), f'correct {camera.state.topics.camera_info}')
        yield error('calibration_size', camera.subject, what, remedy)
    for assumption in model.assumptions:
        yield warning('calibration_assumption', camera.subject, assumption.cause, assumption.remedy)
    frame = camera.state.info_frame_id.lstrip('/')
    if frame and frame != camera.frame_id.lstrip('/'):
        yield warning(
            'calibration_frame',
            camera.subject,
            f'frame_id is {camera.frame_id!r} in its images and {frame!r} in its CameraInfo; '
            'the one of the images is used',
            'let the driver use one frame_id for both',
        )
