"""report.json: what a demo run measured, and whether it held."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from stream_infer_ros.demo.options import DemoOptions
from stream_infer_ros.demo.scoring import DemoScores
from stream_infer_ros.demo.session import DemoRun
from stream_infer_ros.pipeline.health.durations import Percentiles, percentiles


def summarise(options: DemoOptions, run: DemoRun, scores: DemoScores) -> dict[str, Any]:
    """The content of report.json; times in milliseconds, memory in megabytes."""
    statistics = run.assembly.statistics
    stages = statistics.stages()
    stages.pop('total', None)
    # Over the whole run: the statistics' window slides, and would forgive a bad beginning.
    total = percentiles(np.array(run.recorder.total_ns, np.int64))
    drops = {cause: sum(by_camera.values()) for cause, by_camera in run.drops.items()}
    return {
        'streams': options.cameras,
        'rate_hz': options.rate_hz,
        'duration_s': options.seconds,
        'seed': options.seed,
        'engine': run.network.kind,
        'model': run.network.file.name,
        'sets': {
            'expected': options.expected_sets,
            'published': statistics.sets_published,
            'partial': statistics.sets_partial,
        },
        'latency_ms': {
            'p50': total.p50 if total else None,
            'p95': total.p95 if total else None,
            'p99': total.p99 if total else None,
            'worst': total.worst if total else None,
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


def verdict(summary: dict[str, Any]) -> tuple[bool, str]:
    """Whether the run held, and that in a sentence."""
    sets, latency = summary['sets'], summary['latency_ms']
    if not sets['published']:
        return False, 'nothing was published: no set of frames came through'
    share = sets['published'] / sets['expected']
    held = latency['p99'] <= latency['bound']
    return held, (
        f'{summary["streams"]} streams at {summary["rate_hz"]:g} Hz: {sets["published"]} of '
        f'{sets["expected"]} sets published ({share:.1%}), p99 {latency["p99"]:.0f} ms is '
        f'{"inside" if held else "OVER"} the bound of {latency["bound"]:.0f} ms'
    )


def _known(figures: dict[str, float]) -> dict[str, float | None]:
    """JSON knows no NaN: a figure that nothing could be measured for is null."""
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def _worst_camera(values: list[Percentiles]) -> dict[str, float]:
    worst = max(values, key=lambda p: p.p99)
    return {'p50': worst.p50, 'p99': worst.p99}
