"""Scores of columns, on cases that were computed by hand."""

import numpy as np
import pytest

from stream_infer_ros.evaluation.column_scores import ColumnScores


def test_only_columns_with_an_obstacle_are_scored():
    scores = ColumnScores()
    true_row = np.array([100.0, 100.0, 100.0, 100.0, 50.0])
    said_row = np.array([100.5, 99.0, 103.0, 110.0, 200.0])
    scores.add(said_row, true_row, np.array([True, True, True, True, False]))
    report = scores.report()
    assert report.columns == 4
    assert report.median == pytest.approx(2.0)  # of 0.5, 1, 3, 10
    assert report.mean == pytest.approx(14.5 / 4)
    assert report.bias == pytest.approx(1.75)  # of -1, 0.5, 3, 10
    assert (report.within_1, report.within_2, report.beyond_8) == (0.5, 0.5, 0.25)


def test_images_add_up():
    scores = ColumnScores()
    for error in (0.0, 4.0):
        scores.add(np.full(3, error), np.zeros(3), np.ones(3, bool))
    assert scores.report().columns == 6
    assert scores.report().within_2 == 0.5


def test_a_row_that_is_no_number_is_as_wrong_as_can_be():
    scores = ColumnScores()
    scores.add(np.array([np.nan, 1.0, 1.0]), np.ones(3), np.ones(3, bool))
    assert scores.report().within_2 == pytest.approx(2 / 3)
    assert scores.report().beyond_8 == pytest.approx(1 / 3)


def test_without_obstacles_there_is_nothing_to_report():
    scores = ColumnScores()
    scores.add(np.zeros(2), np.zeros(2), np.zeros(2, bool))
    assert scores.report() is None
