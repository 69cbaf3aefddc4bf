"""Ignored parts of an image say nothing about the ground: no free space, no obstacles, no scan."""

from dataclasses import replace

import numpy as np
import pytest
from mapping_scenes import PERIOD_NS, cell, mounted, nothing, pinhole, seen, wall_at_x

from stream_infer_ros.cameras.image_mask import ImageMask
from stream_infer_ros.config import MapConfig
from stream_infer_ros.inference.masked_perception import masked
from stream_infer_ros.mapping import OccupancyMap
from stream_infer_ros.mapping.grid_snapshot import FREE, OCCUPIED, UNKNOWN

SMALL = MapConfig(size_m=24.0)


def mask_of(where):
    ignored = np.zeros((480, 640), bool)
    ignored[where] = True
    return ImageMask(ignored)


def ignoring(view, mask):
    return replace(view, perception=masked(view.perception, mask), mask=mask)


def fused(obstacle, mask, sets=4, things=()):
    occupancy = OccupancyMap(SMALL)
    for k in range(sets):
        view = seen(obstacle, k * PERIOD_NS, things=things)
        view = view if mask is None else ignoring(view, mask)
        occupancy.update([view], k * PERIOD_NS)
    return occupancy, view, occupancy.snapshot(sets * PERIOD_NS)


def pixel_of(x, y):
    """The image of points on the ground (map frame, the robot at its origin)."""
    points = np.stack([x, y, np.zeros(len(x))], axis=1)
    return pinhole().points_to_pixels(mounted().inverse().apply(points))


@pytest.mark.parametrize(
    'where', [np.s_[:, 200:300], np.s_[300:, :], np.s_[:330, :], np.s_[280:400, 250:640], np.s_[:, :]]
)
@pytest.mark.parametrize('obstacle', [nothing, wall_at_x(4.0)])
def test_ground_behind_ignored_pixels_stays_unknown_and_the_rest_is_as_without(where, obstacle):
    mask = mask_of(where)
    _, _, plain = fused(obstacle, None)
    _, _, some = fused(obstacle, mask)
    row, column = np.nonzero(some.cells != UNKNOWN)
    x = some.origin_x_m + (column + 0.5) * some.resolution_m
    y = some.origin_y_m + (row + 0.5) * some.resolution_m
    uv = pixel_of(x, y)
    # A cell near the camera covers several pixels. Its centre decides, up to a quarter of a cell.
    ignored = mask.ignores(uv[:, 0], uv[:, 1])
    shifted = [pixel_of(x + dx, y + dy) for dx in (-0.05, 0.05) for dy in (-0.05, 0.05)]
    surely = ignored & np.all([mask.ignores(s[:, 0], s[:, 1]) for s in shifted], axis=0)
    assert not surely.any()
    row, column = np.nonzero(plain.cells != UNKNOWN)
    x = plain.origin_x_m + (column + 0.5) * plain.resolution_m
    y = plain.origin_y_m + (row + 0.5) * plain.resolution_m
    used = np.all(
        [~mask.ignores(*pixel_of(x + dx, y + dy).T) for dx in (-0.1, 0.1) for dy in (-0.1, 0.1)], axis=0
    )
    same = some.cells[row[used], column[used]] == plain.cells[row[used], column[used]]
    # Only obstacles whose lower edge is ignored are lost.
    lost = plain.cells[row[used], column[used]][~same]
    assert not (lost == FREE).any()


def test_an_obstacle_whose_lower_edge_is_ignored_is_none():
    """The network sees the robot's own bumper: an obstacle that begins at the lower edge of the image."""
    bumper = lambda points: points[:, 0] < 1.6  # noqa: E731
    _, _, plain = fused(bumper, None)
    assert (plain.cells == OCCUPIED).any()
    occupancy, view, some = fused(bumper, mask_of(np.s_[330:, :]))
    assert not (some.cells == OCCUPIED).any()
    assert np.isnan(occupancy.scan(view).ranges_m).all()


def test_ground_above_an_ignored_bumper_is_free_up_to_the_wall():
    _, view, snapshot = fused(wall_at_x(4.0), mask_of(np.s_[400:, :]))
    assert cell(snapshot, 3.0, 0.0) == FREE
    assert cell(snapshot, 4.1, 0.0) == OCCUPIED
    near = pixel_of(np.array([1.0]), np.array([0.0]))[0]
    assert near[1] > 405
    assert cell(snapshot, 1.0, 0.0) == UNKNOWN
    assert view.mask.share == pytest.approx(1 / 6)


def test_ignored_columns_have_no_range_in_the_scan():
    occupancy, view, _ = fused(wall_at_x(4.0), mask_of(np.s_[:, :320]))
    ranges = occupancy.scan(view).ranges_m
    # Bearings run from right to left.
    half = len(ranges) // 2
    assert np.isfinite(ranges[3 : half - 2]).all()
    assert np.isnan(ranges[half + 2 :]).all()


def test_a_mask_that_changes_is_used_at_once():
    occupancy = OccupancyMap(SMALL)
    left, right = mask_of(np.s_[:, :320]), mask_of(np.s_[:, 320:])
    for k in range(4):
        occupancy.update([ignoring(seen(nothing, k * PERIOD_NS), left)], k * PERIOD_NS)
    before = occupancy.snapshot(4 * PERIOD_NS)
    assert (cell(before, 3.0, 1.0), cell(before, 3.0, -1.0)) == (UNKNOWN, FREE)
    for k in range(4, 8):
        occupancy.update([ignoring(seen(nothing, k * PERIOD_NS), right)], k * PERIOD_NS)
    after = occupancy.snapshot(8 * PERIOD_NS)
    assert (cell(after, 3.0, 1.0), cell(after, 3.0, -1.0)) == (FREE, FREE)


def test_objects_are_dropped_if_half_of_their_box_is_ignored():
    things = [('cone', 3.0, 0.0)]
    view = seen(nothing, 0, things=things)
    _, y0, x1, y1 = view.perception.detections.xyxy[0]
    lower = int(y0 + 0.7 * (y1 - y0)) + 1
    upper = int(y0 + 0.3 * (y1 - y0))
    assert len(masked(view.perception, mask_of(np.s_[lower:, :])).detections) == 1
    assert len(masked(view.perception, mask_of(np.s_[upper:, :])).detections) == 0
    beside = int(x1) + 2
    assert len(masked(view.perception, mask_of(np.s_[:, beside:])).detections) == 1
    occupancy, _, _ = fused(nothing, mask_of(np.s_[upper:, :]), things=things)
    assert occupancy.objects(3 * PERIOD_NS) == ()


def test_arrays_of_a_struct_stay_of_one_length():
    view = seen(nothing, 0, things=[('cone', 3.0, 0.0), ('car', 4.0, 1.0), ('box', 5.0, -1.5)])
    before = view.perception.detections
    assert len(before) == 3
    x = before.xyxy[:, 0]
    found = masked(view.perception, mask_of(np.s_[:, : int(sorted(x)[1]) - 3])).detections
    assert len(found) == len(found.xyxy) == len(found.class_id) == len(found.contact) < 3
