"""The targets of the network, compared with the labels that they are made from."""

import numpy as np
import pytest

from training import COLUMNS, ROWS, STRIDE, WIDTH
from training.labels import Labels
from training.targets import column_targets, object_targets


def labels(boxes, classes, visibility=None, contact=None):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    n = len(boxes)
    return Labels(
        boxes,
        np.array(classes, np.int64),
        np.ones(n, np.float32) if visibility is None else np.array(visibility, np.float32),
        np.full((n, 2), 100, np.float32) if contact is None else np.array(contact, np.float32),
        np.full(n, 5, np.float32),
        np.linspace(120, 200, COLUMNS, dtype=np.float32),
        np.ones(COLUMNS, bool),
        np.zeros((ROWS, COLUMNS), np.uint8),
    )


def test_the_peak_lies_at_the_place_nearest_to_the_centre():
    target = object_targets(labels([[80, 40, 121, 101]], [2]))
    row, column = np.unravel_index(target.heat[2].argmax(), (ROWS, COLUMNS))
    assert target.heat[2].max() == 1.0
    assert column * STRIDE + 1.5 == pytest.approx(100.5, abs=2)
    assert row * STRIDE + 1.5 == pytest.approx(70.5, abs=2)
    assert target.heat[[0, 1, 3]].max() == 0.0


def test_every_box_has_places_that_carry_it_and_add_up_to_the_logarithm_of_its_area():
    boxes = [[10, 10, 20, 20], [100, 100, 180, 160], [300, 200, 319, 239]]
    target = object_targets(labels(boxes, [0, 1, 2]))
    for box in np.array(boxes, np.float32):
        mine = (target.box == box).all(1)
        assert mine.any()
        assert target.weight[mine].sum() == pytest.approx(
            np.log((box[2] - box[0]) * (box[3] - box[1])), rel=1e-5
        )


def test_where_two_cores_meet_the_smaller_box_owns_the_place():
    target = object_targets(labels([[0, 0, 200, 200], [90, 90, 110, 110]], [1, 0]))
    centre = (100 // STRIDE) * COLUMNS + 100 // STRIDE
    owner = target.box[target.place == centre]
    assert owner.tolist() == [[90, 90, 110, 110]]


def test_hard_boxes_ask_for_nothing_and_are_not_judged():
    target = object_targets(labels([[40, 40, 80, 80]], [0], visibility=[0.1]))
    assert target.heat.max() == 0.0
    assert len(target.place) == 0
    assert target.judged[15, 15] == 0.0
    assert target.judged[0, 0] == 1.0


def test_contact_points_beyond_reach_are_left_out():
    target = object_targets(
        labels([[0, 0, 40, 40], [60, 0, 99, 40]], [0, 0], contact=[[-5000, 10], [70, 41]])
    )
    first = target.box[:, 0] == 0
    assert np.isnan(target.contact[first]).all()
    assert (target.contact[~first] == [70, 41]).all()


def test_a_mirrored_picture_asks_for_the_mirrored_thing():
    original = labels([[80, 40, 121, 101], [200, 100, 240, 180]], [2, 0], contact=[[100, 110], [220, 190]])
    mirrored = original.mirrored()
    assert mirrored.boxes[0].tolist() == [WIDTH - 1 - 121, 40, WIDTH - 1 - 80, 101]
    assert mirrored.contact[1].tolist() == [WIDTH - 1 - 220, 190]
    heat = object_targets(original).heat
    assert object_targets(mirrored).heat[:, :, ::-1].sum() == pytest.approx(heat.sum(), rel=0.05)
    again = mirrored.mirrored()
    assert (again.boxes == original.boxes).all()
    assert (again.column_row == original.column_row).all()


def test_column_targets_are_distributions_with_the_row_as_their_mean():
    rows = np.linspace(2, 236, COLUMNS, dtype=np.float32)
    target = column_targets(rows)
    centres = np.arange(ROWS) * STRIDE + (STRIDE - 1) / 2
    assert target.sum(0) == pytest.approx(np.ones(COLUMNS))
    assert centres @ target == pytest.approx(rows, abs=1e-3)
