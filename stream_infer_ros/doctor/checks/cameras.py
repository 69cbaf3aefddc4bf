"""Cameras: absent, silent, of another type, refused."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from stream_infer_ros.doctor.findings import Finding, error, note, split_remedy, warning
from stream_infer_ros.doctor.observation import CameraFacts, Observation
from stream_infer_ros.pipeline.inputs.camera_topics import COMPRESSED_IMAGE, IMAGE, image_topics

# A topic whose name is less similar to the expected one than this is not proposed.
SIMILAR = 0.5


def check_cameras(seen: Observation) -> Iterator[Finding]:
    """Check that each camera is on the graph and sends usable images."""
    if seen.camera_problem:
        yield _no_cameras(seen)
    for name in seen.unusable_names:
        yield warning(
            'topic_name',
            f'topic {name}',
            'ROS 2 allows only letters, digits and underscores between slashes, so this image topic is '
            'left out',
            'rename the topic where it is published',
        )
    for camera in seen.cameras:
        if not camera.messages or _other_types(camera, seen):
            yield _unheard(camera, seen)
            continue
        if camera.state.image_log.refused:
            yield _refused(camera)
        if camera.pixel_problem:
            what, remedy = split_remedy(camera.pixel_problem, 'correct the driver of the camera')
            yield error('pixels_refused', camera.subject, f'its pixels cannot be read: {what}', remedy)
        if len(camera.sizes) > 1 or len(camera.encodings) > 1:
            yield _varies(camera)
    for topic, count in seen.overflowed.items():
        yield warning(
            'machine_overloaded',
            f'topic {topic}',
            f'{count} messages were dropped here, because this machine had no time to read them',
            'close other programs, or use fewer cameras, lower rates or smaller images',
        )


def _no_cameras(seen: Observation) -> Finding:
    if not seen.topics and seen.is_live:
        return error(
            'graph_empty',
            'graph',
            f'no topic of any other node was found with graph.kind {seen.config.graph.kind}',
            'start the camera drivers; check that ROS_DOMAIN_ID, ROS_LOCALHOST_ONLY and '
            'ROS_AUTOMATIC_DISCOVERY_RANGE are the same there as here, and that the middleware is the same '
            '(--graph)',
        )
    what, remedy = split_remedy(seen.camera_problem, 'correct `cameras` and `camera` in the configuration')
    return error('cameras', 'cameras', what, remedy)


def _unheard(camera: CameraFacts, seen: Observation) -> Finding:
    topic = camera.state.topics.image
    what, remedy = split_remedy(camera.why_no_image, 'start the driver of the camera')
    if _other_types(camera, seen):
        return error('camera_type', camera.subject, what, remedy)
    if any(found.name == topic for found in seen.topics):
        return error('camera_silent', camera.subject, what, f'{remedy}; check the driver and its log')
    near = near_topics(topic, seen)
    if near:
        remedy = (
            f'the closest name is {near[0]}: set camera.{camera.name}.image_topic to it'
            f'{_compressed(camera, near[0], seen)}, or correct `cameras`'
        )
    return error('camera_absent', camera.subject, what, remedy)


def _other_types(camera: CameraFacts, seen: Observation) -> list[str]:
    """Return the types on the image topic if none of them is the expected one."""
    topics = camera.state.topics
    types = [found.type_name for found in seen.topics if found.name == topics.image]
    return [] if topics.image_type in types else types


def near_topics(topic: str, seen: Observation) -> list[str]:
    """Return image topics with similar names, the most similar first."""
    names = [found.name for found in image_topics(seen.config, seen.topics)]
    return get_close_matches(topic, names, n=3, cutoff=SIMILAR)


def _compressed(camera: CameraFacts, topic: str, seen: Observation) -> str:
    """Return the words that also change `compressed` if the proposed topic needs it."""
    types = {found.type_name for found in seen.topics if found.name == topic}
    if IMAGE not in types and COMPRESSED_IMAGE in types and not camera.state.topics.compressed:
        return f' and camera.{camera.name}.compressed to true'
    return ''


def _refused(camera: CameraFacts) -> Finding:
    log = camera.state.image_log
    what, remedy = split_remedy(log.reason, 'correct the driver of the camera')
    what = f'{log.refused} of {log.received} messages were refused: {what}'
    report = warning if log.usable else error
    return report('images_refused', camera.subject, what, remedy)


def _varies(camera: CameraFacts) -> Finding:
    sizes = ', '.join(f'{width}x{height}' for width, height in sorted(camera.sizes))
    encodings = ', '.join(sorted(camera.encodings))
    what = f'its images have several sizes or encodings: {sizes}; {encodings}'
    if len(camera.sizes) > 1:
        return warning(
            'images_vary',
            camera.subject,
            what,
            'check that only one node publishes on the topic, and that the driver keeps one resolution',
        )
    return note('images_vary', camera.subject, what)
