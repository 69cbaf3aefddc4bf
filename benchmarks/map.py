"""Cost of the map: six cameras into 400 x 400 cells, beside a copy of the grid and a plain numpy way.

    python benchmarks/map.py [--rounds 200]

Times are CPU time of this process, one thread, so that a busy machine does not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np

from stream_infer_ros.config.tree import MapConfig
from stream_infer_ros.evaluation.map_drive import drive
from stream_infer_ros.mapping import OccupancyMap, View
from stream_infer_ros.mapping.ground import pixels_to_ground


def cost_ms(work: Callable[[int], object], rounds: int) -> tuple[float, float]:
    """CPU time of `work(i)`: median and best decile, milliseconds.

    On a busy machine even CPU time grows, with caches and cores shared: the best decile is nearer the truth.
    """
    spent = []
    for i in range(rounds):
        begun = time.process_time()
        work(i)
        spent.append(time.process_time() - begun)
    return 1e3 * float(np.median(spent)), 1e3 * float(np.percentile(spent, 10))


def naive_update(grid: np.ndarray, views: tuple[View, ...]) -> None:
    """Every cell of the grid into every camera, without tables: what one writes first."""
    size, resolution_m = len(grid), 0.1
    for view in views:
        free_space = view.perception.free_space
        assert free_space is not None
        map_from_camera = view.map_from_base @ view.base_from_camera
        centre = view.map_from_base.translation[:2]
        along = (np.arange(size) + 0.5 - size / 2) * resolution_m
        x, y = np.meshgrid(centre[0] + along, centre[1] + along)
        points = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
        uv = view.model.points_to_pixels(map_from_camera.inverse().apply(points))
        ranges = np.hypot(*(points[:, :2] - map_from_camera.translation[:2]).T)
        edge = np.stack([free_space.column_u, free_space.boundary_v], axis=-1)
        contact = pixels_to_ground(view.model, view.base_from_camera, edge)
        boundary = np.hypot(*(contact - view.base_from_camera.translation[:2]).T)
        pitch = free_space.column_u[1] - free_space.column_u[0]
        column = np.nan_to_num((uv[:, 0] - free_space.column_u[0]) / pitch).round().astype(int)
        inside = (
            (column >= 0) & (column < len(boundary)) & (uv[:, 1] < view.model.image_height) & (ranges < 8.0)
        )
        d = ranges - boundary[np.clip(column, 0, len(boundary) - 1)]
        evidence = np.where(inside & (d < -0.1), -0.4, 0.0) + np.where(inside & (np.abs(d) < 0.2), 0.9, 0.0)
        np.clip(grid + evidence.reshape(size, size), -1.2, 2.5, out=grid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=200)
    rounds = parser.parse_args().rounds
    cv2.setNumThreads(1)
    moments = list(drive(900001, 3.0))
    boxes = np.mean([len(v.perception.detections) for m in moments for v in m.truth])
    fused, naive = OccupancyMap(MapConfig()), np.zeros((400, 400))
    cells = np.zeros((400, 400), np.float32)
    moved = np.empty_like(cells)

    def update(i: int) -> None:
        # Time goes on and the robot with it; after the drive's end it starts anew, as a looped bag does.
        moment = moments[i % len(moments)]
        fused.update(moment.truth, moment.now_ns)

    def snapshot(i: int) -> None:
        fused.snapshot(moments[-1].now_ns)

    for i in range(2 * len(moments)):
        update(i)
    # A copy takes microseconds, below the clock's grain: a thousand at a time.
    rows = {
        'update': cost_ms(update, rounds),
        'snapshot': cost_ms(snapshot, rounds),
        'copy of the grid x 1000': cost_ms(lambda i: [np.copyto(moved, cells) for _ in range(1000)], 20),
        'plain numpy update': cost_ms(
            lambda i: naive_update(naive, moments[i % len(moments)].truth), max(5, rounds // 20)
        ),
    }
    print(
        f'6 cameras, {boxes:.1f} boxes each, 400 x 400 cells, {rounds} rounds; ms of CPU: median, best decile'
    )
    for name, (median, best) in rows.items():
        print(f'{name:26}{median:9.3f}{best:9.3f}')
    median, best = (rows['update'][k] + rows['snapshot'][k] for k in (0, 1))
    print(f'{"update and snapshot":26}{median:9.3f}{best:9.3f}   bound 3 ms')
    copy_ms, plain_ms = rows['copy of the grid x 1000'][1] / 1000, rows['plain numpy update'][1]
    print(f'{best / copy_ms:.0f} copies of the grid; plain numpy costs {plain_ms / best:.0f} times as much')


if __name__ == '__main__':
    main()
