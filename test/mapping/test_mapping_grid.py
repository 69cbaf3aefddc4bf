"""The rolling window: cells that remain keep their value, new cells are empty."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.mapping.rolling_grid import RollingGrid

places = st.tuples(st.floats(-30.0, 30.0), st.floats(-30.0, 30.0))


def value_at(grid, x, y):
    rows, columns = grid.cells_of(np.array([[x, y]]))
    return grid.values[rows[0], columns[0]] if len(rows) else None


@given(start=places, end=places, point=places)
def test_a_cell_that_stays_in_the_window_keeps_its_value(start, end, point):
    grid = RollingGrid(6.0, 0.2)
    grid.recentre(*start)
    rows, columns = grid.cells_of(np.array([point]))
    grid.values[rows, columns] = 7.0
    written = len(rows) == 1
    grid.recentre(*end)
    value = value_at(grid, *point)
    if value is not None:
        assert value == (7.0 if written else 0.0)
    kept = written and value is not None
    assert np.count_nonzero(grid.values) == kept


@given(places)
def test_the_window_lies_around_the_base_in_whole_cells(place):
    grid = RollingGrid(6.0, 0.2)
    grid.recentre(*place)
    for corner, middle in zip(grid.origin_m, place, strict=True):
        assert abs(corner / 0.2 - round(corner / 0.2)) < 1e-6
        assert corner + 3.0 == pytest.approx(middle, abs=0.2001)


def test_a_jump_beyond_the_window_empties_it():
    grid = RollingGrid(4.0, 0.1)
    grid.values[:] = 1.0
    grid.recentre(100.0, 0.0)
    assert not grid.values.any()


def test_points_outside_have_no_cell():
    grid = RollingGrid(4.0, 0.1)
    rows, columns = grid.cells_of(np.array([[-2.01, 0.0], [1.99, -2.0], [0.0, 2.0]]))
    assert (rows.tolist(), columns.tolist()) == ([0], [39])
