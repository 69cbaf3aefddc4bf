"""The doctor finds each planted problem in a recording and names it, and finds nothing in a healthy one."""

import dataclasses
from dataclasses import replace

import cv2
import numpy as np
import pytest
from planted import (
    CLOCK,
    EPOCH_NS,
    IMAGE,
    INFO,
    MS,
    TF_MESSAGE,
    TYPES,
    as_jpeg,
    changed,
    examined,
    healthy,
    images,
    in_frame,
    infos,
    problems,
    restamped,
    stamp_ns,
    stamped,
    transform,
    transforms,
    write,
)

S = 1000 * MS
ONE, OTHER = 'cam0', 'cam1'


@pytest.fixture(scope='module')
def robot():
    return healthy()


def on_topic(topic, to=None):
    """Leave a topic out, or rename it."""
    return lambda t, k, ns, m: [(t, k, ns, m)] if t != topic else [] if to is None else [(to, k, ns, m)]


def all_images(edit):
    return lambda t, k, ns, m: [(t, k, ns, edit(m) if k == IMAGE else m)]


def later(parent, child):
    """Add a dynamic transform after a second."""
    message = TYPES[TF_MESSAGE](transforms=[transform(parent, child, ns=EPOCH_NS + S)])

    def change(t, k, ns, m):
        extra = [('/tf', TF_MESSAGE, EPOCH_NS + S, message)] if t == '/tf_static' else []
        return [(t, k, ns, m), *extra]

    return change


def static(*wanted):
    """Add static transforms."""
    return transforms(lambda found, _: [*found, *wanted], '/tf_static')


def static_without(child):
    return transforms(lambda found, _: [t for t in found if t.child_frame_id != child], '/tf_static')


def optical_pose(xyz, xyzw):
    """Move the optical frame of cam0 to this pose in base_link."""
    new = transform('base_link', 'cam0_optical_frame', xyz, xyzw)
    return transforms(
        lambda found, _: (
            [t for t in found if t.child_frame_id not in ('cam0_optical_frame', 'cam0_link')] + [new]
        ),
        '/tf_static',
    )


def second_odometry(shift_m):
    """Add a second publisher of odom -> base_link, elsewhere, that takes turns with the first."""

    def change(t, k, ns, m):
        if t != '/tf':
            return [(t, k, ns, m)]
        moved = []
        for own in m.transforms:
            place = own.transform.translation
            pose = replace(own.transform, translation=replace(place, x=place.x + shift_m))
            moved.append(restamped(replace(own, transform=pose), 2 * MS))
        return [(t, k, ns, m), (t, k, ns + MS, replace(m, transforms=moved))]

    return change


def cut_short(message):
    return replace(message, data=message.data[: len(message.data) // 2])


def jpeg(rgb):
    return cv2.imencode('.jpg', rgb)[1].tobytes()


def broken_jpeg(rgb):
    """The header of a JPEG file and its end marker, without what is in between."""
    whole = jpeg(rgb)
    return whole[:180] + whole[-2:]


def repeating():
    """Return an edit that gives every second image the stamp of the one before."""
    last = [0]

    def edit(message, number):
        if number % 2:
            return stamped(message, last[0])
        last[0] = stamp_ns(message)
        return message

    return edit


def half_size(message, number):
    if number % 2:
        return message
    small = np.ascontiguousarray(message.data.reshape(message.height, message.width, 3)[::2, ::2])
    height, width = small.shape[:2]
    return replace(message, height=height, width=width, step=width * 3, data=small.ravel())


def info_of_size(message, _):
    k = message.k.copy()
    k[:6] *= 2
    return replace(message, width=320, height=240, k=k)


NO_ROTATION = (0.0, 0.0, 0.0, 1.0)
AHEAD = (-0.5, 0.5, -0.5, 0.5)  # optical: z forward, x right, y down
UP_IN_THE_SKY = (0.0, 0.0, 0.0, 1.0)
HANGING = (0.5, 0.5, 0.5, 0.5)  # z forward, x left, y up

# name of the case: (problem, part of the subject, part of the text, change of the recording, settings)
PLANTED = {
    'misspelt camera': (
        'camera_absent',
        'cam00',
        'the closest name is /cam0/image_raw',
        None,
        {'cameras': ['cam00', OTHER]},
    ),
    'absent camera': (
        'camera_absent',
        'cam0',
        'nobody publishes',
        on_topic('/cam0/image_raw'),
        {'cameras': [ONE, OTHER]},
    ),
    'topic of another type': (
        'camera_type',
        'cam0',
        'sensor_msgs/msg/CameraInfo',
        None,
        {'cameras': [ONE, OTHER], 'camera': {ONE: {'image_topic': '/cam0/camera_info'}}},
    ),
    'options of an unknown camera': (
        'cameras',
        'cameras',
        'front',
        None,
        {'cameras': [ONE], 'camera': {'front': {'compressed': True}}},
    ),
    'step of 0': ('images_refused', 'cam0', '30 of 30', images(lambda m, _: replace(m, step=0)), {}),
    'unknown encoding': (
        'images_refused',
        'cam1',
        'zebra',
        images(lambda m, _: replace(m, encoding='zebra'), OTHER),
        {},
    ),
    'cut short now and then': (
        'images_refused',
        'cam0',
        '10 of 30',
        images(lambda m, n: m if n % 3 else cut_short(m)),
        {},
    ),
    'JPEG without pixels': ('pixels_refused', 'cam0', '', as_jpeg(broken_jpeg), {}),
    'two sizes on one topic': ('images_vary', 'cam0', '80x60, 160x120', images(half_size), {}),
    'stamps of 0': ('clock_zero', 'cam0', 'header stamps are zero', images(lambda m, _: stamped(m, 0)), {}),
    'clock on TAI': ('clock_ahead', 'cam0', 'TAI', images(lambda m, _: restamped(m, 37 * S)), {}),
    'clock on GPS time': ('clock_ahead', 'cam0', 'GPS', images(lambda m, _: restamped(m, 18 * S)), {}),
    'clock fast by 0.7 s': (
        'clock_ahead',
        'cam1',
        '0.69',
        images(lambda m, _: restamped(m, 700 * MS), OTHER),
        {},
    ),
    'clock fast by 60 ms': (
        'clock_ahead',
        'cam0',
        '0.06 s ahead',
        images(lambda m, _: restamped(m, 60 * MS)),
        {},
    ),
    'clock an hour slow': (
        'clock_behind',
        'cam0',
        '1.0 h',
        images(lambda m, _: restamped(m, -3600 * S)),
        {},
    ),
    'all clocks an hour slow': (
        'clock_behind',
        'cam1',
        '1.0 h',
        all_images(lambda m: restamped(m, -3600 * S)),
        {},
    ),
    'stamps of a simulation': (
        'clock_epoch',
        'cam0',
        'simulation',
        all_images(lambda m: restamped(m, -EPOCH_NS)),
        {},
    ),
    'drifting clock': (
        'clock_drift',
        'cam0',
        'ms per second',
        images(lambda m, _: stamped(m, stamp_ns(m) - (stamp_ns(m) - EPOCH_NS) // 100)),
        {},
    ),
    'one camera 0.4 s late': (
        'clock_apart',
        'cam0',
        '0.40 s later',
        images(lambda m, _: restamped(m, -400 * MS)),
        {},
    ),
    'repeated stamps': (
        'stamps_repeat',
        'cam0',
        '15 of 30',
        images(repeating()),
        {},
    ),
    'transforms in simulation time': (
        'clock_transforms',
        'base_link',
        'use_sim_time',
        transforms(lambda found, _: [restamped(t, -EPOCH_NS) for t in found]),
        {},
    ),
    'every third image lost': (
        'images_missing',
        'cam0',
        'images are missing',
        images(lambda m, n: m if n % 3 else None),
        {},
    ),
    'uneven stamps': (
        'jitter',
        'cam0',
        'varies',
        images(lambda m, n: restamped(m, (n % 2) * 70 * MS - 80 * MS)),
        {},
    ),
    'a camera that sends seldom': (
        'rate_low',
        'cam0',
        'only 2 images',
        images(lambda m, n: None if n % 15 else m),
        {},
    ),
    'slop too small': (
        'sets_partial',
        'matching',
        'sync.slop_ms',
        images(lambda m, _: restamped(m, -30 * MS)),
        {'sync': {'slop_ms': 5.0}},
    ),
    'exact policy without a trigger': (
        'no_sets',
        'matching',
        'deadline',
        None,
        {'sync': {'policy': 'exact'}},
    ),
    'no calibration': ('calibration_missing', 'cam0', 'camera_info', on_topic('/cam0/camera_info'), {}),
    'calibration on another topic': (
        'calibration_missing',
        'cam0',
        '/calib',
        on_topic('/cam0/camera_info', '/calib'),
        {},
    ),
    'uncalibrated camera': (
        'calibration_refused',
        'cam0',
        'not calibrated',
        infos(lambda m, _: replace(m, k=np.zeros(9))),
        {},
    ),
    'calibration of another size': (
        'calibration_assumption',
        'cam0',
        'resized by 0.5',
        infos(info_of_size),
        {},
    ),
    'calibration of another shape': (
        'calibration_size',
        'cam0',
        '320 x 180',
        infos(lambda m, _: replace(m, width=320, height=180)),
        {},
    ),
    'two frame_ids': ('calibration_frame', 'cam0', "'lens'", infos(lambda m, _: in_frame(m, 'lens')), {}),
    'no transforms': (
        'transforms_missing',
        'transforms',
        'robot_state_publisher',
        lambda t, k, ns, m: [] if k == TF_MESSAGE else [(t, k, ns, m)],
        {},
    ),
    'transforms in a namespace': (
        'transforms_missing',
        'transforms',
        'graph.tf_namespace',
        lambda t, k, ns, m: [(f'/robot1{t}' if k == TF_MESSAGE else t, k, ns, m)],
        {},
    ),
    'unknown frame_id': (
        'frame_unknown',
        'cam0',
        'cam0_optical_frame',
        images(lambda m, _: in_frame(m, 'cam0_optical')),
        {},
    ),
    'empty frame_id': ('frame_id_empty', 'cam0', 'frame_id', images(lambda m, _: in_frame(m, '')), {}),
    'unconnected camera': ('frame_unconnected', 'cam0', 'not connected', static_without('cam0_link'), {}),
    'unknown base frame': ('frame_unknown', 'base', "'base_link'", None, {'map': {'base_frame': 'base_lnk'}}),
    'loop of frames': (
        'transform_cycle',
        'transforms',
        'base_link',
        static(transform('cam0_link', 'odom')),
        {},
    ),
    'two parents': (
        'transform_two_parents',
        'base_link',
        'map, odom',
        later('map', 'base_link'),
        {},
    ),
    'two publishers of odometry': (
        'transform_two_publishers',
        'odom -> base_link',
        'to and fro',
        second_odometry(0.5),
        {},
    ),
    'two static values': (
        'transform_two_publishers',
        'base_link -> cam0_link',
        'two values',
        static(transform('base_link', 'cam0_link', (9.0, 0.0, 1.0))),
        {},
    ),
    'static and dynamic': (
        'transform_static_and_dynamic',
        'base_link -> cam0_link',
        'stop one',
        later('base_link', 'cam0_link'),
        {},
    ),
    'odometry that ended': (
        'transform_stale',
        'odom -> base_link',
        'newest image',
        lambda t, k, ns, m: [(t, k, ns, m)] if t != '/tf' or ns < EPOCH_NS + S else [],
        {},
    ),
    'transform with NaN': (
        'transform_invalid',
        'transforms',
        'finite',
        static(transform('base_link', 'lidar', (float('nan'), 0, 0))),
        {},
    ),
    'body frame': (
        'no_ground',
        'cam0',
        'cam0_optical_frame',
        images(lambda m, _: in_frame(m, 'cam0_link')),
        {},
    ),
    'looking at the sky': ('no_ground', 'cam0', 'sky', optical_pose((0, 0, 1.0), UP_IN_THE_SKY), {}),
    'upside down': ('upside_down', 'cam0', 'upside down', optical_pose((0, 0, 1.0), HANGING), {}),
    'under the ground': ('below_ground', 'cam0', 'below the ground', optical_pose((0, 0, -0.5), AHEAD), {}),
    'one frame for two cameras': (
        'same_frame',
        'cam',
        'cam0 and cam1',
        images(lambda m, _: in_frame(m, 'cam0_optical_frame'), OTHER),
        {},
    ),
    'base above the road': (
        'ground_level',
        'base_link',
        'base_footprint',
        static(transform('base_link', 'base_footprint', (0, 0, -0.26))),
        {},
    ),
}


def test_nothing_is_wrong_with_a_healthy_recording(robot, tmp_path):
    result = examined(write(tmp_path / 'bag', robot))
    assert problems(result) == {}
    assert result.ok


@pytest.mark.parametrize('case', PLANTED)
def test_a_planted_problem_is_found_and_named(robot, tmp_path, case):
    problem, subject, words, change, settings = PLANTED[case]
    bag = write(tmp_path / 'bag', robot if change is None else changed(robot, change))
    result = examined(bag, **settings)
    found = [f for f in result.findings if f.problem == problem and f.severity != 'note']
    assert found, problems(result)
    told = [f'{f.subject}: {f.what} -> {f.remedy}' for f in found]
    assert any(subject in f.subject and words in line for f, line in zip(found, told, strict=True)), told
    assert all(f.remedy for f in result.findings if f.severity != 'note')
    assert not [f for f in result.findings if f.problem == 'check_failed'], problems(result)
    assert not result.ok


def test_a_healthy_camera_is_not_blamed_for_another(robot, tmp_path):
    bag = write(tmp_path / 'bag', changed(robot, images(lambda m, _: replace(m, step=0))))
    assert not [f for f in examined(bag).findings if OTHER in f.subject and f.severity != 'note']


def test_a_topic_without_messages(robot, tmp_path):
    bag = write(tmp_path / 'bag', changed(robot, on_topic('/cam0/image_raw')), [('/cam0/image_raw', IMAGE)])
    told = problems(examined(bag, cameras=[ONE, OTHER]))
    assert 'camera cam0' in told['camera_silent']


def test_a_recording_without_cameras(robot, tmp_path):
    bag = write(tmp_path / 'bag', [m for m in robot if m[1] not in (IMAGE, INFO)])
    assert '/tf' in problems(examined(bag))['cameras']


def test_a_file_that_is_no_recording(tmp_path):
    (tmp_path / 'x.mcap').write_bytes(b'nothing of the kind')
    assert str(tmp_path) in problems(examined(tmp_path / 'x.mcap'))['recording']


def test_the_clock_of_a_simulation_is_no_problem_of_a_recording_made_with_it(robot, tmp_path):
    shifted = [(t, k, ns - EPOCH_NS + S, dataclasses.replace(m)) for t, k, ns, m in robot]
    sim = [
        (
            t,
            k,
            ns,
            restamped(m, S - EPOCH_NS)
            if hasattr(m, 'header')
            else replace(m, transforms=[restamped(own, S - EPOCH_NS) for own in m.transforms]),
        )
        for t, k, ns, m in shifted
    ]
    clock = TYPES[CLOCK](clock=TYPES['builtin_interfaces/msg/Time'](sec=1, nanosec=0))
    bag = write(tmp_path / 'bag', [('/clock', CLOCK, S, clock), *sim])
    assert problems(examined(bag)) == {}


def test_jpeg_images_are_healthy_too(robot, tmp_path):
    assert problems(examined(write(tmp_path / 'bag', changed(robot, as_jpeg(jpeg))))) == {}
