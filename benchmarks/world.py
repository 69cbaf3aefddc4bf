"""The cost of the simulated world: CPU time per image, also in warps of the ground, and share of a core.

    python benchmarks/world.py [--seeds 4] [--seconds 6]

CPU time of this thread, so that a busy machine distorts it less; ratios are what to compare.
"""

import os

os.environ['OMP_NUM_THREADS'] = '1'

import itertools
import sys
import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from machine import Results, Table, parser

from stream_infer_ros.graph.memory import MemoryGraph
from stream_infer_ros.simulation import (
    SimulationOptions,
    World,
    render,
    surround_rig,
    truth_boxes,
    truth_columns,
)
from stream_infer_ros.simulation.publisher import WorldPublisher
from stream_infer_ros.simulation.schedule import Timing, schedule

RATE_HZ, CAMERAS = 10, 6


def cpu_ms(call: Callable[[], object]) -> float:
    start = time.thread_time()
    call()
    return (time.thread_time() - start) * 1e3


def floor_ms(width: int, height: int) -> float:
    """One textured plane: no renderer of this kind can do with less."""
    ground = World(1).ground.fine
    warp = np.array([[2.0, 0.3, 100], [0, 1.5, 80], [0, 1e-3, 1]])
    noise = np.full((height, width, 3), 3, np.uint8)

    def draw() -> None:
        rgba = cv2.warpPerspective(
            ground, warp, (width, height), flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
        )
        cv2.subtract(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), noise)

    return float(np.median([cpu_ms(draw) for _ in range(50)]))


def images(seeds: range, width: int, height: int) -> dict[str, list[float]]:
    """CPU milliseconds of each part, one value an image."""
    took: dict[str, list[float]] = {'state': [], 'render': [], 'boxes': [], 'columns': []}
    rig = surround_rig(CAMERAS, width, height)
    rng = np.random.default_rng(0)
    for seed in seeds:
        world = World(seed)
        for t_s, camera in itertools.product(np.arange(0, 30, 3.0).tolist(), rig):
            state, odom_from_base = world.at(t_s), world.odom_from_base(t_s)
            view = render(state, camera, odom_from_base)
            scene = (state, camera, odom_from_base)
            took['state'].append(cpu_ms(partial(world.at, t_s)))
            took['render'].append(cpu_ms(partial(render, *scene, rng)))
            took['boxes'].append(cpu_ms(partial(truth_boxes, *scene, view.object_id)))
            took['columns'].append(cpu_ms(partial(truth_columns, *scene)))
    return took


def published_ms(seed: int, seconds: float, jpeg_quality: int) -> float:
    """Mean CPU milliseconds of one 640x480 image, from the state of the world to the bytes on a graph."""
    options = SimulationOptions(seed=seed, jpeg_quality=jpeg_quality)
    publisher = WorldPublisher(MemoryGraph(), options.world(), options.rig(), 0, jpeg_quality=jpeg_quality)
    exposures = list(schedule(CAMERAS, seed, 0, Timing(RATE_HZ), round(seconds * RATE_HZ)))
    publisher.hand_out(publisher.prepare(exposures[0]))  # builds the tables of the views
    total = sum(cpu_ms(lambda e=e: publisher.hand_out(publisher.prepare(e))) for e in exposures)
    return total / len(exposures)


def main() -> int:
    made = parser(__doc__)
    made.add_argument('--seeds', type=int, help='worlds to draw (4; quick: 1)')
    made.add_argument('--seconds', type=float, help='world time of the published part (6; quick: 2)')
    options = made.parse_args()
    cv2.setNumThreads(1)
    results = Results('world', 'The simulated world', options)
    seeds = range(1, (options.seeds or (1 if options.quick else 4)) + 1)
    seconds = options.seconds or (2.0 if options.quick else 6.0)
    built = [cpu_ms(partial(World, seed)) for seed in seeds]
    results.figures(building_a_world_ms=float(np.median(built)))
    table = Table(
        'ms of CPU for an image', ('size', 'part', 'p50', 'p95', 'x floor'), 'floor: one warp of the ground'
    )
    for width, height in ((320, 240), (640, 480)):
        floor = floor_ms(width, height)
        table.row(f'{width}x{height}', 'floor', floor, None, 1.0)
        for part, values in images(seeds, width, height).items():
            p50, p95 = map(float, np.percentile(values, [50, 95]))
            table.row(f'{width}x{height}', part, p50, p95, p50 / floor)
    results.show(table)
    published = Table(
        f'{CAMERAS} cameras of 640x480 at {RATE_HZ} Hz, published', ('', 'ms an image', 'of one core')
    )
    for name, quality in (('rgb8', 0), ('jpeg', 90)):
        mean = float(np.mean([published_ms(seed, seconds, quality) for seed in seeds]))
        published.row(name, mean, f'{mean * CAMERAS * RATE_HZ / 1000:.0%}')
    results.show(published)
    return results.finish()


if __name__ == '__main__':
    sys.exit(main())
