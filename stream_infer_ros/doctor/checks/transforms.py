"""Frames and transforms: missing, unconnected, contradictory, cyclic, stale."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from statistics import median_low

from stream_infer_ros.doctor.findings import Finding, error, split_remedy, warning
from stream_infer_ros.doctor.observation import CameraFacts, Observation
from stream_infer_ros.errors import ExtrapolationError, TransformError, UnknownFrameError

# A dynamic transform is stale if it is older than the images by this much at the end of the observation.
STALE_NS = 1_000_000_000
# Stamps that go back now and then come from reordering on the network.
BACKWARDS_SHARE, FEWEST_BACKWARDS = 0.05, 3


def check_transforms(seen: Observation) -> Iterator[Finding]:
    """Check the tree of frames that the map needs."""
    if not seen.config.map.enabled or not seen.heard:
        return
    if seen.why_no_transforms:
        what, _, remedy = seen.why_no_transforms.partition(': ')
        yield error('transforms_missing', 'transforms', f'{what}, so there is no map', remedy)
        return
    yield from _contradictions(seen)
    yield from _frames_of_cameras(seen)
    yield from _map_frame(seen)


def _contradictions(seen: Observation) -> Iterator[Finding]:
    facts = seen.transforms
    for words, count in facts.invalid.items():
        what, remedy = split_remedy(words, 'correct the node that publishes it')
        yield error('transform_invalid', 'transforms', f'{count} transforms are not valid: {what}', remedy)
    if loop := facts.cycle():
        yield error(
            'transform_cycle',
            'transforms',
            f'the frames form a loop: {" -> ".join([*loop, loop[0]])}',
            'stop the publisher of one of these transforms (`ros2 run tf2_tools view_frames` shows who '
            'sends them)',
        )
    for child in sorted({child for _, child in facts.pairs}):
        parents = facts.parents(child)
        if len(parents) > 1 and not loop:
            yield error(
                'transform_two_parents',
                f'frame {child}',
                f'several publishers give it different parents: {", ".join(parents)}',
                'let only one of them publish; e.g. only one localisation may publish the transform of '
                'the robot',
            )
    for (parent, child), pair in facts.pairs.items():
        subject = f'transform {parent} -> {child}'
        if pair.static and pair.dynamic:
            yield warning(
                'transform_static_and_dynamic',
                subject,
                'it is published both on the topic of static and of dynamic transforms',
                'stop one of the two publishers',
            )
        back = pair.backwards >= FEWEST_BACKWARDS and pair.backwards > BACKWARDS_SHARE * pair.dynamic
        if pair.contradictions or pair.takes_turns or back:
            yield error(
                'transform_two_publishers',
                subject,
                'two publishers send different values: ' + _how(pair.contradictions, pair.takes_turns),
                'stop one of them (`ros2 topic info -v` lists the publishers); e.g. publish_tf: false in the '
                'driver if robot_localization publishes odometry',
            )


def _how(contradictions: int, takes_turns: bool) -> str:
    if contradictions:
        return f'{contradictions} times, there were two values for one moment'
    return 'the pose jumps to and fro' if takes_turns else 'their stamps go back and forth'


def _frames_of_cameras(seen: Observation) -> Iterator[Finding]:
    base = seen.config.map.base_frame
    for camera in seen.heard:
        if not camera.frame_id:
            report = warning if camera.state.info_frame_id else error
            so = 'that of its CameraInfo is used' if camera.state.info_frame_id else 'its place is not known'
            yield report(
                'frame_id_empty',
                camera.subject,
                f'frame_id is empty in its images, so that {so}',
                'set frame_id (often a parameter of the driver) to the optical frame of the camera',
            )
            continue
        yield from _place(camera, base, seen)


def _place(camera: CameraFacts, base: str, seen: Observation) -> Iterator[Finding]:
    try:
        seen.buffer.lookup(base, camera.frame_id, 0)
    except UnknownFrameError as problem:
        frames = seen.transforms.frames
        absent = [name.lstrip('/') for name in (base, camera.frame_id) if name.lstrip('/') not in frames]
        if not absent:
            what, remedy = split_remedy(str(problem), 'publish the missing transform')
            yield error('frame_unconnected', camera.subject, what, remedy)
            return
        near = get_close_matches(absent[0], frames, n=1)
        hint = f' (the closest name is {near[0]!r})' if near else ''
        if absent[0] == base.lstrip('/'):
            return  # reported once, for the map
        yield error(
            'frame_unknown',
            camera.subject,
            f'its frame_id {camera.frame_id!r} is no frame of the transforms; known: '
            f'{", ".join(frames[:12])}',
            f'correct frame_id in the driver{hint}, or publish a static transform from {base} to it',
        )
    except TransformError as problem:
        what, remedy = split_remedy(str(problem), 'check the publisher of the transform')
        yield error('frame_unconnected', camera.subject, what, remedy)


def _map_frame(seen: Observation) -> Iterator[Finding]:
    base, fixed = seen.config.map.base_frame, seen.config.map.map_frame
    frames = seen.transforms.frames
    for setting, frame in (('map.base_frame', base), ('map.map_frame', fixed)):
        if frame.lstrip('/') not in frames:
            near = get_close_matches(frame, frames, n=1)
            yield error(
                'frame_unknown',
                f'frame {frame}',
                f'{setting} is {frame!r}, which is no frame of the transforms; known: '
                f'{", ".join(frames[:12])}',
                f'set {setting} to {near[0]!r}, if that is meant'
                if near
                else f'set {setting}, or start its publisher',
            )
            return
    newest_ns = median_low([camera.newest_ns for camera in seen.heard])
    try:
        seen.buffer.lookup(fixed, base, 0)
        seen.buffer.lookup(fixed, base, newest_ns - STALE_NS, seen.clocks.transform_offset_ns)
    except ExtrapolationError as problem:
        late_s = (newest_ns - problem.newest_ns) / 1e9
        if late_s * 1e9 > STALE_NS:
            yield error(
                'transform_stale',
                f'transform {fixed} -> {base}',
                f'its newest stamp is {late_s:.1f} s before that of the newest image',
                'check that odometry or localisation runs and uses the same clock as the images',
            )
    except TransformError as problem:
        what, remedy = split_remedy(str(problem), 'publish the missing transform')
        yield error('frame_unconnected', f'frame {fixed}', what, remedy)
