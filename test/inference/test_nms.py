"""Suppression against the definition, written out naively."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.inference.nms import nms


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union > 0.0 else 0.0


def naive(xyxy: np.ndarray, score: np.ndarray, class_id: np.ndarray, iou: float, top_k: int) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(score)), key=lambda i: (-score[i], i))[:top_k]:
        rivals = [other for other in kept if class_id[other] == class_id[index]]
        if all(overlap(xyxy[index], xyxy[other]) <= iou for other in rivals):
            kept.append(index)
    return kept


@given(
    st.integers(0, 60),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.1, 0.3, 0.55, 0.9, 1.0]),
    st.integers(1, 60),
)
def test_same_as_the_definition(count, seed, iou, top_k):
    rng = np.random.default_rng(seed)
    # Whole numbers on a small grid: many exact ties, touching edges and boxes without area.
    corner = rng.integers(0, 12, (count, 2))
    xyxy = np.concatenate([corner, corner + rng.integers(0, 8, (count, 2))], axis=1).astype(np.float32)
    score = (rng.integers(0, 6, count) / 5).astype(np.float32)
    class_id = rng.integers(0, 3, count).astype(np.int32)
    assert nms(xyxy, score, class_id, iou, top_k).tolist() == naive(xyxy, score, class_id, iou, top_k)


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_what_stays_is_sorted_and_suppressing_again_changes_nothing(count, seed):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 100, (count, 2))
    xyxy = np.concatenate([corner, corner + rng.uniform(1, 60, (count, 2))], axis=1).astype(np.float32)
    score = rng.random(count).astype(np.float32)
    class_id = rng.integers(0, 2, count).astype(np.int32)
    kept = nms(xyxy, score, class_id, 0.5)
    assert (np.diff(score[kept]) <= 0).all()
    again = nms(xyxy[kept], score[kept], class_id[kept], 0.5)
    assert again.tolist() == list(range(len(kept)))


def test_other_classes_are_not_touched():
    xyxy = np.array([[0, 0, 10, 10]] * 3, np.float32)
    score = np.array([0.9, 0.8, 0.7], np.float32)
    assert nms(xyxy, score, np.array([0, 1, 0], np.int32), 0.5).tolist() == [0, 1]


def test_of_equals_the_first_stays():
    xyxy = np.array([[0, 0, 10, 10]] * 3, np.float32)
    assert nms(xyxy, np.ones(3, np.float32), np.zeros(3, np.int32), 0.5).tolist() == [0]
