"""Average precision, on cases that were computed by hand, and general properties of the scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_infer_ros.errors import ConfigError
from stream_infer_ros.evaluation.detection_scores import (
    DetectionScores,
    average_precision,
    box_iou,
    greedy_match,
)
from stream_infer_ros.inference.detections import Detections

NAMES = ('car', 'cone')


def detections(boxes, scores, classes, contact=None):
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(classes, np.int32),
        NAMES,
        None if contact is None else np.array(contact, np.float32).reshape(-1, 2),
    )


def scored(said, boxes, classes, counted=None, contact=None):
    scores = DetectionScores(NAMES)
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    counted = np.ones(len(boxes), bool) if counted is None else np.array(counted, bool)
    scores.add(said, boxes, np.array(classes, np.int64), counted, contact)
    return scores.report()


def test_iou_of_known_boxes():
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 10, 20, 20], [3, 3, 3, 3]], np.float32)
    assert box_iou(a, b)[0] == pytest.approx([1.0, 1 / 3, 0.0, 0.0])


def test_a_better_scored_detection_takes_the_box_and_a_second_one_on_it_is_wrong():
    overlap = np.array([[0.9, 0.6], [0.8, 0.55], [0.95, 0.1]])
    assert greedy_match(overlap, 0.5).tolist() == [0, 1, -1]


def test_average_precision_by_hand():
    # Best first: right, wrong, right; two of four boxes found. Precision 1 up to recall 1/4, 2/3 up to 2/4.
    value = average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 4)
    assert value == pytest.approx(1 / 4 + 2 / 3 / 4)


def test_the_order_of_equal_images_and_of_detections_does_not_matter():
    boxes = [[0, 0, 10, 10], [30, 0, 40, 10]]
    one = scored(detections(boxes, [0.9, 0.2], [0, 1]), boxes, [0, 1])
    other = scored(detections(boxes[::-1], [0.2, 0.9], [1, 0]), boxes, [0, 1])
    assert one == other
    assert one.map50 == 1.0
    assert one.truths == {'car': 1, 'cone': 1}


def test_the_wrong_class_finds_nothing():
    report = scored(detections([[0, 0, 10, 10]], [0.9], [1]), [[0, 0, 10, 10]], [0])
    assert report.average_precision['car'] == 0.0
    assert np.isnan(report.average_precision['cone'])
    assert report.map50 == 0.0


def test_boxes_that_do_not_count_are_neither_wanted_nor_forbidden():
    boxes = [[0, 0, 10, 10], [50, 50, 60, 60]]
    said = detections(boxes, [0.5, 0.9], [0, 0])
    assert scored(said, boxes, [0, 1], counted=[True, False]).average_precision['car'] == 1.0
    # The same detection where there is nothing at all ranks first and is wrong.
    assert scored(said, boxes[:1], [0]).average_precision['car'] == pytest.approx(0.5)


def test_contact_errors_come_from_right_and_sure_detections_with_a_known_point():
    boxes = [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]]
    said = detections(boxes, [0.9, 0.8, 0.7, 0.1], [0] * 4, [[3, 4], [0, 0], [0, 0], [99, 99]])
    truth = np.array([[0, 0], [0, 1], [np.nan, np.nan], [0, 0]], np.float32)
    contact = scored(said, boxes, [0] * 4, contact=truth).contact
    assert contact.count == 2
    assert contact.median == pytest.approx(3.0)  # of 5 and 1
    assert contact.median_u == pytest.approx(1.5)
    assert contact.median_v == pytest.approx(2.5)


def test_nothing_said_and_nothing_there():
    empty = scored(Detections.empty(NAMES), np.zeros((0, 4)), [])
    assert np.isnan(empty.map50)
    assert empty.contact is None
    assert scored(Detections.empty(NAMES), [[0, 0, 9, 9]], [0]).map50 == 0.0


def test_a_threshold_out_of_range_is_refused():
    with pytest.raises(ConfigError, match=r'iou: expected a value in 0\.\.1, got 50'):
        DetectionScores(NAMES, iou=50)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 1), st.booleans()), min_size=1, max_size=30), st.integers(0, 5))
def test_precision_is_a_share_and_a_right_answer_on_top_never_hurts(outcomes, missed):
    scores, right = np.array([s for s, _ in outcomes]), np.array([r for _, r in outcomes])
    truths = int(right.sum()) + missed + 1
    value = average_precision(scores, right, truths)
    assert 0.0 <= value <= 1.0
    better = average_precision(np.append(scores, 2.0), np.append(right, True), truths)
    assert better >= value - 1e-12
