"""Images and labels of a world, written to disk and read back."""

import numpy as np
import pytest

from training import COLUMNS, HEIGHT, ROWS, WIDTH
from training.dataset import BOX_FIELDS, PICTURE_FIELDS, Dataset, write
from training.scenes import ANY, RIG, pictures


@pytest.fixture(scope='module')
def taken():
    return list(pictures(900_600, 8))


def test_pictures_are_what_the_network_sees(taken):
    assert {picture.kind for picture in taken} == {RIG, ANY}
    for picture in taken:
        labels = picture.labels
        assert picture.image.shape == (HEIGHT, WIDTH, 3)
        assert picture.image.dtype == np.uint8
        assert labels.column_row.shape == (COLUMNS,)
        assert labels.ground.shape == (ROWS, COLUMNS)
        assert (labels.boxes >= -0.5).all()
        assert (labels.boxes[:, 2] <= WIDTH - 0.5).all()
        assert (labels.boxes[:, 3] <= HEIGHT - 0.5).all()


def test_ground_ends_where_the_columns_say(taken):
    """Above the boundary a footprint hides the ground, or range ends; right below it one sees ground."""
    agree = []
    for picture in taken:
        labels = picture.labels
        for column in np.flatnonzero(labels.column_obstacle & (labels.column_row < HEIGHT - 16)):
            row = int((labels.column_row[column] + 8) // 4)
            agree.append(labels.ground[row, column] > 127)
    assert np.mean(agree) > 0.9


def test_the_same_world_gives_the_same_pictures(taken):
    again = list(pictures(900_600, 3))
    for first, second in zip(taken, again, strict=False):
        assert (first.image == second.image).all()
        assert (first.labels.boxes == second.labels.boxes).all()


def test_to_disk_and_back_and_only_what_is_missing(tmp_path, taken):
    write(tmp_path, range(900_600, 900_601), 4, processes=1)
    dataset = Dataset(tmp_path)
    assert len(dataset) == 4
    for index, picture in enumerate(taken[:4]):
        stored = dataset[index]
        assert stored.kind == picture.kind
        assert (stored.image == picture.image).all()
        for name in (*BOX_FIELDS, *PICTURE_FIELDS):
            np.testing.assert_array_equal(getattr(stored.labels, name), getattr(picture.labels, name))
    written = (tmp_path / '0900600.images.npy').stat().st_mtime_ns
    write(tmp_path, range(900_600, 900_601), 4, processes=1)
    assert (tmp_path / '0900600.images.npy').stat().st_mtime_ns == written


def test_an_empty_folder_says_what_to_do(tmp_path):
    with pytest.raises(SystemExit, match=r'run python -m training\.dataset'):
        Dataset(tmp_path)
