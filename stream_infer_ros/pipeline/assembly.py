"""Putting a pipeline together from its configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.cameras.transform_buffer import TransformBuffer
from stream_infer_ros.config import Config
from stream_infer_ros.errors import EncodingError, EngineError
from stream_infer_ros.graph.graph import Graph, Qos
from stream_infer_ros.inference.decoders import Thresholds
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.pipeline.health.camera_state import CameraState
from stream_infer_ros.pipeline.health.diagnostics import Diagnostics
from stream_infer_ros.pipeline.health.input_watch import InputWatch
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.inputs.camera_topics import CameraTopics, DetectionTopics
from stream_infer_ros.pipeline.inputs.subscriptions import subscriptions
from stream_infer_ros.pipeline.inputs.transform_topics import TransformTopics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.pipeline import Pipeline
from stream_infer_ros.pipeline.scheduling import make_schedule
from stream_infer_ros.pipeline.steps.detected import Detected
from stream_infer_ros.pipeline.steps.fuser import Fuser
from stream_infer_ros.pipeline.steps.intake import Intake
from stream_infer_ros.pipeline.steps.locator import Locator
from stream_infer_ros.pipeline.steps.map_outputs import MapOutputs
from stream_infer_ros.pipeline.steps.outputs import Outputs
from stream_infer_ros.pipeline.steps.perceiver import Perceiver

Resolve = Callable[[str], str]


def _unchanged(topic: str) -> str:
    return topic


@dataclass(frozen=True, slots=True)
class Assembly:
    """A pipeline and the parts that others look at while it runs."""

    pipeline: Pipeline
    cameras: tuple[CameraState, ...]
    statistics: Statistics
    diagnostics: Diagnostics
    bound_ms: float

    def subscriptions(self) -> list[tuple[str, str, Qos]]:
        """Return (topic, type, QoS) of all inputs of the pipeline; see `subscriptions`."""
        transforms = self.pipeline.intake.transform_topics
        return subscriptions(self.cameras, self.pipeline.with_map, transforms)

    def retune(self, config: Config) -> None:
        """Take on the live settings while it runs; from any thread."""
        self.pipeline.retune(config)
        self.diagnostics.retune(config)


@dataclass(frozen=True, slots=True)
class NetworkAssembly(Assembly):
    """One with a network, which stays the caller's."""

    network: Network


def assemble(
    config: Config,
    topics: tuple[CameraTopics, ...],
    graph: Graph,
    network: Network,
    resolve: Resolve = _unchanged,
) -> NetworkAssembly:
    """Wire every step and publish the latched topics. Graph and network stay the caller's.

    `resolve` returns the name of a topic on the graph, after the remapping rules of a node.

    Raises ConfigError, ModelError or GraphError with the remedy.
    """
    statistics = Statistics()
    cameras = tuple(CameraState(camera) for camera in topics)
    names = [camera.name for camera in cameras]
    transforms = TransformBuffer()
    intake = Intake(cameras, config.sync, transforms, statistics, TransformTopics.of(config.graph))
    schedule = make_schedule(config, names)
    inputs = InputWatch(graph, config, cameras, intake, resolve)
    diagnostics = Diagnostics(
        graph, config, cameras, intake, intake.synchronizer, statistics, schedule, inputs, network
    )
    remember, remember_engine = _remember(cameras), _remember_engine(cameras)
    outputs = Outputs(graph, config, names, network.decoder.class_names, graph.now_ns())

    def publish(frame: Frame, perception: Perception) -> int:
        outputs.publish_detections(frame, perception)
        return graph.now_ns()

    # Of several engines the later set may be done first: then the detections go out with the set, in order.
    at_once = publish if len(network.engines) == 1 else None
    thresholds = Thresholds.of(config.model)
    perceivers = [
        Perceiver(network, len(names), statistics, thresholds, remember, remember_engine, at_once, instance)
        for instance in range(len(network.engines))
    ]
    for perceiver in perceivers:
        perceiver.warm_up()
    pipeline = Pipeline(
        intake,
        perceivers,
        Locator(cameras, transforms, config.map.map_frame, config.map.base_frame, statistics),
        Fuser(config, cameras, statistics) if config.map.enabled else None,
        outputs,
        statistics,
        schedule,
        config,
    )
    return NetworkAssembly(pipeline, cameras, statistics, diagnostics, config.bound_ms, network)


def assemble_fusion(
    config: Config, topics: tuple[DetectionTopics, ...], graph: Graph, resolve: Resolve = _unchanged
) -> Assembly:
    """The map alone, of detections that others publish. The graph stays the caller's.

    Raises ConfigError or GraphError with the remedy.
    """
    statistics = Statistics()
    cameras = tuple(CameraState(camera) for camera in topics)
    transforms = TransformBuffer()
    names = [camera.name for camera in cameras]
    schedule = make_schedule(config, names)
    intake = Intake(cameras, config.sync, transforms, statistics, TransformTopics.of(config.graph))
    pipeline = Pipeline(
        intake,
        [Detected(cameras)],
        Locator(cameras, transforms, config.map.map_frame, config.map.base_frame, statistics),
        Fuser(config, cameras, statistics),
        MapOutputs(graph, config),
        statistics,
        schedule,
        config,
    )
    inputs = InputWatch(graph, config, cameras, intake, resolve)
    diagnostics = Diagnostics(
        graph, config, cameras, intake, intake.synchronizer, statistics, schedule, inputs
    )
    return Assembly(pipeline, cameras, statistics, diagnostics, config.bound_ms)


def _remember(cameras: tuple[CameraState, ...]) -> Callable[[Frame, EncodingError | None], None]:
    by_name = {camera.name: camera for camera in cameras}

    def remember(frame: Frame, error: EncodingError | None) -> None:
        by_name[frame.camera].note('pixels', str(error) if error else '')

    return remember


def _remember_engine(
    cameras: tuple[CameraState, ...],
) -> Callable[[Sequence[Frame], EngineError | None], None]:
    by_name = {camera.name: camera for camera in cameras}

    def remember(frames: Sequence[Frame], error: EngineError | None) -> None:
        for frame in frames:
            by_name[frame.camera].note('engine', str(error) if error else '')

    return remember
