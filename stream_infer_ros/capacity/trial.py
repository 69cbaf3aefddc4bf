"""Trials: a pipeline in this process, and its cameras in another."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Any

from stream_infer_ros.capacity.camera_load import CameraLoad, LoadReport
from stream_infer_ros.capacity.camera_process import stream_cameras
from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.capacity.tally import Tally, TrialResult
from stream_infer_ros.config import Config, parse_config
from stream_infer_ros.graph import Graph, make_graph
from stream_infer_ros.pipeline.assembly import Assembly, assemble
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.results import Result
from stream_infer_ros.pipeline.runtime.live import LiveRunner


class Bench:
    """Runs trials with one loaded network. A context manager that frees the network.

    Args:
        most: largest number of streams of a trial.
        engine: settings of EngineConfig.
        model: settings of ModelConfig.

    Raises ModelError, EngineError or ConfigError if the network cannot be loaded.
    """

    def __init__(self, most: int, engine: dict[str, Any], model: dict[str, Any]) -> None:
        self._sections = {'engine': engine, 'model': model}
        self.network = Network(parse_config(dict(self._sections), 'find-streams'), most)

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.network.close()

    def run(self, options: TrialOptions) -> tuple[TrialResult, Tally]:
        """Run one trial, see `run_trial`."""
        return run_trial(self.network, options, self._sections)


def run_trial(
    network: Network, options: TrialOptions, sections: Mapping[str, Any] = MappingProxyType({})
) -> tuple[TrialResult, Tally]:
    """Run one trial with a loaded network.

    `sections` are sections of the configuration that the trial does not set itself: `engine` and `model`.
    Raises GraphError if the cameras fail, and whatever a pipeline step raises.
    """
    config = _config(options, sections)
    graph = make_graph(config.graph)
    try:
        assembly = assemble(config, camera_topics(config, ()), graph, network)
        results = _Results(options.cameras)
        runner = LiveRunner(graph, assembly, results.note)
        try:
            runner.start()
            cpu_s = time.process_time()
            epoch_ns, report = _stream(graph, options, runner)
            runner.wait(options.bound_ms * 2e-3)
            cpu_s = time.process_time() - cpu_s
            drops, stages_ms = _drops(assembly), _stages_ms(assembly)
        finally:
            runner.stop()
        runner.wait(0)
    finally:
        graph.close()
    tally = Tally(options)
    for camera, stamp_ns, out_ns in results.all():
        tally.published(camera, stamp_ns - epoch_ns, out_ns - epoch_ns)
    result = replace(
        tally.result(),
        cpu_s=cpu_s,
        camera_cpu_s=report.cpu_s,
        camera_late_ms=report.late_ms,
        drops=drops,
        stages_ms=stages_ms,
        unexplained=report.published - len(results) - sum(drops.values()),
    )
    return result, tally


def _config(options: TrialOptions, sections: Mapping[str, Any]) -> Config:
    compressed = {camera: {'compressed': True} for camera in options.cameras}
    return parse_config(
        {
            **sections,
            'cameras': list(options.cameras),
            'camera': compressed if options.encoding == 'jpeg' else {},
            'bound_ms': options.bound_ms,
            'graph': {'kind': options.graph, 'domain_id': options.domain_id, 'loopback': True},
            'sync': {'policy': 'deadline' if options.matched else 'none'},
            # The frames are counted, and a map would need cameras with a position.
            'map': {'enabled': False},
            'publish': {'overlay': False, 'markers': False},
        },
        'find-streams',
    )


class _Results:
    """Collects (index of the camera, stamp, publication time) on the deliver thread."""

    def __init__(self, cameras: Sequence[str]) -> None:
        self._index = {camera: index for index, camera in enumerate(cameras)}
        self._all = array('q')  # compact: benchmarks/overload.py measures the memory of long trials

    def note(self, result: Result) -> None:
        for frame, frame_out_ns in result.published_frames():
            self._all.extend((self._index[frame.camera], frame.header_stamp_ns, frame_out_ns))

    def __len__(self) -> int:
        return len(self._all) // 3

    def all(self) -> Iterator[tuple[int, int, int]]:
        values = iter(self._all)
        return zip(values, values, values, strict=True)


def _stream(graph: Graph, options: TrialOptions, runner: LiveRunner) -> tuple[int, LoadReport]:
    """Let the cameras stream. Return the time of the first stamp, and their report."""
    if options.graph != 'memory':
        return stream_cameras(options, runner.wait)
    load = CameraLoad(graph, options)  # the memory graph does not reach other processes
    epoch_ns = graph.now_ns() + 200_000_000
    # Their CPU time is part of the CPU time of this process.
    return epoch_ns, replace(load.stream(epoch_ns, lambda: runner.wait(0)), cpu_s=0.0)


def _drops(assembly: Assembly) -> dict[str, int]:
    dropped = {str(cause): sum(by.values()) for cause, by in assembly.health.losses.drops().items()}
    not_mapped = assembly.statistics.views_missed()
    return dropped | {f'not_mapped.{cause}': sum(by.values()) for cause, by in not_mapped.items()}


def _stages_ms(assembly: Assembly) -> dict[str, float]:
    stages = assembly.statistics.stages()
    return {stage: max(values.p50 for values in by.values()) for stage, by in stages.items()}
