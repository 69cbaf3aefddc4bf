"""Pictures become a batch, without a copy if they lie one behind the other."""

import numpy as np
import pytest

from stream_infer_ros.inference.engines.base_engine import as_batch

PICTURES = np.arange(5 * 4 * 6 * 3, dtype=np.uint8).reshape(5, 4, 6, 3)


@pytest.mark.parametrize('indices', [[0], [4], [0, 1], [1, 2, 3], [0, 1, 2, 3, 4]])
def test_adjacent_pictures_are_not_copied(indices):
    batch = as_batch([PICTURES[index] for index in indices])
    np.testing.assert_array_equal(batch, PICTURES[indices])
    assert np.shares_memory(batch, PICTURES)


@pytest.mark.parametrize('indices', [[0, 2], [1, 0], [2, 2], [0, 1, 3]])
def test_other_pictures_are_copied(indices):
    batch = as_batch([PICTURES[index] for index in indices])
    np.testing.assert_array_equal(batch, PICTURES[indices])
    assert not np.shares_memory(batch, PICTURES)


def test_pictures_of_several_arrays_are_copied():
    apart = [PICTURES[0], PICTURES[1].copy(), np.frombuffer(bytes(72), np.uint8).reshape(4, 6, 3)]
    np.testing.assert_array_equal(as_batch(apart), np.stack(apart))


def test_pictures_that_are_not_contiguous_are_copied():
    mirrored = [picture[:, ::-1] for picture in PICTURES[:2]]
    np.testing.assert_array_equal(as_batch(mirrored), np.stack(mirrored))
    turned = np.asfortranarray(PICTURES)
    np.testing.assert_array_equal(as_batch(list(turned)), PICTURES)
