"""Cells that only silent cameras could see become unknown with time.

Cells outside all views are remembered.
"""

import numpy as np
import pytest
from mapping_scenes import PERIOD_NS, SECOND_NS, cell, mounted, nothing, seen, standing

from stream_infer_ros.config.tree import MapConfig
from stream_infer_ros.mapping import FREE, OCCUPIED, UNKNOWN, OccupancyMap

CAMERAS = {'front': mounted(0.0), 'left': mounted(60.0), 'back': mounted(180.0)}
AHEAD, OVERLAP, LEFT, BEHIND = (4.0, 0.0), (3.4, 2.0), (2.0, 3.46), (-4.0, 0.0)


def ring(points):
    """Obstacles 5 m around the origin."""
    return np.hypot(points[:, 0], points[:, 1]) >= 5.0


def run(occupancy, cameras, first, count, pose=None, obstacle=ring):
    for i in range(first, first + count):
        views = [
            seen(obstacle, i * PERIOD_NS, name, base_from_camera=CAMERAS[name], map_from_base=pose)
            for name in cameras
        ]
        occupancy.update(views, i * PERIOD_NS)
    return first + count


def values(occupancy, now_ns, *places):
    snapshot = occupancy.snapshot(now_ns)
    return [cell(snapshot, *place) for place in places]


def test_cells_only_a_silent_camera_could_see_turn_to_unknown_by_the_clock():
    occupancy = OccupancyMap(MapConfig(size_m=20.0, blind_after_s=2.0))
    i = run(occupancy, CAMERAS, 0, 6)
    assert values(occupancy, i * PERIOD_NS, AHEAD, OVERLAP, LEFT, BEHIND) == [FREE] * 4
    last_front_ns = 5 * PERIOD_NS
    i = run(occupancy, ('left', 'back'), i, 19)
    assert values(occupancy, last_front_ns + 2 * SECOND_NS - 1, AHEAD) == [FREE]
    assert values(occupancy, last_front_ns + 2 * SECOND_NS, AHEAD, OVERLAP, LEFT, BEHIND) == [
        UNKNOWN,
        FREE,
        FREE,
        FREE,
    ]


def test_when_no_camera_reports_any_more_the_snapshot_alone_forgets():
    occupancy = OccupancyMap(MapConfig(size_m=20.0, blind_after_s=1.5))
    i = run(occupancy, CAMERAS, 0, 6)
    last_ns = (i - 1) * PERIOD_NS
    assert (occupancy.snapshot(last_ns + 1_400_000_000).cells != UNKNOWN).any()
    assert (occupancy.snapshot(last_ns + 1_500_000_000).cells == UNKNOWN).all()
    i = run(occupancy, CAMERAS, i + 30, 6)
    assert values(occupancy, i * PERIOD_NS, AHEAD, LEFT, BEHIND) == [FREE] * 3


def test_a_blind_cell_is_never_free_even_where_an_object_was_seen():
    occupancy = OccupancyMap(MapConfig(size_m=20.0))
    for i in range(6):
        view = seen(nothing, i * PERIOD_NS, things=[('cone', 3.0, 0.0)])
        occupancy.update([view], i * PERIOD_NS)
    assert (occupancy.snapshot(10 * SECOND_NS).cells == UNKNOWN).all()


def test_what_lies_outside_every_view_keeps_its_memory():
    occupancy = OccupancyMap(MapConfig(size_m=30.0))
    i = run(occupancy, ('front',), 0, 6)
    away = standing(yaw_deg=180.0)
    i = run(occupancy, ('front',), i, 100, away)
    assert values(occupancy, i * PERIOD_NS, AHEAD, BEHIND, (5.05, 0.0)) == [FREE, FREE, OCCUPIED]
    # All cameras dead: what they looked at is unknown, what they did not look at is remembered.
    assert values(occupancy, i * PERIOD_NS + 60 * SECOND_NS, AHEAD, BEHIND) == [FREE, UNKNOWN]


def test_memory_outside_every_view_lasts_as_long_as_it_is_set_to():
    occupancy = OccupancyMap(MapConfig(size_m=30.0, memory_s=3.0))
    i = run(occupancy, ('front',), 0, 6)
    last_ahead_ns = (i - 1) * PERIOD_NS
    away = standing(yaw_deg=180.0)
    i = run(occupancy, ('front',), i, 20, away)
    assert values(occupancy, i * PERIOD_NS, AHEAD, BEHIND) == [FREE, FREE]
    i = run(occupancy, ('front',), i, 12, away)
    assert i * PERIOD_NS > last_ahead_ns + 3 * SECOND_NS
    assert values(occupancy, i * PERIOD_NS, AHEAD, BEHIND) == [UNKNOWN, FREE]
    # Looking that way again starts from nothing: what was forgotten does not come back.
    i = run(occupancy, ('front',), i, 1)
    assert values(occupancy, i * PERIOD_NS, AHEAD) == [UNKNOWN]


def test_memory_counts_while_ground_is_hidden_in_view():
    """In view but behind an obstacle is still in view."""
    occupancy = OccupancyMap(MapConfig(size_m=20.0, memory_s=1.0))
    i = run(occupancy, ('front',), 0, 6)
    i = run(occupancy, ('front',), i, 30, obstacle=lambda points: points[:, 0] > 2.0)
    assert values(occupancy, i * PERIOD_NS, AHEAD) == [FREE]


def test_a_newer_pose_decides_what_silent_cameras_should_be_seeing():
    occupancy = OccupancyMap(MapConfig(size_m=20.0))
    i = run(occupancy, ('front',), 0, 6)
    now_ns = (i + 50) * PERIOD_NS
    assert cell(occupancy.snapshot(now_ns), *AHEAD) == UNKNOWN
    turned = occupancy.snapshot(now_ns, standing(yaw_deg=180.0))
    assert cell(turned, *AHEAD) == FREE


@pytest.mark.parametrize('memory_s', [0.0, 5.0])
def test_an_empty_map_is_unknown(memory_s):
    snapshot = OccupancyMap(MapConfig(memory_s=memory_s)).snapshot(123)
    assert snapshot.stamp_ns == 123
    assert snapshot.cells.shape == (400, 400)
    assert snapshot.cells.dtype == np.int8
    assert (snapshot.cells == UNKNOWN).all()
