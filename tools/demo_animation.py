#!/usr/bin/env python3
"""Make docs/demo.webp: the cameras and the map of a demo run, as an animation.

    python tools/demo_animation.py [--out docs/demo.webp] [--seconds 20]

The pictures of the sampled sets are rendered again from the seed, and drawn with the detections of the run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stream_infer_ros.demo.load import Load
from stream_infer_ros.demo.options import DemoOptions
from stream_infer_ros.demo.recorder import Sample
from stream_infer_ros.demo.session import DemoRun, demo_config, run_demo
from stream_infer_ros.inference.overlay import draw_overlay
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.report.pictures import grid_picture
from stream_infer_ros.simulation import World, render, surround_rig

CAMERAS = 6
TILE_WIDTH, TILE_HEIGHT = 240, 180
FRAME_MS = 250
GAP = 4


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument('--out', type=Path, default=Path('docs/demo.webp'))
    made.add_argument('--seconds', type=float, default=20.0)
    made.add_argument('--seed', type=int, default=1)
    given = made.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # The bound is generous, so that every set is complete on a slow machine, too.
        options = DemoOptions(
            given.seconds,
            Load(CAMERAS, 3.0),
            2000.0,
            given.seed,
            Path(folder),
            'auto',
            60 + os.getpid() % 40,
            'dds',
        )
        with Network(demo_config(options)) as network:
            run = run_demo(options, network, Path(folder) / 'run', lambda *_: None, threading.Event())
    assert run is not None
    samples = [sample for sample in run.recorder.samples if len(sample.frames) == CAMERAS]
    print(f'{len(samples)} of {len(run.recorder.samples)} sampled sets are complete')
    frames = [frame(sample, run, given.seed) for sample in samples]
    first, *others = [Image.fromarray(picture) for picture in frames]
    first.save(
        given.out, save_all=True, append_images=others, duration=FRAME_MS, loop=0, quality=60, method=6
    )
    print(f'{given.out}: {len(frames)} frames, {given.out.stat().st_size / 1e6:.1f} MB')


def frame(sample: Sample, run: DemoRun, seed: int) -> NDArray[np.uint8]:
    """Return three by two camera tiles, with the map on the right."""
    world = World(seed)
    cameras = {camera.name: camera for camera in surround_rig(CAMERAS)}
    tiles = []
    for seen in sorted(sample.frames, key=lambda seen: seen.camera):
        t_s = (seen.stamp_ns - run.epoch_ns) / 1e9
        view = render(
            world.at(t_s), cameras[seen.camera], world.odom_from_base(t_s), np.random.default_rng(0)
        )
        drawn = draw_overlay(view.image, seen.perception)
        tile = cv2.resize(drawn, (TILE_WIDTH, TILE_HEIGHT), interpolation=cv2.INTER_AREA)
        tiles.append(np.pad(tile, ((0, GAP), (0, GAP), (0, 0)), constant_values=255))
    pictures = np.vstack([np.hstack(tiles[:3]), np.hstack(tiles[3:])])
    side = pictures.shape[0] - GAP
    grid = cv2.resize(grid_picture(sample.grid.cells), (side, side), interpolation=cv2.INTER_AREA)
    return np.hstack([pictures[:side], grid])


if __name__ == '__main__':
    main()
