"""Drives through simulated worlds: views of the cameras of a robot, and the true occupancy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.inference.detections import Detections, FreeSpace, Perception
from stream_infer_ros.mapping.view import View
from stream_infer_ros.simulation.catalogue import CLASS_NAMES
from stream_infer_ros.simulation.render import render, visible_objects
from stream_infer_ros.simulation.rig import SimCamera, surround_rig
from stream_infer_ros.simulation.truth_boxes import truth_boxes
from stream_infer_ros.simulation.truth_columns import truth_columns
from stream_infer_ros.simulation.world import World, WorldState

Perceive = Callable[[Sequence[NDArray[np.uint8]]], Sequence[Perception]]
"""Function from images (height, width, 3) uint8 RGB of one moment to their perceptions, in order."""

RATE_HZ = 10.0
_PHASE_S = 0.03
_JITTER_S = 0.003
_LEAST_VISIBLE = 0.25
_LEAST_HEIGHT = 8 / 240  # share of the height of the image


@dataclass(frozen=True, slots=True, eq=False)
class DriveMoment:
    """One set of images of a drive.

    Attributes:
        now_ns: stamp of the newest image, in nanoseconds since the start of the world.
        still, moving: (n, n) bool, true occupancy by static and by moving objects at that time, cells of 0.1
            m.
        map_from_base: pose of the robot at that time.
        truth: one view per camera with the perception of an ideal network.
        network: one view per camera with the perception of the network; empty if there is no network.
    """

    now_ns: int
    still: NDArray[np.bool_]
    moving: NDArray[np.bool_]
    map_from_base: RigidTransform
    truth: tuple[View, ...]
    network: tuple[View, ...]


def drive(
    seed: int, seconds: float, perceive: Perceive | None = None, width: int = 640, height: int = 480
) -> Iterator[DriveMoment]:
    """Yield the moments of a drive at 1 m/s with six cameras and exact poses, ten per second.

    Each camera has its own phase (up to 30 ms) and jitter (up to 3 ms), and sees the world at its own time.

    Args:
        seed: seed of the world, of the phases and of the noise.
        seconds: duration of the drive.
        perceive: the network. If None, no image is rendered.
        width, height: size of the images in pixels.
    """
    world, rig = World(seed), surround_rig(6, width, height)
    # Separate random generators, so that the times are the same with and without images.
    time_rng, noise_rng = np.random.default_rng([seed, 77]), np.random.default_rng([seed, 78])
    phase_s = time_rng.uniform(-_PHASE_S, _PHASE_S, len(rig))
    for k in range(round(seconds * RATE_HZ)):
        times_s = (k + 1) / RATE_HZ + phase_s + time_rng.uniform(-_JITTER_S, _JITTER_S, len(rig))
        states = [world.at(float(t_s)) for t_s in times_s]
        poses = [world.odom_from_base(float(t_s)) for t_s in times_s]
        moments = list(zip(rig, states, poses, strict=True))
        truth = tuple(_view(camera, state, pose) for camera, state, pose in moments)
        network: tuple[View, ...] = ()
        if perceive is not None:
            images = [render(state, camera, pose, noise_rng).image for camera, state, pose in moments]
            perceived = zip(truth, perceive(images), strict=True)
            network = tuple(replace(view, perception=perception) for view, perception in perceived)
        newest = int(np.argmax(times_s))
        still, moving = states[newest].occupancy(0.1)
        yield DriveMoment(truth[newest].stamp_ns, still > 0, moving > 0, poses[newest], truth, network)


def _view(camera: SimCamera, state: WorldState, pose: RigidTransform) -> View:
    truth = _truth(state, camera, pose)
    return View(camera.name, round(state.t_s * 1e9), camera.model, camera.base_from_camera, pose, truth)


def _truth(state: WorldState, camera: SimCamera, pose: RigidTransform) -> Perception:
    """Return the perception of an ideal network."""
    row, _ = truth_columns(state, camera, pose)
    width = camera.model.image_width
    u = ((np.arange(len(row)) + 0.5) * width / len(row) - 0.5).astype(np.float32)
    free_space = FreeSpace(u, row, np.ones(len(row), np.float32))
    boxes = truth_boxes(state, camera, pose, visible_objects(state, camera, pose))
    tall = boxes.xyxy[:, 3] - boxes.xyxy[:, 1] >= _LEAST_HEIGHT * camera.model.image_height
    kept = tall & (boxes.visibility >= _LEAST_VISIBLE)
    detections = Detections(
        boxes.xyxy[kept],
        np.ones(int(kept.sum()), np.float32),
        boxes.class_id[kept].astype(np.int32),
        CLASS_NAMES,
        boxes.contact_uv[kept],
    )
    return Perception(detections, free_space)
