"""Ground truth against the rendered pixels and against the occupancy grid."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from stream_infer_ros.simulation import World, render, surround_rig, truth_boxes, truth_columns
from stream_infer_ros.simulation.rig import base_from_optical

MOMENTS = [(6, 0.0), (6, 21.0), (7, 13.0), (7, 40.0)]


@pytest.fixture(scope='module')
def worlds():
    return {6: World(6), 7: World(7)}


@pytest.fixture(scope='module')
def rig():
    return surround_rig(6, 320, 240)


def looks(worlds, rig):
    for seed, t_s in MOMENTS:
        state, odom_from_base = worlds[seed].at(t_s), worlds[seed].odom_from_base(t_s)
        for camera in rig:
            yield state, camera, odom_from_base


def test_boxes_hold_the_pixels_of_their_objects(worlds, rig):
    n = tight = 0
    for state, camera, odom_from_base in looks(worlds, rig):
        object_id = render(state, camera, odom_from_base).object_id
        boxes = truth_boxes(state, camera, odom_from_base, object_id)
        for xyxy, visibility, i in zip(boxes.xyxy, boxes.visibility, boxes.object_id, strict=True):
            rows, columns = np.nonzero(object_id == i)
            x0, y0, x1, y1 = xyxy
            assert columns.min() >= x0 - 1
            assert columns.max() <= x1 + 1
            assert rows.min() >= y0 - 1
            assert rows.max() <= y1 + 1
            n += 1
            if visibility == 1:
                seen = (columns.min(), rows.min(), columns.max(), rows.max())
                assert np.abs(np.array(seen) - xyxy).max() <= 1.5
                tight += 1
    assert n > 100
    assert tight > 40


def test_boxes_are_found_without_the_picture_at_hand(worlds, rig):
    state, camera, odom_from_base = next(looks(worlds, rig))
    object_id = render(state, camera, odom_from_base).object_id
    given, alone = (truth_boxes(state, camera, odom_from_base, ids) for ids in (object_id, None))
    assert np.array_equal(given.xyxy, alone.xyxy)
    assert np.array_equal(given.visibility, alone.visibility)


def test_walls_have_no_boxes_and_classes_are_the_objects(worlds, rig):
    for state, camera, odom_from_base in looks(worlds, rig):
        boxes = truth_boxes(state, camera, odom_from_base)
        for class_id, i in zip(boxes.class_id, boxes.object_id, strict=True):
            assert class_id == state.world.objects[i].body.class_id >= 0


def test_visibility_is_the_share_that_nothing_hides(worlds, rig):
    """Against the same scene with everything else taken away."""
    hidden = whole = 0
    for state, camera, odom_from_base in looks(worlds, rig):
        view = render(state, camera, odom_from_base)
        boxes = truth_boxes(state, camera, odom_from_base, view.object_id)
        for visibility, i in zip(boxes.visibility, boxes.object_id, strict=True):
            faces = state.faces
            own = faces.object_ids == i
            only = type(faces)(*(getattr(faces, name)[own] for name in faces.__slots__))
            alone = render(replace(state, faces=only), camera, odom_from_base).object_id
            expected = (view.object_id == i).sum() / (alone == i).sum()
            # Edges: a far object is a few dozen pixels.
            tolerance = 0.02 + 1.5 / math.sqrt((alone == i).sum())
            assert visibility == pytest.approx(expected, abs=tolerance)
            hidden += 0.05 < expected < 0.9
            whole += expected == 1
        if hidden >= 15:
            break
    assert hidden >= 15
    assert whole >= 15


def test_contacts_are_the_footprints_centres(worlds, rig):
    for state, camera, odom_from_base in looks(worlds, rig):
        boxes = truth_boxes(state, camera, odom_from_base)
        centre = np.column_stack([state.poses[boxes.object_id, :2], np.zeros(len(boxes))])
        camera_from_odom = (odom_from_base @ camera.base_from_camera).inverse()
        expected = camera.model.points_to_pixels(camera_from_odom.apply(centre).reshape(-1, 3))
        known = ~np.isnan(boxes.contact_uv[:, 0])
        assert boxes.contact_uv[known] == pytest.approx(expected[known], abs=1e-2, rel=1e-5)
        eye = (odom_from_base @ camera.base_from_camera).translation[:2]
        assert boxes.distance_m == pytest.approx(np.hypot(*(centre[:, :2] - eye).T), rel=1e-6)


def test_truncation_tells_how_much_lies_outside(worlds, rig):
    cut = whole = 0
    for state, camera, odom_from_base in looks(worlds, rig):
        boxes = truth_boxes(state, camera, odom_from_base)
        inside = (boxes.xyxy[:, :2] > 1).all(1) & (boxes.xyxy[:, 2:] < (318, 238)).all(1)
        assert (boxes.truncation[inside] < 1e-3).all()
        assert ((boxes.truncation >= 0) & (boxes.truncation <= 1)).all()
        cut += (boxes.truncation[~inside] > 0.05).sum()
        whole += inside.sum()
    assert cut > 5
    assert whole > 50


def march(occupied, resolution_m, lens, odom_from_camera, u, range_m):
    """Free-space rows (n,) of columns `u` the plain way: up each column in steps, every point looked up."""
    v = np.arange(239.5, 0, -0.05)
    rays = lens.pixels_to_rays(np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)) @ odom_from_camera.rotation.T
    below = rays[:, 2] < -1e-4
    eye = odom_from_camera.translation
    points = eye[:2] - rays[:, :2] * (eye[2] / np.where(below, rays[:, 2], -1))[:, None]
    near = below & (np.hypot(*(points - eye[:2]).T) <= range_m)
    cells = np.clip(((points + 20) / resolution_m).astype(int), 0, len(occupied) - 1)
    hit = near & (occupied[cells[:, 1], cells[:, 0]] > 0)
    stop = (hit | ~near).reshape(len(v), len(u)).argmax(0)
    return v[stop], hit.reshape(len(v), len(u))[stop, np.arange(len(u))]


@pytest.mark.parametrize(
    ('seed', 't_s', 'camera', 'roll'), [(6, 3.0, 0, 0.0), (7, 25.0, 2, 0.0), (7, 9.0, 4, 0.1)]
)
def test_columns_agree_with_a_march_over_the_grid(worlds, rig, seed, t_s, camera, roll):
    state, odom_from_base = worlds[seed].at(t_s), worlds[seed].odom_from_base(t_s)
    tilt = base_from_optical((0.2, 0.1, 0.9), math.radians(60 * camera), math.radians(12), roll)
    eye = replace(rig[camera], base_from_camera=tilt)
    rows, is_obstacle = truth_columns(state, eye, odom_from_base, n_columns=80, range_m=12.0)
    u = (np.arange(80) + 0.5) * 4 - 0.5
    still, moving = state.occupancy(0.02)
    v, hit = march(still | moving, 0.02, eye.model, odom_from_base @ tilt, u, 12.0)
    assert is_obstacle.any()
    reach, marched = (range_on_ground(eye, column_rows, u) for column_rows in (rows, v))
    # The grid is up to a cell wider than the footprints: edges seen at a slant and grazed corners show it.
    assert ((np.abs(reach - marched) < 0.06 + 0.01 * reach) & (hit == is_obstacle)).mean() >= 0.93
    assert np.median(np.abs(v - rows)) < 0.2


def range_on_ground(camera, rows, u):
    """Distance (n,) over the ground from the camera to what pixels (u, rows) show of it, metres."""
    rays = camera.model.pixels_to_rays(np.column_stack([u, rows])) @ camera.base_from_camera.rotation.T
    return -camera.base_from_camera.translation[2] / rays[:, 2] * np.hypot(rays[:, 0], rays[:, 1])


def rows_of(polygon, u):
    """Largest v of a convex polygon (k, 2) of pixels on each of the vertical lines `u`; -inf off it."""
    highest = np.full(len(u), -np.inf)
    for (u0, v0), (u1, v1) in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        share = (u - u0) / (u1 - u0) if u0 != u1 else np.full(len(u), np.nan)
        on_edge = (share >= 0) & (share <= 1)
        highest = np.where(on_edge, np.maximum(highest, v0 + share * (v1 - v0)), highest)
    return highest


def test_columns_are_the_nearest_of_all_footprints_as_opencv_projects_them(worlds, rig):
    equal = []
    for state, camera, odom_from_base in looks(worlds, rig):
        rows, _ = truth_columns(state, camera, odom_from_base, range_m=1000.0)
        u = (np.arange(80) + 0.5) * 4 - 0.5
        camera_from_odom = (odom_from_base @ camera.base_from_camera).inverse()
        rotation, _ = cv2.Rodrigues(camera_from_odom.rotation)
        nearest = np.full(80, -np.inf)
        for _, _, outline in state.footprints():
            points = np.column_stack([outline, np.zeros(len(outline))])
            depth = camera_from_odom.apply(points)[:, 2]
            if depth.min() < 0.1:  # cut by the image plane: OpenCV has no pixels for it
                continue
            uv, _ = cv2.projectPoints(points, rotation, camera_from_odom.translation, camera.model.k, None)
            nearest = np.maximum(nearest, rows_of(uv[:, 0], u))
        expected = np.minimum(nearest, 239.5)
        assert (rows >= expected - 1e-3).all()
        equal += (np.abs(rows - expected) < 1e-3).tolist()
    assert np.mean(equal) > 0.9  # the others end at a footprint that reaches behind the camera


def test_columns_find_near_and_far(worlds, rig):
    obstacles = []
    for state, camera, odom_from_base in looks(worlds, rig):
        rows, is_obstacle = truth_columns(state, camera, odom_from_base)
        assert rows.dtype == np.float32
        assert rows.shape == is_obstacle.shape == (80,)
        assert (rows <= 239.5).all()
        obstacles += is_obstacle.tolist()
        reach = range_on_ground(camera, rows, (np.arange(80) + 0.5) * 4 - 0.5)
        assert (reach[is_obstacle] < 15.01).all()
        assert reach[~is_obstacle] == pytest.approx(15.0, rel=1e-3)
    assert 0.2 < np.mean(obstacles) < 0.95


def test_a_footprint_under_the_camera_blocks_from_the_bottom_row(worlds, rig):
    state = worlds[6].at(0.0)
    i = int(np.flatnonzero(state.world.class_ids == 1)[0])
    x, y, yaw = state.poses[i]
    on_top = replace(rig[0], base_from_camera=base_from_optical((0, 0, 2.5), 0, math.pi / 2 - 0.01))
    odom_from_base = type(rig[0].base_from_camera).from_xyz_rpy((x, y, 0), (0, 0, yaw))
    rows, is_obstacle = truth_columns(state, on_top, odom_from_base)
    middle = slice(35, 45)
    assert (rows[middle] == 239.5).all()
    assert is_obstacle[middle].all()


def test_a_camera_that_looks_up_sees_no_ground(worlds, rig):
    up = replace(rig[0], base_from_camera=base_from_optical((0, 0, 0.9), 0, -1.2))
    rows, is_obstacle = truth_columns(worlds[6].at(0.0), up, worlds[6].odom_from_base(0.0))
    assert (rows == 239.5).all()
    assert not is_obstacle.any()


def test_under_a_car_the_boundary_is_its_footprint_not_its_sill(worlds, rig):
    """The picture shows ground under a car; the column ends where the car's outline begins."""
    below = 0
    for state, camera, odom_from_base in looks(worlds, rig):
        object_id = render(state, camera, odom_from_base).object_id
        rows, is_obstacle = truth_columns(state, camera, odom_from_base)
        for row, u in zip(rows[is_obstacle], ((np.arange(80) + 0.5) * 4 - 0.5)[is_obstacle], strict=True):
            column = object_id[: int(row) - 3, int(u)]
            above = column[column >= 0]
            is_car = len(above) and state.world.class_ids[above[-1]] == 1
            below += is_car and (object_id[int(row) - 2 : int(row), int(u)] == -2).all()
    assert below > 10
