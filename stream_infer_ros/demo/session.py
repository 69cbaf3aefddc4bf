"""One demo run: the world in one process, the pipeline in this one, loopback between them."""

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

# What the world may take to start, and the pipeline to publish what is on its way at the end.
START_S = 120.0
DRAIN_S = 1.0
TICK_S = 0.25

OnTick = Callable[[Assembly, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class DemoRun:
    """What a run left behind.

    Attributes:
        recorder: sampled sets, latencies, pictures.
        assembly: the pipeline's parts (closed), for their statistics.
        network: the network (closed), for its name and its engine.
        world: what the world says of itself.
        epoch_ns: stamp at which the world's time was zero.
        drops: losses of every step: cause -> camera -> count.
        cpu_s: processor seconds of the pipeline's process while it ran.
        peak_rss_mb: most memory of the pipeline's process.
    """

    recorder: Recorder
    assembly: Assembly
    network: Network
    world: WorldReport
    epoch_ns: int
    drops: dict[DropCause, dict[str, int]]
    cpu_s: float
    peak_rss_mb: float


def run_demo(options: DemoOptions, recording: Path, on_tick: OnTick, stop: threading.Event) -> DemoRun | None:
    """Stream for `options.seconds` and collect; detections and maps go to the new bag `recording` too.

    `on_tick(assembly, now_ns, epoch_ns)` is called a few times a second while the cameras stream.
    Returns None if `stop` was set before the end.
    Raises WorldError if the world fails, and whatever a pipeline step raises.
    """
    config = demo_config(options)
    world = WorldProcess(options)
    graph = RecordingGraph(make_graph(config.graph), recording)
    try:
        with Network(config) as network:
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
                            f'the simulated world was expected to end after {options.seconds:g} s and '
                            f'has not; see its messages above'
                        )
                    if now_ns < epoch_ns + options.seconds * 1e9:  # after that, silence is no news
                        on_tick(assembly, now_ns, epoch_ns)
                runner.wait(DRAIN_S)
                cpu_s = time.process_time() - cpu_s
                report = world.finish(TICK_S)
            finally:
                runner.stop()
            runner.wait(0)  # raises what went wrong on the way out
            drops = assembly.health.losses.drops()  # while the graph can tell what it lost
    finally:
        world.stop()
        graph.close()
    return DemoRun(recorder, assembly, network, report, epoch_ns, drops, cpu_s, peak_rss_mb())


def demo_config(options: DemoOptions) -> Config:
    """The pipeline's configuration in a demo: everything else keeps its default."""
    return Config(
        cameras=options.camera_names,
        bound_ms=options.bound_ms,
        graph=GraphConfig(kind=options.graph, domain_id=options.domain_id, loopback=True),
        engine=EngineConfig(kind=options.engine),
    )
