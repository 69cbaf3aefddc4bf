"""Projection of pixels to the ground and back, for all lens models and mountings."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mapping_scenes import column_centres, distorted, mounted, pinhole

from stream_infer_ros.errors import CalibrationError, ModelError
from stream_infer_ros.mapping.column_ranges import HORIZON_M, ColumnRanges
from stream_infer_ros.mapping.ground import (
    check_above_ground,
    inverse_2x2,
    inverse_ground_range,
    metres_per_row,
    pixels_to_ground,
    rays_in_base,
)

angles = st.floats(-20.0, 20.0)
lenses = st.sampled_from([pinhole(), distorted()])


@settings(max_examples=60, deadline=None)
@given(
    model=lenses,
    yaw=st.floats(-180.0, 180.0),
    pitch=st.floats(0.0, 45.0),
    roll=angles,
    height=st.floats(0.3, 4.0),
    bearing=st.floats(-25.0, 25.0),
    distance=st.floats(0.8, 15.0),
)
def test_a_ground_point_projected_into_the_image_comes_back(
    model, yaw, pitch, roll, height, bearing, distance
):
    camera = mounted(yaw, pitch, roll, height, x_m=0.3, y_m=-0.2)
    angle = np.radians(yaw + bearing)
    point = np.array([[0.3 + distance * np.cos(angle), -0.2 + distance * np.sin(angle), 0.0]])
    uv = model.points_to_pixels(camera.inverse().apply(point))
    inside = (uv >= 0).all() and (uv < (model.image_width, model.image_height)).all()
    assume(inside)
    assert pixels_to_ground(model, camera, uv)[0] == pytest.approx(point[0, :2], abs=1e-5)
    assert inverse_ground_range(rays_in_base(model, camera, uv), height)[0] == pytest.approx(
        1 / distance, abs=1e-6
    )


def test_rays_above_the_horizon_meet_no_ground():
    model, camera = pinhole(), mounted(pitch_deg=0.0)
    uv = np.array([[320.0, 100.0], [320.0, 239.5], [320.0, 400.0]])
    points = pixels_to_ground(model, camera, uv)
    assert np.isnan(points[:2]).all()
    assert np.isfinite(points[2]).all()
    assert inverse_ground_range(rays_in_base(model, camera, uv), camera.translation[2])[0] < 0


def test_a_row_spans_more_ground_the_farther_it_looks():
    model, camera = pinhole(), mounted(pitch_deg=5.0, height_m=1.2)
    focal = float(model.k[1, 1])
    for row in (280.0, 320.0, 440.0):
        pixels = [[319.5, row + 0.05], [319.5, row - 0.05]]
        near, far = np.hypot(*pixels_to_ground(model, camera, pixels).T)
        flat = metres_per_row((near + far) / 2, focal, 1.2)
        # The formula is that of a level camera; five degrees down make the ground lines a little steeper.
        assert (far - near) / 0.1 == pytest.approx(float(flat), rel=0.12)


@pytest.mark.parametrize('model', [pinhole(), distorted(), pinhole(100.0, 1920, 1080)])
@pytest.mark.parametrize('roll', [0.0, 7.0])
def test_the_table_of_columns_agrees_with_the_rays(model, roll):
    camera = mounted(30.0, 12.0, roll, 0.9, x_m=0.25)
    columns = ColumnRanges(model, camera, column_centres(model))
    rng = np.random.default_rng(1)
    for _ in range(20):
        rows = rng.uniform(0, model.image_height - 1, len(columns))
        points = pixels_to_ground(model, camera, np.stack([columns.column_u, rows], axis=-1))
        offset = points - camera.translation[:2]
        exact = np.hypot(*offset.T)
        within = exact < 8.0
        assert within.any()
        assert columns.range_m(rows)[within] == pytest.approx(exact[within], abs=2e-3)
        direction = offset[within] / exact[within, None]
        assert columns.direction(rows)[within] == pytest.approx(direction, abs=2e-3)


def test_the_horizon_is_far_and_rows_beyond_the_image_count_as_its_edge():
    model, camera = pinhole(), mounted()
    columns = ColumnRanges(model, camera, column_centres(model))
    assert (columns.range_m(np.full(80, 3.0)) == HORIZON_M).all()
    assert (columns.range_m(np.full(80, -50.0)) == HORIZON_M).all()
    bottom = columns.range_m(np.full(80, model.image_height - 0.5))
    assert columns.range_m(np.full(80, 10_000.0)) == pytest.approx(bottom, abs=1e-3)


@pytest.mark.parametrize(
    'column_u', [[], [3.5, np.nan, 11.5], [11.5, 7.5, 3.5], [3.5, 7.5, 20.0], [3.5, 3.5, 3.5]]
)
def test_columns_that_are_not_evenly_spaced_are_refused(column_u):
    with pytest.raises(ModelError, match='columns'):
        ColumnRanges(pinhole(), mounted(), np.array(column_u, np.float32))


@pytest.mark.parametrize('height_m', [0.0, -1.0, np.nan])
def test_a_camera_in_the_ground_is_refused(height_m):
    with pytest.raises(CalibrationError, match=r'front.*above the ground'):
        check_above_ground('front', mounted(height_m=height_m))


@given(st.floats(-4.0, 4.0), st.floats(0.5, 2.0))
def test_inverse_2x2(angle, scale):
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert inverse_2x2(matrix) @ matrix == pytest.approx(np.eye(2), abs=1e-12)
