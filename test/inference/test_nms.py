"""Non-maximum suppression against its definition, written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.inference.decoders.box_selection import non_maximum_suppression


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def definition(xyxy: np.ndarray, score: np.ndarray, class_id: np.ndarray, iou: float, most: int) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(score)), key=lambda i: (-score[i], i))[:most]:
        rivals = [other for other in kept if class_id[other] == class_id[index]]
        if all(overlap(xyxy[index], xyxy[other]) <= iou for other in rivals):
            kept.append(index)
    return kept


@given(
    st.integers(0, 60),
    st.integers(0, 2**32 - 1),
    # No overlap of boxes on the grid is exactly one of these, except for 1: nothing is above that.
    st.sampled_from([0.1017, 0.3011, 0.5503, 0.9003, 1.0]),
    st.integers(1, 60),
    st.sampled_from([0, 6, 1000]),
)
def test_same_as_the_definition(count, seed, iou, most, left_of_the_picture):
    rng = np.random.default_rng(seed)
    # Whole numbers on a small grid, also left of and above the picture: many equal scores and touching edges.
    corner = rng.integers(0, 12, (count, 2)) - left_of_the_picture
    xyxy = np.concatenate([corner, corner + rng.integers(1, 8, (count, 2))], axis=1).astype(np.float32)
    score = (rng.integers(1, 6, count) / 5).astype(np.float32)
    class_id = rng.integers(0, 3, count).astype(np.int32)
    kept = non_maximum_suppression(xyxy, score, class_id, iou, most)
    assert kept.tolist() == definition(xyxy, score, class_id, iou, most)


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_kept_boxes_are_sorted_and_suppressing_again_changes_nothing(count, seed):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 100, (count, 2))
    xyxy = np.concatenate([corner, corner + rng.uniform(1, 60, (count, 2))], axis=1).astype(np.float32)
    score = rng.uniform(0.01, 1.0, count).astype(np.float32)
    class_id = rng.integers(0, 2, count).astype(np.int32)
    kept = non_maximum_suppression(xyxy, score, class_id, 0.5)
    assert (np.diff(score[kept]) <= 0).all()
    again = non_maximum_suppression(xyxy[kept], score[kept], class_id[kept], 0.5)
    assert again.tolist() == list(range(len(kept)))


def test_boxes_of_other_classes_are_not_suppressed():
    xyxy = np.array([[0, 0, 10, 10]] * 3, np.float32)
    score = np.array([0.9, 0.8, 0.7], np.float32)
    assert non_maximum_suppression(xyxy, score, np.array([0, 1, 0], np.int32), 0.5).tolist() == [0, 1]


def test_of_equal_boxes_the_first_is_kept():
    xyxy = np.array([[0, 0, 10, 10]] * 3, np.float32)
    kept = non_maximum_suppression(xyxy, np.ones(3, np.float32), np.zeros(3, np.int32), 0.5)
    assert kept.tolist() == [0]


@pytest.mark.parametrize('box', [(5, 5, 5, 5), (9, 9, 1, 1), (8, 2, 2, 8)])
def test_a_box_without_area_suppresses_no_other(box):
    xyxy = np.array([box, (0, 0, 10, 10)], np.float32)
    score = np.array([0.9, 0.8], np.float32)
    assert 1 in non_maximum_suppression(xyxy, score, np.zeros(2, np.int32), 0.5)
