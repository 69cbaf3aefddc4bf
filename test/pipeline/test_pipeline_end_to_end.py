"""Bytes in, bytes out: the whole data path on a memory graph, with a clock that tests move."""

import itertools
import threading

import numpy as np
import pytest
from rosbags_messages import grid_cells, read, stamp_ns
from yard import EPOCH_NS, SMALL, Stepped, Yard

from stream_infer_ros.config import parse_config
from stream_infer_ros.errors import EngineError
from stream_infer_ros.graph import LATCHED, RELIABLE
from stream_infer_ros.messages.detection2d_array import decode_detection2d_array
from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.pipeline.assembly import assemble
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.runtime.live import LiveRunner
from stream_infer_ros.simulation import SimulationOptions, Timing

CAMERAS = [f'cam{i}' for i in range(SMALL.cameras)]
DETECTIONS = 'vision_msgs/msg/Detection2DArray'
GRID = 'nav_msgs/msg/OccupancyGrid'
UPDATE = 'map_msgs/msg/OccupancyGridUpdate'
SCAN = 'sensor_msgs/msg/LaserScan'
LABELS = 'vision_msgs/msg/LabelInfo'
DIAGNOSTICS = 'diagnostic_msgs/msg/DiagnosticArray'


def config(**settings):
    return parse_config({'cameras': CAMERAS, 'engine': {'kind': 'fake'}, **settings}, 'test')


class Driven(Stepped):
    """A pipeline with its network, whose steps run inside `publish`."""

    def __init__(self, yard: Yard, settings) -> None:
        self.network = Network(settings)
        topics = camera_topics(settings, yard.graph.topics())
        super().__init__(yard.graph, assemble(settings, topics, yard.graph, self.network))


def test_every_camera_gets_its_results_and_the_map_knows_free_ground():
    yard = Yard()
    boxes = {c: yard.collect(f'/stream_infer/{c}/detections', DETECTIONS, RELIABLE) for c in CAMERAS}
    scans = yard.collect('/stream_infer/cam1/scan', SCAN, RELIABLE)
    maps = yard.collect('/stream_infer/occupancy_grid', GRID, LATCHED)
    driven = Driven(yard, config())
    yard.stream(ticks=8)
    assert not yard.graph.callback_failures()
    whole = [fused for fused in driven.results if not fused.perceived.partial]
    assert len(whole) >= 7
    for camera in CAMERAS:
        decoded = [decode_detection2d_array(cdr) for cdr in boxes[camera]]
        stamps = [message.stamp_ns for message in decoded]
        assert stamps == sorted(stamps)
        sent = {e.stamp_ns for e in yard.exposures(8) if f'cam{e.camera}' == camera}
        assert set(stamps) <= sent
        assert {message.frame_id for message in decoded} == {f'{camera}_optical_frame'}
    assert len(scans) == len(boxes['cam1'])
    assert np.isfinite(read(scans[-1], SCAN).range_max)
    cells = grid_cells(maps[-1])
    assert cells.shape == (400, 400)
    assert (cells == 0).sum() > 1000
    driven.network.close()


def test_scans_and_markers_are_made_while_someone_listens():
    yard = Yard()
    driven = Driven(yard, config())
    yard.stream(ticks=4)
    assert all(fused.map is not None and not fused.scans for fused in driven.results)
    markers = yard.collect('/stream_infer/markers', 'visualization_msgs/msg/MarkerArray', RELIABLE)
    scans = yard.collect('/stream_infer/cam1/scan', SCAN, RELIABLE)
    before = len(driven.results)
    yard.clock.now_ns = EPOCH_NS
    yard.stream(ticks=8)
    whole = [fused for fused in driven.results[before:] if not fused.perceived.partial]
    assert len(whole) >= 3
    assert all(set(fused.scans) == {'cam1'} for fused in whole)
    assert len(markers) >= len(whole)
    assert len(scans) >= len(whole)
    driven.network.close()


def test_while_the_window_stands_updates_turn_one_map_into_the_next():
    yard = Yard(speed_m_s=0.0)
    driven = Driven(yard, config())
    maps = yard.collect('/stream_infer/occupancy_grid', GRID, LATCHED)
    updates = yard.collect('/stream_infer/occupancy_grid_updates', UPDATE, RELIABLE)
    yard.stream(ticks=4)
    by_stamp = {stamp_ns(m.header.stamp): m for m in (read(cdr, UPDATE) for cdr in updates)}
    grids = [(stamp_ns(read(cdr, GRID).header.stamp), grid_cells(cdr)) for cdr in maps]
    followed = 0
    for (_, before), (after_ns, after) in itertools.pairwise(grids):
        update = by_stamp.get(after_ns)
        if update is None:
            continue
        cells = before.copy()
        changed = cells[update.y : update.y + update.height, update.x : update.x + update.width]
        changed[:] = update.data.reshape(changed.shape)
        assert np.array_equal(cells, after)
        assert changed.size < cells.size
        followed += 1
    assert followed >= 1
    driven.network.close()


def test_label_names_reach_who_comes_late():
    yard = Yard()
    driven = Driven(yard, config())
    late = yard.collect('/stream_infer/cam0/label_info', LABELS, LATCHED)
    (message,) = late
    names = [label.class_name for label in read(message, LABELS).class_map]
    assert names == ['pedestrian', 'car', 'cone', 'box']
    driven.network.close()


def test_a_camera_that_falls_silent_is_named_and_nobody_waits_for_it():
    yard = Yard()
    driven = Driven(yard, config())
    yard.stream(ticks=20, skip=lambda e: e.camera == 1 and e.tick >= 5)
    partial = [fused for fused in driven.results[5:] if fused.perceived.partial]
    assert len(partial) >= 14
    assert {frame.camera for fused in partial for frame in fused.perceived.frames} == {'cam0', 'cam2'}
    statuses = {s.name: s for s in driven.assembly.health.diagnostics.statuses(yard.clock.now_ns)}
    assert statuses['stream_infer: camera cam1'].level is DiagnosticLevel.ERROR
    assert 'silent for 2 s' in statuses['stream_infer: camera cam1'].message
    assert statuses['stream_infer: camera cam0'].level is DiagnosticLevel.OK
    driven.network.close()


def test_garbage_on_a_topic_is_counted_and_named_and_the_rest_goes_on():
    yard = Yard()
    driven = Driven(yard, config())
    garbage = yard.cameras.advertise('/cam2/image_raw', 'sensor_msgs/msg/Image', RELIABLE)
    yard.stream(ticks=3)
    garbage.publish(b'\x00\x01\x00\x00 this is no image')
    status = driven.assembly.health.diagnostics.statuses(yard.clock.now_ns)[3]
    assert status.name.endswith('cam2')
    assert status.level is DiagnosticLevel.WARN
    assert status.values['dropped.malformed'] == '1'
    assert not yard.graph.callback_failures()
    assert len(driven.results) >= 3
    driven.network.close()


def test_a_missing_transform_is_counted_and_boxes_still_go_out():
    yard = Yard()
    boxes = yard.collect('/stream_infer/cam0/detections', DETECTIONS, RELIABLE)
    driven = Driven(yard, config(map={'map_frame': 'map'}))
    yard.stream(ticks=4)
    assert len(boxes) >= 4
    assert driven.assembly.statistics.views_missed()['no_transform']['cam0'] == len(boxes)
    assert "'map'" in driven.assembly.cameras[0].problem
    driven.network.close()


def test_odometry_that_comes_after_the_images_costs_no_view():
    yard = Yard()
    maps = yard.collect('/stream_infer/occupancy_grid', GRID, LATCHED)
    driven = Driven(yard, config())
    held = []
    for exposure in yard.exposures(8):
        yard.clock.now_ns = exposure.stamp_ns
        odometry, *rest = yard.publisher.prepare(exposure).messages
        for publisher, cdr in rest:
            publisher.publish(cdr)
        held.append(odometry)
        if len(held) > len(CAMERAS):  # a period late
            publisher, cdr = held.pop(0)
            publisher.publish(cdr)
    # Only the first set came before the tree of frames was known at all.
    assert driven.assembly.statistics.views_missed().get('no_transform', {}) == dict.fromkeys(CAMERAS, 1)
    viewed = [view.stamp_ns for fused in driven.results for view in fused.views]
    assert len(viewed) == len(set(viewed)) >= 3 * 5
    assert (grid_cells(maps[-1]) == 0).sum() > 1000
    driven.network.close()


def test_without_a_map_only_boxes_are_published():
    yard = Yard()
    driven = Driven(yard, config(map={'enabled': False}))
    yard.stream(ticks=3)
    topics = {topic.name for topic in yard.graph.topics()}
    assert '/stream_infer/cam0/detections' in topics
    assert '/stream_infer/occupancy_grid' not in topics
    assert all(fused.map is None for fused in driven.results)
    driven.network.close()


def test_the_clock_alone_turns_what_silent_cameras_saw_to_unknown():
    yard = Yard()
    maps = yard.collect('/stream_infer/occupancy_grid', GRID, LATCHED)
    driven = Driven(yard, config(map={'blind_after_s': 2.0}))
    yard.stream(ticks=10)
    before = grid_cells(maps[-1])
    driven.let_the_map_age(yard.clock.now_ns + 1_000_000_000)
    assert np.array_equal(grid_cells(maps[-1]) == 0, before == 0)
    driven.let_the_map_age(yard.clock.now_ns + 2_500_000_000)
    after = grid_cells(maps[-1])
    assert (before == 0).sum() > 1000
    # What lies outside every view (the robot moved on, and three cameras leave gaps) keeps its memory.
    assert 0 < (after == 0).sum() < 0.3 * (before == 0).sum()
    assert not ((after != before) & (after != -1)).any()
    driven.network.close()


@pytest.fixture
def live():
    """A runner on its own threads; stops whatever happens."""
    started = []

    def start(yard, settings, on_result=None):
        network = Network(settings)
        assembly = assemble(settings, camera_topics(settings, ()), yard.graph, network)
        runner = LiveRunner(yard.graph, assembly, on_result)
        started.append((runner, network))
        runner.start()
        return runner, assembly, network

    yield start
    for runner, network in started:
        runner.stop()
        network.close()


def test_live_threads_publish_and_leave_nothing_behind(live):
    yard = Yard()
    enough = threading.Event()
    seen = []

    def on_result(result):
        seen.append(result)
        if sum(not f.perceived.partial for f in seen) >= 2:
            enough.set()

    before = threading.active_count()
    runner, assembly, _ = live(yard, config(), on_result)
    for tick in range(60):
        yard.stream(ticks=tick + 1, skip=lambda e, tick=tick: e.tick < tick)
        if enough.wait(0.05):
            break
    assert enough.is_set()
    runner.stop()
    assert threading.active_count() == before
    statistics = assembly.statistics
    lost = sum(n for by_camera in assembly.health.losses.drops().values() for n in by_camera.values())
    published = sum(len(fused.perceived.frames) for fused in seen)
    received = sum(camera.images for camera in assembly.cameras)
    assert statistics.sets_published == len(seen)
    assert published + lost <= received


def test_a_failing_engine_ends_the_run_with_its_error(live):
    yard = Yard()
    runner, _, network = live(yard, config())
    network.close()
    yard.stream(ticks=1)
    with pytest.raises(EngineError, match='load'):
        runner.wait(30)


def test_diagnostics_come_once_a_period():
    yard = Yard()
    told = yard.collect('/diagnostics', DIAGNOSTICS, RELIABLE)
    driven = Driven(yard, config())
    for step_ns in range(0, 3_000_000_000, 100_000_000):
        driven.assembly.health.diagnostics.publish_if_due(EPOCH_NS + step_ns)
    assert [stamp_ns(read(cdr, DIAGNOSTICS).header.stamp) - EPOCH_NS for cdr in told] == [0, 10**9, 2 * 10**9]
    driven.network.close()


def test_a_slow_camera_is_not_called_silent_between_its_images():
    slow = Timing(rate_hz=1.0)
    yard = Yard(SimulationOptions(cameras=1, width=160, height=120, timing=slow))
    driven = Driven(yard, config(cameras=['cam0']))
    yard.stream(ticks=5)
    last_ns = yard.clock.now_ns
    assert driven.assembly.health.cameras.silent(last_ns + 900_000_000) == []
    assert driven.assembly.health.cameras.silent(last_ns + 3_000_000_000) == ['cam0']
    driven.network.close()
