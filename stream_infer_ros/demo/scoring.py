"""Scores of a demo run: the results are compared with the simulated world at the same stamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.demo.options import DemoOptions
from stream_infer_ros.demo.recorder import Recorder, Sample
from stream_infer_ros.evaluation.detection_scores import DetectionReport, DetectionScores
from stream_infer_ros.evaluation.map_scores import MapScorer, MapScores
from stream_infer_ros.simulation import CLASS_NAMES, SimCamera, World, surround_rig, truth_boxes

# A box is scored if it has 8 pixels of height at 320x240, the input of the network, and is 25 % visible.
LEAST_HEIGHT_SHARE = 8 / 240
LEAST_VISIBLE = 0.25
# Maps are scored after this time, as in `stream_infer eval-map`.
WARM_UP_S = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class DemoScores:
    """Scores of boxes and map of one run. `path_xy` (N, 2) is the path of the robot, metres."""

    detections: DetectionReport
    map: MapScores | None
    path_xy: NDArray[np.float64]


def score_run(options: DemoOptions, recorder: Recorder, epoch_ns: int) -> DemoScores:
    """Compare the sampled sets with the world of the same seed at the same stamps."""
    world = World(options.seed)
    rig = {camera.name: camera for camera in surround_rig(options.load.cameras)}
    detections = DetectionScores(CLASS_NAMES)
    for sample in recorder.samples:
        _score_boxes(world, rig, sample, epoch_ns, detections)
    seconds = [(stamp_ns - epoch_ns) / 1e9 for stamp_ns in recorder.stamps_ns]
    path = np.array([world.robot_pose(t_s)[:2] for t_s in seconds]).reshape(-1, 2)
    return DemoScores(detections.report(), _score_map(world, recorder, epoch_ns), path)


def _score_boxes(
    world: World, rig: dict[str, SimCamera], sample: Sample, epoch_ns: int, scores: DetectionScores
) -> None:
    for seen in sample.frames:
        t_s = (seen.stamp_ns - epoch_ns) / 1e9
        truth = truth_boxes(world.at(t_s), rig[seen.camera], world.odom_from_base(t_s))
        height = truth.xyxy[:, 3] - truth.xyxy[:, 1]
        counted = (truth.visibility >= LEAST_VISIBLE) & (
            height >= LEAST_HEIGHT_SHARE * rig[seen.camera].model.height
        )
        scores.add(seen.perception.detections, truth.xyxy, truth.class_id, counted, truth.contact_uv)


def _score_map(world: World, recorder: Recorder, epoch_ns: int) -> MapScores | None:
    """Return the mean over the sampled maps. The ideal sensor observes once per sample."""
    scorer = MapScorer(size_m=world.size_m)
    scores = []
    for sample in recorder.samples:
        t_s = (sample.stamp_ns - epoch_ns) / 1e9
        still, moving = (grid.astype(bool) for grid in world.at(t_s).occupancy(scorer.resolution_m))
        scorer.see(still | moving, *world.robot_pose(t_s)[:2])
        if t_s >= WARM_UP_S or sample is recorder.samples[-1]:
            scores.append(scorer.score(sample.grid, still, moving))
    return MapScores.mean(scores) if scores else None
