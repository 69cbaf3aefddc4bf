"""Running trials: a pipeline in this process, its cameras in another."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any

from stream_infer_ros.capacity.camera_load import CameraLoad, LoadReport
from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.capacity.tally import Tally, TrialResult
from stream_infer_ros.config import Config, parse_config
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import Graph, make_graph
from stream_infer_ros.pipeline.assembly import NetworkAssembly, assemble
from stream_infer_ros.pipeline.camera_topics import camera_topics
from stream_infer_ros.pipeline.live import LiveRunner
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.processed_set import FusedSet

# The cameras' process: to import, render and be discovered; and beyond what it streams.
_START_S, _SLACK_S = 60.0, 30.0


class Bench:
    """One loaded network, and trial after trial with it. A context manager that frees the network.

    Args:
        most: streams that a trial may have.
        engine: settings of EngineConfig; `model`: of ModelConfig.

    Raises ModelError, EngineError or ConfigError if the network cannot be had.
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
        """One trial. Raises GraphError if the cameras fail, and whatever a pipeline step raises."""
        config = self._config(options)
        graph = make_graph(config.graph)
        try:
            assembly = assemble(config, camera_topics(config, ()), graph, self.network)
            results = _Results()
            runner = LiveRunner(
                graph, assembly.pipeline, assembly.cameras, assembly.diagnostics, config, results.note
            )
            try:
                runner.start()
                cpu_s = time.process_time()
                epoch_ns, report = _stream(graph, options, runner)
                runner.wait(options.bound_ms * 2e-3)
                cpu_s = time.process_time() - cpu_s
                drops = _drops(assembly)
            finally:
                runner.stop()
            runner.wait(0)
        finally:
            graph.close()
        tally = Tally(options)
        for camera, stamp_ns, out_ns in results.all():
            tally.published(int(camera.removeprefix('cam')), stamp_ns - epoch_ns, out_ns - epoch_ns)
        result = replace(
            tally.result(),
            cpu_s=cpu_s,
            camera_cpu_s=report.cpu_s,
            camera_late_ms=report.late_ms,
            drops=drops,
        )
        return result, tally

    def _config(self, options: TrialOptions) -> Config:
        compressed = {camera: {'compressed': True} for camera in options.cameras}
        return parse_config(
            {
                **self._sections,
                'cameras': list(options.cameras),
                'camera': compressed if options.encoding == 'jpeg' else {},
                'bound_ms': options.bound_ms,
                'graph': {'kind': options.graph, 'domain_id': options.domain_id, 'loopback': True},
                'sync': {'policy': 'deadline' if options.matched else 'none'},
                # Streams are counted, not what is made of them: cameras of nowhere make no map.
                'map': {'enabled': False},
                'publish': {'overlay': False, 'markers': False},
            },
            'find-streams',
        )


class _Results:
    """(camera, stamp, when it was out), from the deliver thread."""

    def __init__(self) -> None:
        self._all: list[tuple[str, int, int]] = []

    def note(self, fused: FusedSet, out_ns: int) -> None:
        self._all += [(frame.camera, frame.stamp_ns, out_ns) for frame in fused.perceived.frames]

    def all(self) -> list[tuple[str, int, int]]:
        return list(self._all)


def _stream(graph: Graph, options: TrialOptions, runner: LiveRunner) -> tuple[int, LoadReport]:
    """Have the cameras stream; when they began, and what they say."""
    if options.graph == 'memory':  # it ends with the process
        load = CameraLoad(graph, options)
        epoch_ns = graph.now_ns() + 200_000_000
        return epoch_ns, load.stream(epoch_ns, lambda: runner.wait(0))
    command = [sys.executable, '-m', 'stream_infer_ros.capacity.camera_process', options.to_json()]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        told = _Told(process)
        until_s = options.counted_ns[1] / 1e9 + options.bound_ms * 1e-3
        epoch_ns = int(told.wait('epoch_ns', _START_S, runner.wait))
        report = told.wait('report', until_s + _SLACK_S, runner.wait)
        return epoch_ns, LoadReport(**report)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class _Told:
    """JSON lines of the cameras' process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._told: dict[str, Any] = {}
        self._changed = threading.Condition()
        self._ended = False
        threading.Thread(target=self._read, name='camera load output', daemon=True).start()

    def wait(self, key: str, timeout_s: float, running: Callable[[float], bool]) -> Any:
        """The value of that key; `running(0)` raises if the pipeline failed meanwhile."""
        give_up_s = time.monotonic() + timeout_s
        with self._changed:
            while key not in self._told and not self._ended and time.monotonic() < give_up_s:
                self._changed.wait(0.2)
                running(0)
            if key in self._told:
                return self._told[key]
        raise GraphError(
            f'the process of the cameras was expected to tell its {key} within {timeout_s:.0f} s and did not '
            f'(exit code {self._process.poll()}); see its messages above'
        )

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                event = json.loads(line)
            except ValueError:  # a library's own words
                sys.stderr.write(line)
                continue
            with self._changed:
                self._told |= event
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def _drops(assembly: NetworkAssembly) -> dict[str, int]:
    return {cause: sum(by.values()) for cause, by in assembly.diagnostics.drops().items()}
