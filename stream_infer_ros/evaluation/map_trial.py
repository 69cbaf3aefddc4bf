"""Maps made from drives through simulated worlds, in several ways, and scored: what `eval-map` prints."""

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

# A map is worth scoring once the robot has gone a few metres; then once a second.
_FIRST_S = 5.0
_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class MapVariant:
    """One way to make a map from a drive.

    Attributes:
        name: row title of the table.
        source: 'network' or 'truth'.
        columns, boxes: which of its outputs are used.
        dead: cameras that tell nothing.
        pitch_error_rad: how far the pitch of the cameras in `pitched` (all if empty) is taken wrong.
    """

    name: str
    source: str = 'network'
    columns: bool = True
    boxes: bool = True
    dead: tuple[str, ...] = ()
    pitched: tuple[str, ...] = ()
    pitch_error_rad: float = 0.0

    def views(self, moment: DriveMoment) -> list[View]:
        """What the map is given of a moment."""
        told = moment.network if self.source == 'network' else moment.truth
        return [self._altered(view) for view in told if view.camera not in self.dead]

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
            # About the camera's own x axis (right): it is taken to look higher than it does.
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
    """One row of the table of `stream_infer eval-map`.

    Attributes:
        name: what was fused.
        scores: mean over the seeds.
        by_seed: scores of each seed, in order; each a mean over the moments scored.
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
    """Drive `seconds` through the world of each seed; score each variant once a second after the first five.

    Args:
        seeds: of worlds the network was not trained on: 900000 and above.
        perceive: the network; None: only the variants made from truth, and no image is rendered.
        config: of the map; None: the defaults.
        width, height: of the images.
        progress: called with each seed when its drive is done.
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
    """The map that each variant makes of a drive, against truth: means over the moments scored.

    A drive too short for any is scored at its last moment.
    """
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
