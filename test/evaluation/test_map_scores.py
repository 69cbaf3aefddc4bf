"""Scores of maps, on small grids counted by hand, and compared with a direct implementation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_infer_ros.errors import WorldError
from stream_infer_ros.evaluation.map_scores import MapScorer, MapScores
from stream_infer_ros.mapping import FREE, OCCUPIED, UNKNOWN, GridSnapshot

N = 100  # cells of 0.1 m: a yard of 10 m
NOTHING = np.zeros((N, N), bool)


def block(x0, x1, y0, y1):
    """Cells whose centres lie in a rectangle, metres."""
    grid = NOTHING.copy()
    rows, columns = (round((v + 5) * 10) for v in (y0, y1)), (round((v + 5) * 10) for v in (x0, x1))
    grid[slice(*rows), slice(*columns)] = True
    return grid


def snapshot(cells, x_m=-5.0, y_m=-5.0, resolution_m=0.1):
    return GridSnapshot(0, x_m, y_m, resolution_m, cells.astype(np.int8))


def perfect(obstacle, seen):
    cells = np.full((N, N), UNKNOWN)
    cells[seen] = FREE
    cells[obstacle] = OCCUPIED
    return cells


def scorer_at(obstacle, x=0.0, y=0.0, range_m=4.0):
    scorer = MapScorer(10.0, 0.1, range_m)
    scorer.see(obstacle, x, y)
    return scorer


WALL = block(2.0, 2.2, -3.0, 3.0)
WALKER = block(-2.2, -1.8, -0.2, 0.2)


def test_a_perfect_map_has_perfect_scores():
    scorer = scorer_at(WALL | WALKER)
    scores = scorer.score(snapshot(perfect(WALL | WALKER, scorer._seen)), WALL, WALKER)
    assert scores == MapScores(1.0, 1.0, pytest.approx(1.0), 1.0, 1.0, 0.0, 1.0, 1.0)


def test_nothing_known_is_no_recall_and_no_error():
    scores = scorer_at(WALL).score(snapshot(np.full((N, N), UNKNOWN)), WALL, NOTHING)
    assert scores.occupied_recall == scores.free_recall == scores.missed_as_free == 0.0
    assert scores.occupied_f1 == 0.0
    assert math.isnan(scores.occupied_precision)
    assert math.isnan(scores.free_precision)
    assert math.isnan(scores.moving_recall)


def test_obstacles_called_free_are_counted():
    scorer = scorer_at(WALL | WALKER)
    cells = perfect(WALL | WALKER, scorer._seen)
    cells[WALKER] = FREE
    scores = scorer.score(snapshot(cells), WALL, WALKER)
    assert scores.moving_recall == 0.0
    assert scores.moving_recall_in_view == 0.0
    assert scores.occupied_precision == 1.0
    # The rows of the walker's 4 x 4 cells that lie within 0.3 m of seen ground, over those and the wall's.
    assert 0.1 < scores.missed_as_free < 0.4
    assert scores.missed_as_free == pytest.approx(1.0 - scores.occupied_recall)
    assert scores.free_precision < 1.0


@pytest.mark.parametrize(('shift', 'right'), [(0, True), (2, True), (3, False)])
def test_the_tolerance_is_two_cells(shift, right):
    scorer = scorer_at(WALL)
    cells = np.full((N, N), UNKNOWN)
    front = block(2.0 - 0.1 * shift, 2.1 - 0.1 * shift, -1.0, 1.0)
    cells[front] = OCCUPIED
    scores = scorer.score(snapshot(cells), WALL, NOTHING)
    assert scores.occupied_precision == (1.0 if right else 0.0)


def test_what_no_sensor_could_know_is_not_scored():
    behind = block(3.0, 4.0, -0.5, 0.5)
    scorer = scorer_at(WALL | behind)
    cells = perfect(WALL, scorer._seen)
    cells[block(3.0, 4.0, -0.5, 0.5)] = FREE
    cells[block(4.2, 4.4, -0.5, 0.5)] = OCCUPIED
    scores = scorer.score(snapshot(cells), WALL | behind, NOTHING)
    assert scores.missed_as_free == 0.0
    assert scores.occupied_precision == 1.0
    assert scores.occupied_recall == 1.0


def test_a_mover_out_of_sight_counts_for_one_figure_only():
    scorer = MapScorer(10.0, 0.1, 4.0)
    scorer.see(NOTHING, 0.0, 0.0)
    curtain = block(-1.0, -0.8, -2.0, 2.0)
    scorer.see(curtain | WALKER, 0.0, 0.0)
    cells = perfect(curtain, scorer._seen)
    scores = scorer.score(snapshot(cells), curtain, WALKER)
    assert scores.moving_recall == 0.0
    assert math.isnan(scores.moving_recall_in_view)


def test_a_window_that_moved_is_aligned_and_what_it_left_is_not_scored():
    scorer = scorer_at(WALL | WALKER)
    cells = perfect(WALL | WALKER, scorer._seen)
    moved = np.full((N, N), UNKNOWN)
    moved[:, :50] = cells[:, 50:]
    scores = scorer.score(snapshot(moved, x_m=0.0), WALL, WALKER)
    assert scores.occupied_recall == scores.free_recall == 1.0
    assert math.isnan(scores.moving_recall)
    larger = np.full((N + 40, N + 60), UNKNOWN)
    larger[10 : N + 10, 20 : N + 20] = cells
    scores = scorer.score(snapshot(larger, x_m=-7.0, y_m=-6.0), WALL, WALKER)
    assert scores.occupied_f1 == pytest.approx(1.0)


def test_what_left_the_window_counts_again_only_once_it_was_seen_anew():
    scorer = scorer_at(WALL)
    whole = perfect(WALL, scorer._seen)
    away = np.full((N, N), UNKNOWN)
    away[:, :30] = whole[:, -30:]  # the window is 7 m farther to the left: the wall is outside
    scorer.score(snapshot(away, x_m=-12.0), WALL, NOTHING)
    forgotten = np.where(np.arange(N) < 30, whole, UNKNOWN)
    back = scorer.score(snapshot(forgotten), WALL, NOTHING)
    assert math.isnan(back.occupied_recall)
    assert back.free_recall == 1.0
    scorer.see(WALL, 0.0, 0.0)
    assert scorer.score(snapshot(forgotten), WALL, NOTHING).occupied_recall == 0.0


@pytest.mark.parametrize(('x_m', 'resolution_m'), [(-5.03, 0.1), (-5.0, 0.2)])
def test_cells_that_do_not_line_up_are_refused(x_m, resolution_m):
    cells = np.full((N, N), UNKNOWN)
    with pytest.raises(WorldError, match='resolution_m'):
        scorer_at(WALL).score(snapshot(cells, x_m=x_m, resolution_m=resolution_m), WALL, NOTHING)


def near(grid, radius):
    """Cells within a radius of a cell of the grid: OpenCV's 'ellipse' of that radius, cell by cell."""
    span = np.arange(-radius, radius + 1)
    grown = np.zeros_like(grid)
    for dy in span:
        reach = round(radius * math.sqrt(1 - (dy / radius) ** 2))
        for dx in range(-reach, reach + 1):
            shifted = np.zeros_like(grid)
            rows, columns = np.nonzero(grid)
            rows, columns = rows + dy, columns + dx
            ok = (rows >= 0) & (rows < N) & (columns >= 0) & (columns < N)
            shifted[rows[ok], columns[ok]] = True
            grown |= shifted
    return grown


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_scores_are_the_definition_on_random_maps(seed):
    rng = np.random.default_rng(seed)
    still, moving = NOTHING.copy(), NOTHING.copy()
    for grid in (still, still, still, moving, moving):
        row, column = rng.integers(0, 90, 2)
        grid[row : row + rng.integers(2, 9), column : column + rng.integers(2, 9)] = True
    moving &= ~still
    still[48:52, 48:52] = moving[48:52, 48:52] = False
    cells = rng.choice([UNKNOWN, FREE, OCCUPIED], (N, N), p=[0.3, 0.6, 0.1])
    scorer = scorer_at(still | moving)
    scores = scorer.score(snapshot(cells), still, moving)
    seen, occupied = scorer._seen, still | moving
    surface = occupied & near(seen, 3)
    region = seen | surface
    said = (cells == OCCUPIED) & ~(occupied & ~near(seen, 3)) & near(region, 2)
    near_said = near(cells == OCCUPIED, 2)
    precision = (said & near(occupied, 2)).sum() / max(said.sum(), 1)
    recall = (surface & near_said).sum() / surface.sum() if surface.any() else math.nan
    assert scores.occupied_precision == pytest.approx(precision)
    assert scores.occupied_recall == pytest.approx(recall, nan_ok=True)
    free = (cells == FREE) & region
    assert scores.free_precision == pytest.approx((free & seen & ~occupied).sum() / free.sum())
    if surface.any():
        missed = surface & (cells == FREE) & ~near_said
        assert scores.missed_as_free == pytest.approx(missed.sum() / surface.sum())


def test_rays_stop_at_the_first_obstacle_and_at_the_range():
    scorer = scorer_at(WALL, range_m=3.0)
    seen = scorer._seen
    assert seen[50, 69]
    assert not seen[50, 71:].any()
    assert seen[50, 21]
    assert not seen[50, :19].any()


def test_means_leave_out_what_a_run_did_not_have():
    one = MapScores(1.0, 0.5, 0.6, 1.0, 1.0, 0.0, math.nan, math.nan)
    other = MapScores(0.5, 0.5, 0.5, 1.0, 0.0, 0.2, 0.4, math.nan)
    mean = MapScores.mean([one, other])
    assert (mean.occupied_precision, mean.free_recall, mean.moving_recall) == (0.75, 0.5, 0.4)
    assert math.isnan(mean.moving_recall_in_view)
    assert math.isnan(MapScores.mean([]).occupied_f1)
