"""Scores of maps from drives through simulated worlds, in several variants, for `stream_infer eval-map`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.config.tree import MapConfig
from stream_infer_ros.evaluation.map_drive import RATE_HZ, DriveMoment, Perceive, drive
from stream_infer_ros.evaluation.map_scores import MapScorer, MapScores
from stream_infer_ros.inference.detections import Detections, Perception
from stream_infer_ros.mapping.occupancy_map import OccupancyMap
from stream_infer_ros.mapping.view import View

# The first map is scored after the robot has driven a few metres, then one map per second.
_FIRST_S = 5.0
_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class MapVariant:
    """One way to build a map from a drive.

    Attributes:
        name: title of its row in the table.
        source: perception of the views, 'network' or 'truth'.
        columns, boxes: True if free space or boxes are used.
        dead: cameras whose views are left out.
        pitched: cameras with a pitch error; empty means all cameras.
        pitch_error_rad: error of the assumed pitch of these cameras, in radians.
    """

    name: str
    source: str = 'network'
    columns: bool = True
    boxes: bool = True
    dead: tuple[str, ...] = ()
    pitched: tuple[str, ...] = ()
    pitch_error_rad: float = 0.0

    def views(self, moment: DriveMoment) -> list[View]:
        """Return the views of a moment for this variant."""
        views = moment.network if self.source == 'network' else moment.truth
        return [self._altered(view) for view in views if view.camera not in self.dead]

    def _altered(self, view: View) -> View:
        perception = view.perception
        if not self.columns:
            perception = Perception(perception.detections)
        if not self.boxes:
            perception = Perception(
                Detections.empty(perception.detections.class_names), perception.free_space
            )
        pose = view.base_from_camera
        if self.pitch_error_rad and (not self.pitched or view.camera in self.pitched):
            # A rotation about the x axis of the camera (right): the assumed viewing direction is too high.
            error = RigidTransform.from_xyz_rpy((0.0, 0.0, 0.0), (self.pitch_error_rad, 0.0, 0.0))
            pose = pose @ error
        return replace(view, perception=perception, base_from_camera=pose)


_QUARTER_DEGREE = math.radians(0.25)

NETWORK_VARIANTS = (
    MapVariant('network'),
    MapVariant('network, columns only', boxes=False),
    MapVariant('network, detections only', columns=False),
    MapVariant('network, one camera of six dead', dead=('cam1',)),
    MapVariant(
        'network, one camera pitched 0.25 deg wrong', pitched=('cam0',), pitch_error_rad=_QUARTER_DEGREE
    ),
    MapVariant('network, all cameras pitched 0.25 deg wrong', pitch_error_rad=_QUARTER_DEGREE),
)
TRUTH_VARIANTS = (
    MapVariant('truth columns', 'truth', boxes=False),
    MapVariant('truth columns and boxes', 'truth'),
    MapVariant('truth boxes only', 'truth', columns=False),
)


@dataclass(frozen=True, slots=True)
class MapTrialResult:
    """One row of the table that `stream_infer eval-map` prints.

    Attributes:
        name: name of the variant.
        scores: mean over the seeds.
        by_seed: mean scores of each seed, in the order of the seeds.
    """

    name: str
    scores: MapScores
    by_seed: tuple[MapScores, ...]


def run_map_trials(
    seeds: Sequence[int],
    seconds: float,
    perceive: Perceive | None = None,
    config: MapConfig | None = None,
    width: int = 640,
    height: int = 480,
    progress: Callable[[int], None] | None = None,
) -> list[MapTrialResult]:
    """Drive through the world of each seed, and score each variant.

    The first score is taken after five seconds, then one per second.

    Args:
        seeds: seeds of the worlds. The network was not trained on 900000 and above.
        seconds: duration of each drive.
        perceive: the network. If None, only the variants from truth are scored, and no image is rendered.
        config: settings of the map; None means the defaults.
        width, height: size of the images in pixels.
        progress: called with the seed after each drive.
    """
    variants = (NETWORK_VARIANTS if perceive is not None else ()) + TRUTH_VARIANTS
    by_seed = []
    for seed in seeds:
        by_seed.append(score_drive(drive(seed, seconds, perceive, width, height), variants, config))
        if progress is not None:
            progress(seed)
    rows = zip(*by_seed, strict=True)
    return [
        MapTrialResult(variant.name, MapScores.mean(row), tuple(row))
        for variant, row in zip(variants, rows, strict=True)
    ]


def score_drive(
    moments: Iterable[DriveMoment], variants: Sequence[MapVariant], config: MapConfig | None = None
) -> list[MapScores]:
    """Return the mean scores of each variant over a drive. A drive of less than 5 s is scored at its end."""
    config = config or MapConfig()
    maps = [OccupancyMap(config) for _ in variants]
    scorer = MapScorer(resolution_m=config.resolution_m, range_m=config.range_m)
    scores: list[list[MapScores]] = [[] for _ in variants]

    def score(moment: DriveMoment) -> None:
        for rows, occupancy_map in zip(scores, maps, strict=True):
            snapshot = occupancy_map.snapshot(moment.now_ns)
            rows.append(scorer.score(snapshot, moment.still, moment.moving))

    moment: DriveMoment | None = None
    for k, moment in enumerate(moments, 1):
        for variant, occupancy_map in zip(variants, maps, strict=True):
            occupancy_map.update(variant.views(moment), moment.now_ns)
        x_m, y_m = moment.map_from_base.translation[:2].tolist()
        scorer.see(moment.still | moment.moving, x_m, y_m)
        if k >= _FIRST_S * RATE_HZ and k % round(_EVERY_S * RATE_HZ) == 0:
            score(moment)
    if moment is not None and not scores[0]:
        score(moment)
    return [MapScores.mean(rows) for rows in scores]
