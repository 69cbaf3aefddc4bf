"""The static layer of the map, from free-space boundaries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_scenes import (
    PERIOD_NS,
    cell,
    centres,
    disc,
    distorted,
    free_space,
    mounted,
    no_boxes,
    nothing,
    pinhole,
    seen,
    standing,
    wall_at_x,
)

from stream_infer_ros.config.tree import MapConfig
from stream_infer_ros.errors import CalibrationError
from stream_infer_ros.inference.detections import FreeSpace, Perception
from stream_infer_ros.mapping import FREE, OCCUPIED, UNKNOWN, OccupancyMap, View

SMALL = MapConfig(size_m=20.0)


def fused(views, times=5, config=SMALL):
    occupancy = OccupancyMap(config)
    for i in range(times):
        occupancy.update(views, i * PERIOD_NS)
    return occupancy.snapshot(times * PERIOD_NS)


@pytest.mark.parametrize('model', [pinhole(), distorted()], ids=['pinhole', 'distorted'])
@pytest.mark.parametrize('roll', [0.0, 8.0])
@pytest.mark.parametrize('pitch', [5.0, 20.0])
def test_a_wall_is_occupied_where_it_stands_and_free_before_it(model, roll, pitch):
    camera = mounted(pitch_deg=pitch, roll_deg=roll)
    snapshot = fused([seen(wall_at_x(4.0), 0, model=model, base_from_camera=camera)])
    occupied = centres(snapshot, OCCUPIED)
    assert len(occupied) > 60
    # Half a sigma and 5 cm before the wall to 25 cm and half a sigma behind it, along the ray.
    assert occupied[:, 0].min() > 3.8
    assert occupied[:, 0].max() < 4.5
    for y in (-1.0, 0.0, 1.0):
        assert cell(snapshot, 3.5, y) == FREE
        assert cell(snapshot, 4.05, y) == OCCUPIED
        assert cell(snapshot, 5.0, y) == UNKNOWN
    assert (centres(snapshot, FREE)[:, 0] < 4.0).all()


def test_the_map_stands_still_while_the_robot_moves():
    occupancy = OccupancyMap(SMALL)
    post = disc(4.0, 0.5, 0.3)
    for i in range(20):
        pose = standing(x_m=0.07 * i, y_m=-0.03 * i, yaw_deg=1.3 * i)
        occupancy.update([seen(post, i * PERIOD_NS, map_from_base=pose)], i * PERIOD_NS)
    snapshot = occupancy.snapshot(20 * PERIOD_NS)
    occupied = centres(snapshot, OCCUPIED)
    assert len(occupied) > 4
    assert np.hypot(*(occupied - (4.0, 0.5)).T).max() < 0.5
    # The window followed.
    assert snapshot.origin_x_m == pytest.approx(0.07 * 19 - 10.0, abs=0.101)


def test_each_view_counts_with_the_pose_of_its_own_stamp():
    """Two cameras 50 ms apart on a robot that turns at 90 degrees a second."""
    post = disc(0.0, 3.0, 0.25)
    turned = [standing(yaw_deg=45.0), standing(yaw_deg=49.5)]
    cameras = [mounted(yaw_deg=45.0), mounted(yaw_deg=60.0)]
    views = [
        seen(post, 50_000_000 * i, f'cam{i}', base_from_camera=cameras[i], map_from_base=turned[i])
        for i in range(2)
    ]
    occupied = centres(fused(views), OCCUPIED)
    assert len(occupied)
    assert np.hypot(*(occupied - (0.0, 3.0)).T).max() < 0.45


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(3)), st.integers(0, 1000))
def test_views_of_one_set_may_come_in_any_order(order, seed):
    rng = np.random.default_rng(seed)
    views = []
    for i in range(3):
        rows = rng.uniform(150, 420, 80).astype(np.float32)
        told = Perception(no_boxes(), free_space(pinhole(), rows, float(rng.uniform(0.3, 1.0))))
        views.append(View(f'cam{i}', 1000 * i, pinhole(), mounted(40.0 * i), standing(), told))
    one, other = OccupancyMap(SMALL), OccupancyMap(SMALL)
    for k in range(4):
        one.update(views, k * PERIOD_NS)
        other.update([views[i] for i in order], k * PERIOD_NS)
    now_ns = 4 * PERIOD_NS
    # Sums of the same floats in another order may differ in the last bit, and so at a threshold.
    assert np.mean(one.snapshot(now_ns).cells != other.snapshot(now_ns).cells) < 1e-4


def test_columns_that_say_nothing_leave_the_cells_unknown():
    model = pinhole()
    rows = np.full(80, 330.0, np.float32)
    rows[:40] = np.nan
    confidence = np.ones(80, np.float32)
    confidence[60:] = 0.0
    confidence[59] = np.nan
    u = free_space(model, rows).column_u
    view = View(
        'front', 0, model, mounted(), standing(), Perception(no_boxes(), FreeSpace(u, rows, confidence))
    )
    known = np.concatenate([centres(snapshot := fused([view]), FREE), centres(snapshot, OCCUPIED)])
    assert len(known) > 50
    # Left of the image is +y; columns 40 to 58 look from straight ahead to u = 471, 20 degrees right at the
    # horizon and a little more at near ground, where a quarter of a cell is another degree.
    bearing = np.degrees(np.arctan2(known[:, 1], known[:, 0]))
    assert bearing.max() < 2.0
    assert bearing.min() > -24.0


def test_no_evidence_at_all_is_no_map():
    model = pinhole()
    for told in (free_space(model, np.full(80, np.nan)), free_space(model, np.full(80, 300.0), 0.0)):
        view = View('front', 0, model, mounted(), standing(), Perception(no_boxes(), told))
        assert (fused([view]).cells == UNKNOWN).all()


def test_free_columns_free_the_ground_to_the_range_and_no_farther():
    snapshot = fused([seen(nothing, 0)], config=MapConfig(size_m=24.0, range_m=6.0))
    free = centres(snapshot, FREE)
    distance = np.hypot(*free.T)
    assert distance.max() == pytest.approx(6.0, abs=0.1)
    assert not (snapshot.cells == OCCUPIED).any()


def test_an_obstacle_beyond_the_range_frees_the_ground_before_it_but_is_not_drawn():
    snapshot = fused([seen(wall_at_x(7.0), 0)], config=MapConfig(size_m=20.0, range_m=5.0))
    assert cell(snapshot, 4.8, 0.0) == FREE
    assert not (snapshot.cells == OCCUPIED).any()


def test_a_cell_believed_occupied_for_long_is_free_again_within_a_second():
    """The clamp: however often a cell was seen occupied, ten views of free ground there suffice."""
    occupancy = OccupancyMap(SMALL)
    blocked, free = seen(wall_at_x(3.0), 0), seen(nothing, 0)
    for i in range(200):
        occupancy.update([blocked], i * PERIOD_NS)
    assert cell(occupancy.snapshot(200 * PERIOD_NS), 3.05, 0.0) == OCCUPIED
    for i in range(200, 210):
        occupancy.update([free], i * PERIOD_NS)
    assert cell(occupancy.snapshot(210 * PERIOD_NS), 3.05, 0.0) == FREE
    # And as quickly occupied again: free ground is not believed more than a few views' worth.
    for i in range(210, 213):
        occupancy.update([blocked], i * PERIOD_NS)
    assert cell(occupancy.snapshot(213 * PERIOD_NS), 3.05, 0.0) == OCCUPIED


def test_one_view_alone_is_not_enough_to_call_ground_free():
    assert not (fused([seen(wall_at_x(3.0), 0)], times=1).cells == FREE).any()


def test_a_camera_in_the_ground_is_refused_by_name():
    buried = mounted(height_m=-0.2)
    view = View('cam7', 0, pinhole(), buried, standing(), Perception(no_boxes()))
    with pytest.raises(CalibrationError, match='cam7'):
        OccupancyMap(SMALL).update([view], 0)


def test_a_camera_whose_geometry_changes_is_looked_at_anew():
    occupancy = OccupancyMap(SMALL)
    for i in range(5):
        occupancy.update([seen(wall_at_x(3.0), 0)], i * PERIOD_NS)
    turned = mounted(yaw_deg=180.0)
    behind = lambda points: points[:, 0] <= -3.0  # noqa: E731
    for i in range(5, 10):
        occupancy.update([seen(behind, 0, base_from_camera=turned)], i * PERIOD_NS)
    snapshot = occupancy.snapshot(10 * PERIOD_NS)
    assert cell(snapshot, 3.05, 0.0) == OCCUPIED
    assert cell(snapshot, -3.05, 0.0) == OCCUPIED


def test_a_snapshot_does_not_change_afterwards():
    occupancy = OccupancyMap(SMALL)
    for i in range(5):
        occupancy.update([seen(nothing, 0)], i * PERIOD_NS)
    snapshot = occupancy.snapshot(5 * PERIOD_NS)
    before = snapshot.cells.copy()
    for i in range(5, 15):
        occupancy.update([seen(wall_at_x(2.0), 0)], i * PERIOD_NS)
    assert (snapshot.cells == before).all()


def test_when_the_clock_goes_back_the_map_starts_anew():
    occupancy = OccupancyMap(SMALL)
    for i in range(50, 55):
        occupancy.update([seen(wall_at_x(3.0), i * PERIOD_NS)], i * PERIOD_NS)
    assert (occupancy.snapshot(55 * PERIOD_NS).cells == OCCUPIED).any()
    assert (occupancy.snapshot(0).cells == UNKNOWN).all()
