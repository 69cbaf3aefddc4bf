"""report.json: the figures of a demo run."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from stream_infer_ros.demo.options import DemoOptions
from stream_infer_ros.demo.scoring import DemoScores
from stream_infer_ros.demo.session import DemoRun
from stream_infer_ros.demo.verdict import SetFigures
from stream_infer_ros.pipeline.health.durations import Percentiles

LATENCIES = {'p50': 0.5, 'p95': 0.95, 'p99': 0.99, 'worst': 1.0}


def set_figures(options: DemoOptions, run: DemoRun) -> SetFigures:
    """Return the figures that the verdict judges.

    They cover the whole run. The statistics of the pipeline have a sliding window, without the beginning.
    """
    statistics = run.assembly.statistics
    return SetFigures(
        options.expected_sets, statistics.sets_published, statistics.sets_partial, run.recorder.total_ns
    )


def summarise(options: DemoOptions, run: DemoRun, sets: SetFigures, scores: DemoScores) -> dict[str, Any]:
    """Return the content of report.json; times in milliseconds, memory in megabytes.

    The latencies are over the expected sets: null stands for a set that was not published.
    """
    statistics = run.assembly.statistics
    stages = statistics.stages()
    stages.pop('total', None)
    drops = {cause: sum(by_camera.values()) for cause, by_camera in run.drops.items()}
    return {
        'streams': options.load.cameras,
        'rate_hz': options.load.rate_hz,
        'duration_s': options.seconds,
        'seed': options.seed,
        'engine': run.network.kind,
        'model': run.network.file.name,
        'sets': {'expected': sets.expected, 'published': sets.published, 'partial': sets.partial},
        'latency_ms': {
            **{name: _finite(sets.latency_ms(share)) for name, share in LATENCIES.items()},
            'bound': options.bound_ms,
        },
        'stages_ms': {stage: _worst_camera(list(by_camera.values())) for stage, by_camera in stages.items()},
        'drops': drops,
        'not_mapped': {cause: sum(by.values()) for cause, by in statistics.views_missed().items()},
        'detections': _known({'map50': scores.detections.map50, **scores.detections.average_precision}),
        'map': _known(dataclasses.asdict(scores.map)) if scores.map else {},
        'cpu_s': {'world': run.world.cpu_s, 'pipeline': run.cpu_s},
        'peak_rss_mb': run.peak_rss_mb,
        'world': {
            'frames': run.world.frames,
            'missed': run.world.missed,
            'late_ms_p99': run.world.late_ms_p99,
        },
    }


def _known(figures: dict[str, float]) -> dict[str, float | None]:
    """Replace NaN (nothing could be measured) with null: JSON has no NaN."""
    return {name: _finite(value) for name, value in figures.items()}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _worst_camera(values: list[Percentiles]) -> dict[str, float]:
    worst = max(values, key=lambda p: p.p99)
    return {'p50': worst.p50, 'p99': worst.p99}
