"""Scans from free-space boundaries, as Nav2 and slam_toolbox read them."""

import numpy as np
import pytest
from mapping_scenes import (
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
from stream_infer_ros.inference.detections import FreeSpace, Perception
from stream_infer_ros.mapping import OccupancyMap, View


def scan_of(view, **config):
    return OccupancyMap(MapConfig(**config)).scan(view)


def bearings(scan):
    return scan.angle_min_rad + scan.angle_increment_rad * np.arange(len(scan.ranges_m))


@pytest.mark.parametrize('model', [pinhole(), distorted()], ids=['pinhole', 'distorted'])
@pytest.mark.parametrize('roll', [0.0, 6.0])
def test_a_wall_is_straight_in_the_scan(model, roll):
    camera = mounted(roll_deg=roll, x_m=0.25)
    # The robot stands away from the map's origin: the scan knows nothing of it.
    pose = standing(2.0, -1.0, 30.0)
    across = np.array([np.cos(np.radians(30.0)), np.sin(np.radians(30.0))])
    wall = lambda points: (points - (2.0, -1.0)) @ across >= 4.0  # noqa: E731
    scan = scan_of(seen(wall, 77, model=model, base_from_camera=camera, map_from_base=pose))
    assert (scan.stamp_ns, scan.frame_id) == (77, 'base_link')
    assert scan.ranges_m.dtype == np.float32
    assert len(scan.ranges_m) == 80
    x = scan.ranges_m * np.cos(bearings(scan))
    told = np.isfinite(scan.ranges_m)
    assert told.mean() > 0.85
    # A bearing's width at the steepest incidence, and a quarter row.
    assert np.abs(x[told] - 4.0).max() < 0.15
    assert np.median(np.abs(x[told] - 4.0)) < 0.04


def test_a_camera_that_looks_left_scans_to_the_left():
    scan = scan_of(seen(nothing, 0, base_from_camera=mounted(yaw_deg=120.0)))
    first, last = np.degrees(bearings(scan)[[0, -1]])
    assert (first + last) / 2 == pytest.approx(120.0, abs=0.01)
    # A camera that looks down sees a little more than its field of view to the sides of near ground.
    assert 75.0 < last - first < 85.0


def test_the_rear_camera_s_bearings_run_through_without_a_jump():
    scan = scan_of(seen(lambda p: p[:, 0] <= -3.0, 0, base_from_camera=mounted(yaw_deg=180.0)))
    x = scan.ranges_m * np.cos(bearings(scan))
    told = np.isfinite(x)
    assert told.sum() > 70
    assert np.abs(x[told] + 3.0).max() < 0.1


def test_a_post_is_as_near_as_it_is_and_the_rest_is_free():
    post = lambda p: np.hypot(p[:, 0] - 3.0, p[:, 1] - 1.0) < 0.2  # noqa: E731
    scan = scan_of(seen(post, 0))
    hit = np.isfinite(scan.ranges_m)
    # At the edges a bearing may lie beside all columns.
    assert np.isinf(scan.ranges_m[5:-5][~hit[5:-5]]).all()
    assert 5 <= hit.sum() <= 10
    assert np.degrees(bearings(scan)[hit]).mean() == pytest.approx(18.4, abs=1.0)
    assert scan.ranges_m[hit].min() == pytest.approx(np.hypot(3, 1) - 0.2, abs=0.05)


def test_beyond_the_range_is_free_and_silence_is_not_a_number():
    assert np.isinf(scan_of(seen(wall_at_x(7.0), 0), range_m=5.0).ranges_m[5:-5]).all()
    model = pinhole()
    rows = np.full(80, 330.0, np.float32)
    rows[:20] = np.nan
    confidence = np.ones(80, np.float32)
    confidence[60:] = 0.0
    u = free_space(model, rows).column_u
    told = Perception(no_boxes(), FreeSpace(u, rows, confidence))
    scan = scan_of(View('front', 0, model, mounted(), standing(), told))
    # Columns run from left to right, bearings from right to left.
    assert np.isnan(scan.ranges_m[[0, 10, 65, 79]]).all()
    assert np.isfinite(scan.ranges_m[25:55]).all()


def test_angles_are_the_same_from_scan_to_scan():
    occupancy = OccupancyMap(MapConfig())
    scans = [occupancy.scan(seen(obstacle, 0)) for obstacle in (nothing, wall_at_x(1.5), wall_at_x(6.0))]
    assert len({(s.angle_min_rad, s.angle_increment_rad, len(s.ranges_m)) for s in scans}) == 1


def test_a_model_without_free_space_has_no_scan():
    assert scan_of(seen(None, 0)) is None
