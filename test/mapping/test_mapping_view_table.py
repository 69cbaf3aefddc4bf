"""The table from places on the ground to image columns."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_scenes import distorted, mounted, pinhole, standing

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.mapping.rolling_grid import RollingGrid
from stream_infer_ros.mapping.view_table import ViewTable

RANGE_M, RESOLUTION_M = 6.0, 0.1


def fisheye() -> CameraModel:
    """220 degrees: sees what lies behind its image plane."""
    k = np.array([[170.0, 0.0, 319.5], [0.0, 170.0, 319.5], [0.0, 0.0, 1.0]])
    p = np.column_stack([k, np.zeros(3)])
    return CameraModel(640, 640, 'equidistant', np.zeros(4), k, np.eye(3), p)


LENSES = [pinhole(), distorted(), fisheye()]


@settings(max_examples=40, deadline=None)
@given(
    model=st.sampled_from(LENSES),
    yaw=st.floats(-180.0, 180.0),
    pitch=st.floats(0.0, 60.0),
    roll=st.floats(-15.0, 15.0),
    height=st.floats(0.3, 4.0),
    seed=st.integers(0, 1000),
)
def test_a_place_is_looked_up_as_it_projects(model, yaw, pitch, roll, height, seed):
    camera = mounted(yaw, pitch, roll, height, x_m=0.4, y_m=-0.3)
    table = ViewTable('cam0', model, camera, RANGE_M, RESOLUTION_M)
    rng = np.random.default_rng(seed)
    # Centres of the table's entries, half as large as the map's cells.
    steps = rng.integers(-110, 110, (200, 2)) + 0.5
    places = steps * RESOLUTION_M / 2 + (0.4, -0.3)
    points = np.column_stack([places, np.zeros(len(places))])
    uv = model.points_to_pixels(camera.inverse().apply(points))
    for (x, y), (u, v) in zip(places.tolist(), uv.tolist(), strict=True):
        distance = math.hypot(x - 0.4, y + 0.3)
        shown = distance <= RANGE_M and -0.5 <= u < model.image_width - 0.5
        shown = shown and -0.5 <= v < model.image_height - 0.5
        column, range_m = table.look_up(x, y)
        assert (column >= 0) == shown
        if shown:
            assert column == pytest.approx(u, abs=0.501)
            assert range_m == pytest.approx(distance)


@settings(max_examples=40, deadline=None)
@given(
    roll=st.sampled_from([0.0, -12.0, 7.0]),
    pitch=st.sampled_from([0.0, 9.0]),
    yaw=st.floats(-180.0, 180.0),
    x_m=st.floats(-3.0, 3.0),
)
def test_a_window_knows_how_far_its_cells_are_in_the_plane_of_the_base(roll, pitch, yaw, x_m):
    table = ViewTable('cam0', LENSES[0], mounted(20.0, 25.0, 5.0, 1.0, x_m=0.4), RANGE_M, RESOLUTION_M)
    base = RigidTransform.from_xyz_rpy((x_m, 0.7, 0.0), np.radians([roll, pitch, yaw]))
    window = table.window(RollingGrid(20.0, RESOLUTION_M), base)
    rows, columns = np.meshgrid(
        np.arange(window.rows.start, window.rows.stop),
        np.arange(window.columns.start, window.columns.stop),
        indexing='ij',
    )
    in_map = (np.stack([columns, rows], axis=-1) + 0.5) * RESOLUTION_M - 10.0
    in_base = (in_map - base.translation[:2]) @ np.linalg.inv(base.rotation[:2, :2]).T
    expected = np.hypot(*np.moveaxis(in_base - (0.4, 0.0), -1, 0))
    np.testing.assert_allclose(np.sqrt(window.square_m2), expected, atol=1e-3)


def test_a_window_is_computed_again_when_the_base_or_the_grid_moves():
    table = ViewTable('cam0', LENSES[0], mounted(20.0, 25.0, 5.0, 1.0), RANGE_M, RESOLUTION_M)
    grid, base = RollingGrid(20.0, RESOLUTION_M), standing(0.0, 0.0, 0.0)
    first = table.window(grid, base)
    assert table.window(grid, base) is first
    grid.recentre(1.0, 0.0)
    assert table.window(grid, base).columns.start == first.columns.start - 10
    assert table.window(grid, standing(1.0, 0.0, 0.0)).columns == first.columns


@pytest.mark.parametrize('model', LENSES, ids=['pinhole', 'distorted', 'fisheye'])
@pytest.mark.parametrize('yaw', [0.0, 30.0, 135.0])
def test_the_window_on_a_grid_holds_all_that_is_in_view(model, yaw):
    camera = mounted(20.0, 25.0, 5.0, 1.0, x_m=0.4)
    table = ViewTable('cam0', model, camera, RANGE_M, RESOLUTION_M)
    grid = RollingGrid(20.0, RESOLUTION_M)
    base = standing(0.37, -0.81, yaw)
    window = table.window(grid, base)
    seen = np.zeros((grid.size, grid.size), bool)
    seen[window.rows, window.columns] = window.pixel > 0
    along = (np.arange(grid.size) + 0.5) * RESOLUTION_M - 10.0
    x, y = np.meshgrid(along, along)
    points = base.inverse().apply(np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3))
    uv = model.points_to_pixels(camera.inverse().apply(points))
    within = np.hypot(points[:, 0] - 0.4, points[:, 1]) <= RANGE_M
    within &= (uv >= -0.5).all(1) & (uv < (model.image_width - 0.5, model.image_height - 0.5)).all(1)
    within = within.reshape(seen.shape)
    assert within.sum() > 500
    # The table's nearest entry stands for a cell: they may differ along the view's edge.
    differ = np.argwhere(seen != within)
    assert len(differ) < 0.08 * within.sum()
    for row, column in differ.tolist():
        around = within[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
        assert 0 < around.sum() < around.size
