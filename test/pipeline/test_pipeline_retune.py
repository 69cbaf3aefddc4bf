"""What can be changed while the pipeline runs, and a map that is begun anew."""

import numpy as np
import pytest
from rosbags_messages import grid_cells, read
from test_pipeline_end_to_end import CAMERAS, DETECTIONS, GRID, Driven, config
from yard import Yard

from stream_infer_ros.cameras import Frame
from stream_infer_ros.config import SyncConfig
from stream_infer_ros.config.reference import settings
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph import LATCHED, RELIABLE
from stream_infer_ros.messages.detection2d_array import decode_detection2d_array
from stream_infer_ros.sync import make_synchronizer

MS = 1_000_000
LABELS = 'vision_msgs/msg/LabelInfo'
IMAGE = 'sensor_msgs/msg/Image'


@pytest.fixture
def running():
    yard = Yard()
    made = Driven(yard, config(engine={'kind': 'auto'}))
    yield yard, made
    assert not yard.graph.callback_failures()
    made.network.close()


def changed(**sections):
    return config(engine={'kind': 'auto'}, **sections)


def test_a_higher_threshold_leaves_fewer_boxes_and_is_told(running):
    yard, made = running
    boxes = yard.collect('/stream_infer/cam0/detections', DETECTIONS, RELIABLE)
    labels = yard.collect('/stream_infer/cam0/label_info', LABELS, LATCHED)
    made.assembly.change_settings(changed(model={'score_threshold': 0.0}))
    yard.stream(ticks=3)
    before = [len(decode_detection2d_array(cdr).detections) for cdr in boxes]
    boxes.clear()
    made.assembly.change_settings(changed(model={'score_threshold': 1.0}))
    yard.stream(ticks=6, skip=lambda e: e.tick < 3)
    after = [len(decode_detection2d_array(cdr).detections) for cdr in boxes]
    assert min(before) > 0
    assert after
    assert max(after) == 0
    assert [read(cdr, LABELS).threshold for cdr in labels] == [pytest.approx(0.3), 0.0, 1.0]


def classes_of(messages):
    """The class_ids in the messages, which are taken."""
    each = [decode_detection2d_array(cdr).detections for cdr in messages]
    found = {detections.class_names[k] for detections in each for k in detections.class_id}
    messages.clear()
    return found


def test_the_published_classes_follow(running):
    yard, made = running
    boxes = yard.collect('/stream_infer/cam0/detections', DETECTIONS, RELIABLE)
    labels = yard.collect('/stream_infer/cam0/label_info', LABELS, LATCHED)
    found = []
    for step, model in enumerate(
        [
            {'score_threshold': 0.01},
            {'score_threshold': 0.01, 'classes': ['car', 'box']},
            {'score_threshold': 1.0, 'class_thresholds': ['cone:0.01']},
            {'score_threshold': 0.01, 'classes': ['car'], 'class_thresholds': ['car:1.0']},
        ]
    ):
        made.assembly.change_settings(changed(model=model))
        yard.stream(ticks=3 * step + 3, skip=lambda e, step=step: e.tick < 3 * step)
        found.append(classes_of(boxes))
    everything, listed, one, none = found
    assert everything == {'pedestrian', 'car', 'cone', 'box'}
    assert listed == {'car', 'box'}
    assert one == {'cone'}
    assert none == set()
    thresholds = [read(cdr, LABELS).threshold for cdr in labels]
    assert thresholds == [pytest.approx(t) for t in (0.3, 0.01, 0.01, 1.0)]


def test_an_unknown_class_is_refused_and_changes_nothing(running):
    _, made = running
    before = made.assembly.settings()
    with pytest.raises(ConfigError, match="got 'pedestrain'; did you mean 'pedestrian'"):
        made.assembly.change_settings(changed(model={'classes': ['car', 'pedestrain']}))
    assert made.assembly.settings() is before


def test_the_deadline_of_sets_follows(running):
    """With cam1 silent a set leaves at its deadline; a shorter one lets it go earlier."""
    yard, made = running
    match = made.assembly.steps.match
    waits_ns = []
    for deadline_ms in (40.0, 15.0):
        made.assembly.change_settings(
            changed(sync={'deadline_ms': deadline_ms, 'camera_timeout_ms': 60000.0})
        )
        begin = 3 if waits_ns else 0
        yard.stream(ticks=begin + 3, skip=lambda e, begin=begin: e.camera == 1 or e.tick < begin)
        newest_ns = max(e.stamp_ns for e in yard.exposures(begin + 3) if e.camera != 1)
        waits_ns.append(match.next_deadline_ns() - newest_ns)
        made.tick(match.next_deadline_ns())
    assert 15 * MS < waits_ns[0] <= 40 * MS
    assert waits_ns[1] <= 15 * MS


def test_the_bound_and_the_silence_are_judged_anew(running):
    yard, made = running
    yard.stream(ticks=3)
    later_ns = yard.clock.now_ns + 2_000 * MS
    assert made.assembly.health.cameras.silent(later_ns) == CAMERAS
    made.assembly.change_settings(changed(sync={'camera_timeout_ms': 3000.0}))
    assert made.assembly.health.cameras.silent(later_ns) == []


def test_overlays_come_and_go(running):
    yard, made = running
    made.assembly.change_settings(changed(publish={'overlay': False}))
    pictures = yard.collect('/stream_infer/cam0/overlay', IMAGE, RELIABLE)
    yard.stream(ticks=2)
    assert pictures == []
    made.assembly.change_settings(changed(publish={'overlay': True}))
    yard.stream(ticks=4, skip=lambda e: e.tick < 2)
    assert pictures


def test_overlays_that_were_off_at_first_can_be_switched_on():
    yard = Yard()
    made = Driven(yard, config(publish={'overlay': False}))
    assert '/stream_infer/cam0/overlay' not in {topic.name for topic in yard.graph.topics()}
    made.assembly.change_settings(config())
    pictures = yard.collect('/stream_infer/cam0/overlay', IMAGE, RELIABLE)
    yard.stream(ticks=2)
    assert pictures
    made.network.close()


def test_a_map_that_is_reset_knows_nothing(running):
    yard, made = running
    yard.stream(ticks=8)
    grids = yard.collect('/stream_infer/occupancy_grid', GRID, LATCHED)
    made.let_the_map_age(yard.clock.now_ns)
    assert np.count_nonzero(grid_cells(grids[-1]) >= 0) > 1000
    assert made.assembly.reset_map()
    made.let_the_map_age(yard.clock.now_ns)
    assert np.count_nonzero(grid_cells(grids[-1]) >= 0) == 0


@pytest.mark.parametrize('policy', ['deadline', 'approximate_time', 'exact', 'latest'])
def test_retuning_a_policy_loses_nothing(policy):
    """Of two equal streams, one gets the same settings anew with each frame: the sets are the same."""
    unchanged = SyncConfig(policy=policy)
    kept = make_synchronizer(['a', 'b'], lambda: unchanged)
    retuned = make_synchronizer(['a', 'b'], unchanged.model_copy)
    sets = ([], [])
    for step in range(40):
        stamp_ns = (1_000_000 + 100 * step) * MS
        for synchronizer, found in zip((kept, retuned), sets, strict=True):
            for camera, offset_ns in (('a', 0), ('b', 0 if policy == 'exact' else 3 * MS)):
                frame = Frame(camera, stamp_ns + offset_ns, stamp_ns + offset_ns, None, 'rgb8', camera)
                found.extend(synchronizer.add(frame, stamp_ns + offset_ns))
    described = [[(s.stamp_ns, tuple(map(bool, s.frames)), s.reason) for s in found] for found in sets]
    assert described[0] == described[1]
    assert len(described[0]) >= 35
    assert retuned.drops() == kept.drops()


def test_what_is_live_is_declared_once():
    live = {s.name for s in settings() if s.live}
    assert live == {
        'bound_ms',
        'sync.slop_ms',
        'sync.deadline_ms',
        'sync.camera_timeout_ms',
        'sync.age_penalty',
        'sync.max_interval_ms',
        'model.score_threshold',
        'model.nms_iou',
        'model.classes',
        'model.class_thresholds',
        'publish.overlay',
        'camera.<name>.mask',
        'camera.<name>.time_offset_ms',
        'camera.<name>.max_rate_hz',
        'publish.diagnostics_period_s',
    }
