"""`python -m training.dataset`: write images of many worlds with their labels, and read them."""

from __future__ import annotations

import argparse
import time
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.labels import MAX_BOXES, Labels
from training.scenes import Picture, pictures

BOX_FIELDS = ('boxes', 'class_id', 'visibility', 'contact', 'distance_m')
PICTURE_FIELDS = ('column_row', 'column_obstacle', 'ground')


class Dataset:
    """The images in a folder written by `write`, in the order of the seeds of their worlds."""

    def __init__(self, folder: Path):
        seeds = sorted(int(path.name.split('.')[0]) for path in folder.glob('*.labels.npz'))
        if not seeds:
            raise SystemExit(f'expected images in {folder}, found none; run python -m training.dataset first')
        self._images = [np.load(_images_file(folder, seed), mmap_mode='r') for seed in seeds]
        self._labels = [_read(_labels_file(folder, seed)) for seed in seeds]
        self._places = [(world, k) for world, images in enumerate(self._images) for k in range(len(images))]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Picture:
        world, k = self._places[index]
        labels = self._labels[world]
        boxes = slice(0, int(labels['count'][k]))
        values = {name: labels[name][k, boxes] for name in BOX_FIELDS}
        values.update({name: labels[name][k] for name in PICTURE_FIELDS})
        return Picture(self._images[world][k], Labels(**values), int(labels['kind'][k]))


def write(folder: Path, seeds: range, pictures_per_world: int, processes: int) -> None:
    """Write two files per world. Existing files are skipped, so that an interrupted run can be continued."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [seed for seed in seeds if not _labels_file(folder, seed).exists()]
    with get_context('spawn').Pool(processes) as pool:
        for _ in pool.imap_unordered(partial(_write_world, folder, pictures_per_world), missing):
            pass


def _write_world(folder: Path, count: int, seed: int) -> None:
    cv2.setNumThreads(1)
    taken = list(pictures(seed, count))
    rows = [_row(picture) for picture in taken]
    np.save(_images_file(folder, seed), np.stack([picture.image for picture in taken]))
    partial_file = folder / f'{seed:07d}.partial.npz'
    np.savez(partial_file, **{name: np.stack([row[name] for row in rows]) for name in rows[0]})
    partial_file.replace(_labels_file(folder, seed))


def _read(path: Path) -> dict[str, NDArray]:
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _images_file(folder: Path, seed: int) -> Path:
    return folder / f'{seed:07d}.images.npy'


def _labels_file(folder: Path, seed: int) -> Path:
    return folder / f'{seed:07d}.labels.npz'


def _row(picture: Picture) -> dict[str, NDArray]:
    """Return the labels of one image, with boxes padded to MAX_BOXES."""
    labels = picture.labels
    row = {'kind': np.int8(picture.kind), 'count': np.int64(len(labels.boxes))}
    for name in BOX_FIELDS:
        values = getattr(labels, name)
        row[name] = np.zeros((MAX_BOXES, *values.shape[1:]), values.dtype)
        row[name][: len(values)] = values
    for name in PICTURE_FIELDS:
        row[name] = getattr(labels, name)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', type=Path, default=Path('training/out/train'))
    parser.add_argument('--first-seed', type=int, default=0, help='evaluation uses seeds from 900000 on')
    parser.add_argument('--worlds', type=int, default=800)
    parser.add_argument('--pictures', type=int, default=24, help='images of each world')
    parser.add_argument('--processes', type=int, default=2)
    options = parser.parse_args()
    started = time.perf_counter()
    seeds = range(options.first_seed, options.first_seed + options.worlds)
    write(options.out, seeds, options.pictures, options.processes)
    print(f'{options.out}: {len(Dataset(options.out))} images after {time.perf_counter() - started:.0f} s')


if __name__ == '__main__':
    main()
