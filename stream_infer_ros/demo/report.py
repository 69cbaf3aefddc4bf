"""The files that a demo run writes: report.html, report.json, map.png."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stream_infer_ros.demo.scoring import DemoScores
from stream_infer_ros.demo.session import DemoRun
from stream_infer_ros.demo.verdict import Verdict
from stream_infer_ros.inference.overlay import draw_overlay
from stream_infer_ros.report.page import render_page
from stream_infer_ros.report.pictures import jpeg, latency_figure, map_figure
from stream_infer_ros.simulation import World


def write_report(
    out: Path, summary: dict[str, Any], verdict: Verdict, run: DemoRun, scores: DemoScores
) -> None:
    """Write all files into the folder `out`. Without a published map, write only report.json."""
    (out / 'report.json').write_text(json.dumps(summary, indent=2, allow_nan=False) + '\n')
    if not run.recorder.samples:
        return
    map_png = _map_png(summary['seed'], run, scores)
    (out / 'map.png').write_bytes(map_png)
    tiles = [
        (f'{camera}: {len(perception.detections)} objects', jpeg(draw_overlay(picture, perception)))
        for camera, picture, perception in run.recorder.pictures()
    ]
    stages = run.assembly.statistics.stages()
    total_ms = [total_ns / 1e6 for total_ns in run.recorder.total_ns]
    latency_png = latency_figure(stages, total_ms, summary['latency_ms']['bound'])
    (out / 'report.html').write_text(
        render_page(summary, (verdict.passed, ' '.join(verdict.lines())), tiles, map_png, latency_png),
        encoding='utf-8',
    )


def _map_png(seed: int, run: DemoRun, scores: DemoScores) -> bytes:
    last = run.recorder.samples[-1]
    world = World(seed)
    still, moving = world.at((last.stamp_ns - run.epoch_ns) / 1e9).occupancy(last.grid.resolution_m)
    return map_figure(last.grid, still.astype(bool), moving.astype(bool), scores.path_xy)
