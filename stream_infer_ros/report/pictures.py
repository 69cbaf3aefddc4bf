"""Pictures for the report: the map beside the ground truth, and latency by stage."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from stream_infer_ros.mapping.grid_snapshot import FREE, OCCUPIED, UNKNOWN, GridSnapshot
from stream_infer_ros.pipeline.health.durations import Percentiles

# The grey levels of rviz and map_server.
SHADES = {UNKNOWN: (205, 205, 205), FREE: (254, 254, 254), OCCUPIED: (20, 20, 20)}
STATIC_TRUTH = (60, 60, 60)
MOVING_TRUTH = (213, 94, 0)
PATH = '#0072b2'


def grid_picture(cells: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Draw cells (rows, columns) -1/0/100 as an RGB picture (rows, columns, 3) with y pointing up."""
    picture = np.zeros((*cells.shape, 3), np.uint8)
    for value, shade in SHADES.items():
        picture[cells == value] = shade
    return picture[::-1]


def truth_picture(static: NDArray[np.bool_], moving: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw masks (rows, columns) of true obstacles as RGB (rows, columns, 3) with y pointing up."""
    picture = np.full((*static.shape, 3), SHADES[FREE], np.uint8)
    picture[static] = STATIC_TRUTH
    picture[moving] = MOVING_TRUTH
    return picture[::-1]


def map_figure(
    grid: GridSnapshot, still: NDArray[np.bool_], moving: NDArray[np.bool_], path_xy: NDArray[np.float64]
) -> bytes:
    """Return a PNG of the fused map beside the ground truth.

    Args:
        grid: the map.
        still, moving: (n, n) true obstacles, in cells of the same size, centred at the origin of the map
            frame.
        path_xy: (N, 2) positions of the robot in metres.
    """
    half = still.shape[0] * grid.resolution_m / 2
    rows, columns = grid.cells.shape
    right = grid.origin_x_m + columns * grid.resolution_m
    top = grid.origin_y_m + rows * grid.resolution_m
    figure = Figure(figsize=(12, 6.2), layout='constrained')
    figure_map, figure_truth = figure.subplots(1, 2)
    figure_map.imshow(grid_picture(grid.cells), extent=(grid.origin_x_m, right, grid.origin_y_m, top))
    figure_map.set_title('fused map')
    figure_truth.imshow(truth_picture(still, moving), extent=(-half, half, -half, half))
    figure_truth.set_title('ground truth (moving objects in orange)')
    figure_map.set_facecolor(np.array(SHADES[UNKNOWN]) / 255)
    for axis in (figure_map, figure_truth):
        axis.plot(path_xy[:, 0], path_xy[:, 1], color=PATH, linewidth=1.2)
        axis.plot(path_xy[-1:, 0], path_xy[-1:, 1], color=PATH, marker='o', markersize=4)
        axis.set(xlim=(-half, half), ylim=(-half, half), xlabel='x [m]', ylabel='y [m]')
    return _png(figure)


def latency_figure(
    stages: Mapping[str, Mapping[str, Percentiles]], total_ms: Sequence[float], bound_ms: float
) -> bytes:
    """Return a PNG with a histogram of the latency of sets, the bound, and p50 and p99 of each stage."""
    figure = Figure(figsize=(12, 3.6), layout='constrained')
    histogram, bars = figure.subplots(1, 2)
    top = max(bound_ms * 1.1, max(total_ms, default=0.0))
    histogram.hist(total_ms, bins=np.linspace(0, top, 60), color='#0072b2')
    histogram.axvline(bound_ms, color='#d55e00', label=f'bound {bound_ms:.0f} ms')
    histogram.set_xlabel('latency: oldest header stamp of a set to its last published message [ms]')
    histogram.set_ylabel('sets')
    histogram.legend()
    names = [stage for stage in stages if stage != 'total']
    worst = [max(stages[name].values(), key=lambda p: p.p99) for name in names]
    bars.barh(names, [p.p99 for p in worst], color='#a6cee3', label='p99')
    bars.barh(names, [p.p50 for p in worst], color='#0072b2', label='p50')
    bars.invert_yaxis()
    bars.set_xlabel('ms')
    bars.legend()
    return _png(figure)


def jpeg(picture: NDArray[np.uint8], quality: int = 85) -> bytes:
    """Return a JPEG file of an RGB picture (H, W, 3) uint8."""
    _, data = cv2.imencode('.jpg', picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()


def _png(figure: Figure) -> bytes:
    target = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(target, format='png')
    return target.getvalue()
