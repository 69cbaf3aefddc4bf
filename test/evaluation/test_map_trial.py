"""Drives through simulated worlds, and the scores of maps from them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from stream_infer_ros.config.tree import MapConfig
from stream_infer_ros.evaluation.map_drive import drive
from stream_infer_ros.evaluation.map_trial import (
    NETWORK_VARIANTS,
    TRUTH_VARIANTS,
    MapVariant,
    run_map_trials,
    score_drive,
)

SEED = 900001
SMALL_IMAGE = {'width': 160, 'height': 120}


@pytest.fixture(scope='module')
def short_drive():
    """Four seconds through a world, as a network without error would tell them."""
    moments = list(drive(SEED, 4.0))
    return [replace(moment, network=moment.truth) for moment in moments]


def test_a_drive_is_the_same_each_time_and_each_camera_has_its_own_moment():
    one, other = (list(drive(SEED, 0.3, **SMALL_IMAGE)) for _ in range(2))
    assert [m.now_ns for m in one] == [m.now_ns for m in other]
    for moment, again in zip(one, other, strict=True):
        assert (moment.still == again.still).all()
        assert (moment.moving == again.moving).all()
        stamps = [view.stamp_ns for view in moment.truth]
        assert len(set(stamps)) == 6
        assert max(stamps) - min(stamps) < 70_000_000
        assert moment.now_ns == max(stamps)
    assert len({view.camera for view in one[0].truth}) == 6


def test_pictures_do_not_change_when_they_are_taken():
    """With and without a network the same moments, so that their scores can be compared."""
    shapes = []

    def perceive(images):
        shapes.extend(image.shape for image in images)
        return [view.perception for view in blind.truth]

    (blind,) = drive(SEED, 0.1, **SMALL_IMAGE)
    (seen,) = drive(SEED, 0.1, perceive, **SMALL_IMAGE)
    assert [v.stamp_ns for v in seen.network] == [v.stamp_ns for v in blind.truth]
    assert shapes == [(120, 160, 3)] * 6


def test_truth_makes_a_good_map(short_drive):
    columns, both, boxes = score_drive(short_drive, TRUTH_VARIANTS)
    for scores in (columns, both):
        assert scores.occupied_precision > 0.85
        assert scores.occupied_recall > 0.8
        assert scores.free_precision > 0.98
        assert scores.missed_as_free < 0.08
    assert both.occupied_recall >= columns.occupied_recall
    # Detections alone say nothing of free ground.
    assert boxes.free_recall == 0.0
    assert math.isnan(boxes.free_precision)
    assert boxes.missed_as_free == 0.0
    assert 0.05 < boxes.occupied_recall < both.occupied_recall


def test_faults_cost_what_they_should(short_drive):
    full, _, _, dead, one_pitched, all_pitched = score_drive(short_drive, NETWORK_VARIANTS)
    assert dead.free_recall < full.free_recall - 0.02
    assert dead.missed_as_free <= full.missed_as_free + 0.01
    assert all_pitched.occupied_f1 < full.occupied_f1
    assert one_pitched.occupied_f1 > all_pitched.occupied_f1


def test_a_pitch_error_moves_far_ground_and_hardly_the_near():
    (moment,) = drive(SEED, 0.1)
    wrong = MapVariant('', 'truth', pitch_error_rad=math.radians(0.25)).views(moment)
    one = MapVariant('', 'truth', pitched=('cam0',), pitch_error_rad=math.radians(0.25)).views(moment)
    for view, right in zip(wrong, moment.truth, strict=True):
        turned = right.base_from_camera.rotation.T @ view.base_from_camera.rotation
        assert math.degrees(math.acos((np.trace(turned) - 1) / 2)) == pytest.approx(0.25, abs=1e-4)
        # About the camera's own x axis: it stays level.
        assert view.base_from_camera.rotation[:, 0] == pytest.approx(right.base_from_camera.rotation[:, 0])
    changed = [a.base_from_camera is not b.base_from_camera for a, b in zip(one, moment.truth, strict=True)]
    assert changed == [True, False, False, False, False, False]


def test_trials_give_a_row_for_each_variant_and_tell_of_their_progress():
    told = []
    results = run_map_trials([SEED, SEED + 1], 0.3, config=MapConfig(), progress=told.append, **SMALL_IMAGE)
    assert told == [SEED, SEED + 1]
    assert [result.name for result in results] == [variant.name for variant in TRUTH_VARIANTS]
    for result in results:
        assert len(result.by_seed) == 2
        recalls = [scores.occupied_recall for scores in result.by_seed]
        assert result.scores.occupied_recall == pytest.approx(np.mean(recalls))
