"""The object layer of the map, which leaves no traces in the static layer."""

import numpy as np
import pytest
from mapping_scenes import (
    CLASS_NAMES,
    PERIOD_NS,
    cell,
    centres,
    disc,
    mounted,
    no_boxes,
    nothing,
    pinhole,
    seen,
    standing,
)

from stream_infer_ros.config.tree import MapConfig
from stream_infer_ros.inference.detections import Detections, Perception
from stream_infer_ros.mapping import FREE, OCCUPIED, UNKNOWN, OccupancyMap, View

SMALL = MapConfig(size_m=20.0)


def walk(occupancy, path, first=0, with_free_space=True):
    """A pedestrian at each place of a path, one view a period; returns the moment after."""
    for i, place in enumerate(path, first):
        obstacle = nothing if place is None else disc(*place, 0.3)
        things = [] if place is None else [('pedestrian', *place)]
        told = seen(obstacle if with_free_space else None, i * PERIOD_NS, things=things)
        occupancy.update([told], i * PERIOD_NS)
    return (first + len(path)) * PERIOD_NS


def test_a_moving_object_is_where_it_is_now_and_leaves_no_trail():
    occupancy = OccupancyMap(SMALL)
    walk(occupancy, [None] * 5)
    path = [(3.5, y) for y in np.arange(-1.5, 1.5, 0.12)]
    now_ns = walk(occupancy, path, 5)
    snapshot = occupancy.snapshot(now_ns - PERIOD_NS)
    assert cell(snapshot, 3.5, 1.4) == OCCUPIED
    # Half a second of walking behind it nothing is occupied, after a second all is free.
    assert centres(snapshot, OCCUPIED)[:, 1].min() > 1.4 - 0.3 - 0.6
    for y in np.arange(-1.5, 0.1, 0.1):
        assert cell(snapshot, 3.3, y) == FREE
    now_ns = walk(occupancy, [None] * 12, 5 + len(path))
    after = occupancy.snapshot(now_ns - PERIOD_NS)
    assert not (after.cells == OCCUPIED).any()
    for y in np.arange(-1.5, 1.5, 0.1):
        assert cell(after, 3.5, y) == FREE


def test_boxes_are_not_written_into_the_static_layer():
    """A box alone, over ground seen as free: never more than its own size, and gone once it is not seen."""
    occupancy = OccupancyMap(SMALL)
    for i in range(30):
        occupancy.update([seen(nothing, i * PERIOD_NS, things=[('cone', 3.0, 0.0)])], i * PERIOD_NS)
    snapshot = occupancy.snapshot(30 * PERIOD_NS)
    assert cell(snapshot, 3.0, 0.0) == OCCUPIED
    assert np.hypot(*(centres(snapshot, OCCUPIED) - (3.0, 0.0)).T).max() < 0.25
    for i in range(30, 36):
        occupancy.update([seen(nothing, i * PERIOD_NS)], i * PERIOD_NS)
    assert cell(occupancy.snapshot(36 * PERIOD_NS), 3.0, 0.0) == FREE


def test_objects_are_in_the_map_frame_and_followed():
    occupancy = OccupancyMap(SMALL)
    now_ns = walk(occupancy, [(3.0 + 0.1 * i, 0.5) for i in range(20)])
    (found,) = occupancy.objects(now_ns - PERIOD_NS)
    assert found.class_name == 'pedestrian'
    assert (found.x_m, found.y_m) == (pytest.approx(4.9, abs=0.15), pytest.approx(0.5, abs=0.1))
    assert found.yaw_rad == pytest.approx(0.0, abs=0.3)
    assert 0 < found.sigma_m < 0.3
    # Between views it moves on: 1 m/s for a twentieth of a second.
    (later,) = occupancy.objects(now_ns - PERIOD_NS // 2)
    assert later.x_m - found.x_m == pytest.approx(0.05, abs=0.02)


def test_an_object_not_seen_any_more_is_gone_after_the_hold():
    occupancy = OccupancyMap(SMALL)
    now_ns = walk(occupancy, [(3.0, 0.0)] * 4)
    last_ns = now_ns - PERIOD_NS
    assert occupancy.objects(last_ns + 4 * PERIOD_NS)
    assert not occupancy.objects(last_ns + 4 * PERIOD_NS + 1)


def test_a_parked_car_out_of_sight_is_remembered_until_somebody_looks():
    occupancy = OccupancyMap(SMALL)
    for i in range(6):
        car = seen(disc(3.6, 0.0, 0.6), i * PERIOD_NS, things=[('car', 3.6, 0.0)])
        occupancy.update([car], i * PERIOD_NS)
    ahead, away = standing(), standing(yaw_deg=180.0)
    for i in range(6, 26):
        occupancy.update([seen(nothing, i * PERIOD_NS, map_from_base=away)], i * PERIOD_NS)
    assert cell(occupancy.snapshot(26 * PERIOD_NS), 3.6, 0.0) == OCCUPIED
    for i in range(26, 40):
        occupancy.update([seen(nothing, i * PERIOD_NS, map_from_base=ahead)], i * PERIOD_NS)
    assert cell(occupancy.snapshot(40 * PERIOD_NS), 3.6, 0.0) == FREE


def test_a_pedestrian_out_of_sight_is_not_waited_for():
    occupancy = OccupancyMap(SMALL)
    # Seen over free ground, so that the static layer knows nothing of it.
    for i in range(6):
        occupancy.update([seen(nothing, i * PERIOD_NS, things=[('pedestrian', 3.0, 0.0)])], i * PERIOD_NS)
    assert cell(occupancy.snapshot(6 * PERIOD_NS), 3.0, 0.0) == OCCUPIED
    for i in range(6, 12):
        away = seen(nothing, i * PERIOD_NS, map_from_base=standing(yaw_deg=180.0))
        occupancy.update([away], i * PERIOD_NS)
    assert cell(occupancy.snapshot(12 * PERIOD_NS), 3.0, 0.0) == FREE


def test_a_car_hidden_by_something_nearer_is_remembered():
    occupancy = OccupancyMap(SMALL)
    far = ('car', 6.0, 0.0)
    for i in range(6):
        occupancy.update([seen(disc(6.0, 0.0, 0.9), i * PERIOD_NS, things=[far])], i * PERIOD_NS)
    for i in range(6, 26):
        hiding = seen(disc(2.5, 0.0, 0.6), i * PERIOD_NS, things=[('box', 2.5, 0.0)])
        occupancy.update([hiding], i * PERIOD_NS)
    assert cell(occupancy.snapshot(26 * PERIOD_NS), 5.7, 0.0) == OCCUPIED


def test_a_single_box_is_not_believed():
    occupancy = OccupancyMap(SMALL)
    now_ns = walk(occupancy, [(3.0, 0.0)], with_free_space=False)
    assert not occupancy.objects(now_ns)
    assert not (occupancy.snapshot(now_ns).cells == OCCUPIED).any()


def test_two_cameras_that_overlap_see_one_object():
    occupancy = OccupancyMap(SMALL)
    cameras = {'left': mounted(20.0, y_m=0.2), 'right': mounted(-20.0, y_m=-0.2)}
    for i in range(5):
        views = [
            seen(nothing, i * PERIOD_NS, name, base_from_camera=pose, things=[('cone', 4.0, 0.1)])
            for name, pose in cameras.items()
        ]
        assert all(len(view.perception.detections) == 1 for view in views)
        occupancy.update(views, i * PERIOD_NS)
    (found,) = occupancy.objects(5 * PERIOD_NS)
    assert (found.x_m, found.y_m) == (pytest.approx(4.0, abs=0.05), pytest.approx(0.1, abs=0.05))


def test_two_things_side_by_side_stay_two():
    occupancy = OccupancyMap(SMALL)
    things = [('pedestrian', 3.0, -0.6), ('pedestrian', 3.0, 0.6), ('cone', 3.0, 0.0)]
    for i in range(5):
        occupancy.update([seen(None, i * PERIOD_NS, things=things)], i * PERIOD_NS)
    found = sorted((o.y_m, o.class_name) for o in occupancy.objects(5 * PERIOD_NS))
    assert [name for _, name in found] == ['pedestrian', 'cone', 'pedestrian']


def test_without_free_space_footprints_are_obstacles_and_nothing_is_ever_free():
    occupancy = OccupancyMap(SMALL)
    now_ns = walk(occupancy, [(4.0, 0.02 * i) for i in range(30)], with_free_space=False)
    snapshot = occupancy.snapshot(now_ns)
    assert cell(snapshot, 4.0, 0.58) == OCCUPIED
    assert not (snapshot.cells == FREE).any()
    assert np.hypot(*(centres(snapshot, OCCUPIED) - (4.0, 0.58)).T).max() < 0.5
    # Looked through and not found: gone, and the ground is what it was.
    now_ns = walk(occupancy, [None] * 6, 30, with_free_space=False)
    assert (occupancy.snapshot(now_ns).cells != FREE).all()
    occupancy.update([seen(None, now_ns)], now_ns)
    assert (occupancy.snapshot(now_ns).cells == UNKNOWN).all()


def test_without_contact_points_the_foot_of_the_box_is_taken_if_it_is_in_the_image():
    model, camera = pinhole(), mounted()
    foot = model.points_to_pixels(camera.inverse().apply([[3.0, 0.0, 0.0]]))[0]

    def update(bottom):
        occupancy = OccupancyMap(SMALL)
        xyxy = np.array([[foot[0] - 20, 100, foot[0] + 20, bottom]], np.float32)
        boxes = Detections(xyxy, np.ones(1, np.float32), np.zeros(1, np.int32), CLASS_NAMES)
        for i in range(3):
            view = View('front', i * PERIOD_NS, model, camera, standing(), Perception(boxes))
            occupancy.update([view], i * PERIOD_NS)
        return occupancy.objects(3 * PERIOD_NS)

    (found,) = update(foot[1])
    assert (found.x_m, found.y_m) == (pytest.approx(3.0, abs=0.01), pytest.approx(0.0, abs=0.01))
    assert update(479.0) == ()


def test_a_class_without_a_known_size_is_as_wide_as_it_looks():
    model, camera = pinhole(), mounted()
    foot = model.points_to_pixels(camera.inverse().apply([[4.0, 0.0, 0.0]]))[0]
    half = 0.5 * 0.7 * model.k[0, 0] / 4.0
    xyxy = np.array([[foot[0] - half, foot[1] - 100, foot[0] + half, foot[1]]], np.float32)
    boxes = Detections(xyxy, np.ones(1, np.float32), np.zeros(1, np.int32), ('giraffe',))
    occupancy = OccupancyMap(SMALL)
    for i in range(3):
        view = View('front', i * PERIOD_NS, model, camera, standing(), Perception(boxes))
        occupancy.update([view], i * PERIOD_NS)
    (found,) = occupancy.objects(3 * PERIOD_NS)
    assert found.width_m == pytest.approx(0.7, rel=0.1)


def test_boxes_without_a_place_on_the_ground_are_left_out():
    model, camera = pinhole(), mounted()
    contact = np.array([[np.nan, np.nan], [320.0, 20.0]], np.float32)
    xyxy = np.array([[300, 100, 340, 479], [300, 10, 340, 20]], np.float32)
    boxes = Detections(xyxy, np.ones(2, np.float32), np.zeros(2, np.int32), CLASS_NAMES, contact)
    occupancy = OccupancyMap(SMALL)
    for i in range(3):
        view = View('front', i * PERIOD_NS, model, camera, standing(), Perception(boxes))
        occupancy.update([view], i * PERIOD_NS)
    assert occupancy.objects(3 * PERIOD_NS) == ()
    assert no_boxes().contact is None
