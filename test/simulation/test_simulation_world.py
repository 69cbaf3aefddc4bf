"""The yard: determinism, purity in time, room for everything, and the truth about who occupies what."""

import itertools
import math

import cv2
import numpy as np
import pytest

from stream_infer_ros.errors import WorldError
from stream_infer_ros.simulation import CLASS_NAMES, World
from stream_infer_ros.simulation.catalogue import WALL
from stream_infer_ros.simulation.polygons import gap

SEEDS = (1, 2, 3)
ROBOT_RADIUS_M = 0.35


@pytest.fixture(scope='module')
def worlds():
    return {seed: World(seed) for seed in SEEDS}


def test_a_seed_is_a_world(worlds):
    again = World(SEEDS[0])
    known = worlds[SEEDS[0]]
    assert np.array_equal(again.ground.fine, known.ground.fine)
    assert np.array_equal(again.at(3.0).faces.corners, known.at(3.0).faces.corners)
    assert np.array_equal(again.at(3.0).faces.colours, known.at(3.0).faces.colours)
    assert again.robot_pose(7.0) == known.robot_pose(7.0)
    other = worlds[SEEDS[1]]
    assert len(other.objects) != len(known.objects) or not np.array_equal(
        other.at(0).poses, known.at(0).poses
    )


def test_every_class_is_there(worlds):
    for world in worlds.values():
        assert set(world.class_ids.tolist()) == {WALL, *range(len(CLASS_NAMES))}


def test_a_state_depends_on_its_time_alone(worlds):
    world = worlds[1]
    first = world.at(12.3)
    kept = first.poses.copy(), first.faces.corners.copy(), first.outlines.copy()
    later = world.at(50.0)
    assert not np.array_equal(later.poses, kept[0])
    for now in (first, world.at(12.3)):
        assert np.array_equal(now.poses, kept[0])
        assert np.array_equal(now.faces.corners, kept[1])
        assert np.array_equal(now.outlines, kept[2])


def test_what_moves_moves_at_its_speed_and_nothing_else_moves(worlds):
    for world in worlds.values():
        before, after = world.at(20.0), world.at(20.1)
        gone = np.hypot(*(after.poses - before.poses)[:, :2].T)
        for i, thing in enumerate(world.objects):
            assert before.is_moving(i) == (thing.shuttle is not None)
            if thing.shuttle is None:
                assert gone[i] == 0
            else:
                # Less where it turned back in between.
                assert 0 < gone[i] <= 0.1 * thing.shuttle.speed_m_s + 1e-9
        assert (gone > 0).any()


def test_pedestrians_face_where_they_go_and_cars_reverse(worlds):
    turned = {0: set(), 1: set()}
    for world, t_s in itertools.product(worlds.values(), (0.0, 5.0, 10.0, 15.0)):
        before, after = world.at(t_s), world.at(t_s + 0.01)
        for i in np.flatnonzero([before.is_moving(i) for i in range(len(world.objects))]):
            (x, y, yaw), (x1, y1, later) = before.poses[i], after.poses[i]
            if later != yaw:
                continue  # just now at its end
            ahead = (x1 - x) * math.cos(yaw) + (y1 - y) * math.sin(yaw) > 0
            turned[world.class_ids[i]].add(bool(ahead))
    assert turned == {0: {True}, 1: {True, False}}


@pytest.mark.parametrize('t_s', [0.0, 7.7, 31.0])
def test_no_two_things_share_ground(worlds, t_s):
    for world in worlds.values():
        feet = [(c, outline, outline.mean(0)) for _, c, outline in world.at(t_s).footprints()]
        close = 0
        for (class_a, a, centre_a), (class_b, b, centre_b) in itertools.combinations(feet, 2):
            # Pieces of one wall touch. No footprint reaches 2.7 m from its centre.
            if not class_a == class_b == WALL and math.dist(centre_a, centre_b) < 5.5:
                assert gap(a, b) > 0.1
                close += 1
        assert close > 50


def test_footprints_are_convex_counter_clockwise_and_in_the_yard(worlds):
    for world in worlds.values():
        for _, class_id, outline in world.at(4.0).footprints():
            edge = np.roll(outline, -1, 0) - outline
            following = np.roll(edge, -1, 0)
            assert (edge[:, 0] * following[:, 1] - edge[:, 1] * following[:, 0] > 0).all()
            slack = 0.2 if class_id == WALL else 0.0
            assert np.abs(outline).max() <= world.size_m / 2 + slack


def test_the_robot_meets_nothing_on_its_way(worlds):
    for world in worlds.values():
        for t_s in np.arange(0.0, world.route.length_m, 0.5):
            x, y, _ = world.robot_pose(t_s)
            for _, _, outline in world.at(t_s).footprints():
                away = -cv2.pointPolygonTest(outline.astype(np.float32), (x, y), True)
                assert away > ROBOT_RADIUS_M


def test_the_way_is_closed_smooth_and_ahead(worlds):
    world = worlds[1]
    length = world.route.length_m
    assert world.robot_pose(length + 3.0) == pytest.approx(world.robot_pose(3.0))
    assert world.robot_pose(1.5, speed_m_s=2.0) == pytest.approx(world.robot_pose(3.0))
    steps = np.array([world.robot_pose(s) for s in np.arange(0, length, 0.05)])
    moved = np.diff(steps[:, :2], axis=0)
    assert np.hypot(*moved.T) == pytest.approx(0.05, rel=0.02)
    turn = np.diff(np.unwrap(steps[:, 2]))
    assert np.abs(turn).max() < 0.06  # at 1 m/s less than 1.2 rad/s
    heading = np.arctan2(moved[:, 1], moved[:, 0])
    off = (heading - steps[:-1, 2] + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(off).max() < 0.15


def test_odom_from_base_is_the_pose(worlds):
    x, y, yaw = worlds[2].robot_pose(9.0)
    odom_from_base = worlds[2].odom_from_base(9.0)
    assert odom_from_base.translation == pytest.approx([x, y, 0])
    ahead = odom_from_base.apply([[1.0, 0.0, 0.0]])[0]
    assert ahead == pytest.approx([x + math.cos(yaw), y + math.sin(yaw), 0])


def test_occupancy_agrees_with_the_footprints(worlds):
    state = worlds[3].at(13.0)
    resolution = 0.1
    still, moving = state.occupancy(resolution)
    assert still.shape == moving.shape == (400, 400)
    assert moving.any()
    centre = (np.arange(400) + 0.5) * resolution - 20
    reach = np.full(still.shape, np.inf)
    by_motion = {True: reach.copy(), False: reach.copy()}
    for i, _, outline in state.footprints():
        low = np.clip(((outline.min(0) + 20) / resolution).astype(int) - 3, 0, 399)
        high = np.clip(((outline.max(0) + 20) / resolution).astype(int) + 4, 0, 400)
        grid = by_motion[state.is_moving(i)]
        for row, column in itertools.product(range(low[1], high[1]), range(low[0], high[0])):
            point = (float(centre[column]), float(centre[row]))
            away = -cv2.pointPolygonTest(outline.astype(np.float32), point, True)
            grid[row, column] = min(grid[row, column], away)
    for occupied, away in ((still, by_motion[False]), (moving, by_motion[True])):
        assert occupied[away < 0].all()  # centres within a footprint
        assert (away[occupied > 0] < 0.8 * resolution).all()  # and no others but along its edge


def test_occupancy_hands_out_grids_of_its_own(worlds):
    state = worlds[1].at(0.0)
    first, _ = state.occupancy(0.2)
    first[:] = 7
    assert state.occupancy(0.2)[0].max() == 1


@pytest.mark.parametrize(('seed', 'size_m'), [(-1, 40.0), (0, 5.0), (0, math.nan)])
def test_impossible_worlds_are_refused(seed, size_m):
    with pytest.raises(WorldError, match='expected'):
        World(seed, size_m)


def test_impossible_cells_are_refused(worlds):
    for resolution_m in (0.0, 2.0, math.nan):
        with pytest.raises(WorldError, match='cells'):
            worlds[1].at(0.0).occupancy(resolution_m)
