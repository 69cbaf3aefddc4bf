"""One demo run: the simulated world in another process, the pipeline in this one, loopback between them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stream_infer_ros.config import Config, EngineConfig, GraphConfig
from stream_infer_ros.demo.options import DemoOptions
from stream_infer_ros.demo.recorder import Recorder
from stream_infer_ros.demo.world_process import WorldProcess, WorldReport
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.errors import WorldError
from stream_infer_ros.graph import make_graph
from stream_infer_ros.graph.recording import RecordingGraph
from stream_infer_ros.pipeline.assembly import Assembly, assemble
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.runtime.live import LiveRunner
from stream_infer_ros.process_memory import peak_rss_mb

# The time limit for the start of the world, and the time for the pipeline to publish the last sets.
START_S = 120.0
DRAIN_S = 1.0
TICK_S = 0.25

OnTick = Callable[[Assembly, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class DemoRun:
    """The results of a run.

    Attributes:
        recorder: sampled sets, latencies, pictures.
        assembly: the parts of the pipeline (closed), for their statistics.
        network: the network, for its name and its engine.
        world: the report of the simulated world.
        epoch_ns: stamp at which the time of the world was zero.
        drops: losses of every step: cause -> camera -> count.
        cpu_s: processor seconds of this process while it ran.
        peak_rss_mb: peak memory of this process.
    """

    recorder: Recorder
    assembly: Assembly
    network: Network
    world: WorldReport
    epoch_ns: int
    drops: dict[DropCause, dict[str, int]]
    cpu_s: float
    peak_rss_mb: float


def run_demo(
    options: DemoOptions, network: Network, recording: Path, on_tick: OnTick, stop: threading.Event
) -> DemoRun | None:
    """Stream for `options.seconds` and collect the results.

    Args:
        network: loaded; stays the caller's.
        recording: a new bag for detections and maps.
        on_tick: called as `on_tick(assembly, now_ns, epoch_ns)` a few times per second while the cameras
            stream.
        stop: set it to end the run early.

    Returns None if `stop` was set before the end.
    Raises WorldError if the world fails, and whatever a pipeline step raises.
    """
    config = demo_config(options)
    world = WorldProcess(options)
    graph = RecordingGraph(make_graph(config.graph), recording)
    try:
        assembly = assemble(config, camera_topics(config, ()), graph, network)
        recorder = Recorder(options.expected_sets)
        runner = LiveRunner(graph, assembly, recorder.note)
        try:
            runner.start()
            world.start()
            give_up_s = time.monotonic() + START_S
            while not (world.answered() or stop.wait(TICK_S) or time.monotonic() > give_up_s):
                pass
            if stop.is_set():
                return None
            epoch_ns = world.epoch_ns(0.0)
            cpu_s = time.process_time()
            while world.running() and not runner.wait(TICK_S):
                if stop.is_set():
                    return None
                now_ns = graph.now_ns()
                if now_ns > epoch_ns + (options.seconds + START_S) * 1e9:
                    raise WorldError(
                        f'expected the simulated world to end after {options.seconds:g} s, but it is still '
                        f'running; see its messages above'
                    )
                if now_ns < epoch_ns + options.seconds * 1e9:  # afterwards, silent cameras are normal
                    on_tick(assembly, now_ns, epoch_ns)
            runner.wait(DRAIN_S)
            cpu_s = time.process_time() - cpu_s
            report = world.finish(TICK_S)
        finally:
            runner.stop()
        runner.wait(0)  # raises a failure of the last moment
        drops = assembly.health.losses.drops()  # before the graph closes: it reports its own losses
    finally:
        world.stop()
        graph.close()
    return DemoRun(recorder, assembly, network, report, epoch_ns, drops, cpu_s, peak_rss_mb())


def demo_config(options: DemoOptions) -> Config:
    """Return the configuration of the pipeline in a demo; other settings keep their defaults."""
    return Config(
        cameras=options.camera_names,
        bound_ms=options.bound_ms,
        graph=GraphConfig(kind=options.graph, domain_id=options.domain_id, loopback=True),
        engine=EngineConfig(kind=options.engine),
    )
