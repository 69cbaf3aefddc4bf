"""Builds a pipeline from its configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stream_infer_ros.cameras.transform_buffer import TransformBuffer
from stream_infer_ros.config import Config
from stream_infer_ros.graph.graph import Graph, Qos
from stream_infer_ros.inference.box_watch import BoxWatch
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.data_path import Steps
from stream_infer_ros.pipeline.health.camera_status import CameraStatuses
from stream_infer_ros.pipeline.health.diagnostics import Diagnostics
from stream_infer_ros.pipeline.health.engine_status import EngineStatus
from stream_infer_ros.pipeline.health.health import Health
from stream_infer_ros.pipeline.health.input_watch import InputWatch
from stream_infer_ros.pipeline.health.loss_watch import LossWatch
from stream_infer_ros.pipeline.health.losses import Losses
from stream_infer_ros.pipeline.health.model_status import ModelStatus
from stream_infer_ros.pipeline.health.pipeline_status import PipelineStatus
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.health.status import StatusSource
from stream_infer_ros.pipeline.health.sync_watch import SyncWatch
from stream_infer_ros.pipeline.health.topic_status import QosProblems, UnusedTopics
from stream_infer_ros.pipeline.health.view_watch import ViewWatch
from stream_infer_ros.pipeline.inputs.camera_topics import CameraTopics, DetectionTopics
from stream_infer_ros.pipeline.inputs.subscriptions import subscriptions
from stream_infer_ros.pipeline.inputs.transform_topics import TransformTopics
from stream_infer_ros.pipeline.live_settings import CurrentSettings
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.scheduling import LatencyBudget, Schedule, make_schedule
from stream_infer_ros.pipeline.steps.fuse import Fuser
from stream_infer_ros.pipeline.steps.locate import Locator
from stream_infer_ros.pipeline.steps.match import Matcher
from stream_infer_ros.pipeline.steps.perceive import NetworkPerceiver, Perceiver
from stream_infer_ros.pipeline.steps.publish import Outputs
from stream_infer_ros.pipeline.steps.published_detections import PublishedDetections
from stream_infer_ros.pipeline.steps.read import MessageReader
from stream_infer_ros.sync import make_synchronizer
from stream_infer_ros.sync.rate_caps import RateCaps
from stream_infer_ros.sync.sender_clocks import SenderClocks

# Returns the name of a topic on the graph, after the remapping rules of a node.
Resolve = Callable[[str], str]


def _unchanged(topic: str) -> str:
    return topic


@dataclass(frozen=True, slots=True)
class Assembly:
    """A pipeline: its steps, and the parts that watch and steer it. The graph stays the caller's.

    Attributes:
        config: the configuration it was built from.
        steps: the steps of the data path.
        schedule: decides which frames are run next.
        budget: divides the latency bound.
        cameras: the state of each camera.
        statistics: durations and losses.
        health: watches the pipeline.
        settings: the live settings.
    """

    config: Config
    steps: Steps
    schedule: Schedule
    budget: LatencyBudget
    cameras: tuple[CameraState, ...]
    statistics: Statistics
    health: Health
    settings: CurrentSettings

    def subscriptions(self) -> list[tuple[str, str, Qos]]:
        """Return (topic, type, QoS) of all inputs of the pipeline."""
        return subscriptions(self.cameras, self.steps.fuse is not None, self.steps.read.transform_topics)

    def change_settings(self, config: Config) -> None:
        """Use the live settings of `config` from now on. Callable from any thread.

        Raises GraphError, and changes nothing, if an overlay that is wanted now cannot be advertised, and
        ConfigError if a setting does not fit the network.
        """
        if config.publish.overlay:
            self.steps.outputs.offer_overlays()
        self.settings.change(config)

    def reset_map(self) -> bool:
        """Begin a new map with the next set; return False if there is no map. Callable from any thread."""
        if self.steps.fuse is None:
            return False
        self.steps.locate.reset()
        self.steps.fuse.reset()
        return True


def assemble(
    config: Config,
    topics: tuple[CameraTopics, ...],
    graph: Graph,
    network: Network,
    resolve: Resolve = _unchanged,
) -> Assembly:
    """Build a pipeline that runs a network, warm the engines up, and advertise the outputs.

    The network stays the caller's. Raises ConfigError, ModelError or GraphError with the remedy.
    """
    statistics, settings = Statistics(), CurrentSettings(config, network.decoder.class_names)
    cameras = tuple(CameraState(camera) for camera in topics)
    boxes = BoxWatch()
    perceivers = [
        NetworkPerceiver(network, instance, cameras, settings, statistics, boxes)
        for instance in range(len(network.engines))
    ]
    for perceiver in perceivers:
        perceiver.warm_up()
    outputs = Outputs(
        graph, config, [camera.name for camera in cameras], network.decoder.class_names, settings
    )
    status = EngineStatus(network, statistics), ModelStatus(network, boxes)
    return _assemble(config, cameras, graph, resolve, perceivers, outputs, statistics, settings, *status)


def assemble_fusion(
    config: Config, topics: tuple[DetectionTopics, ...], graph: Graph, resolve: Resolve = _unchanged
) -> Assembly:
    """Build a pipeline that makes a map of detections which other nodes publish.

    Raises ConfigError or GraphError with the remedy.
    """
    statistics, settings = Statistics(), CurrentSettings(config)
    cameras = tuple(CameraState(camera) for camera in topics)
    outputs = Outputs(graph, config, (), (), settings)
    perceivers = [PublishedDetections(cameras)]
    return _assemble(config, cameras, graph, resolve, perceivers, outputs, statistics, settings)


def _assemble(
    config: Config,
    cameras: tuple[CameraState, ...],
    graph: Graph,
    resolve: Resolve,
    perceivers: Sequence[Perceiver],
    outputs: Outputs,
    statistics: Statistics,
    settings: CurrentSettings,
    engine: EngineStatus | None = None,
    model: ModelStatus | None = None,
) -> Assembly:
    names = [camera.name for camera in cameras]
    transforms, clocks = TransformBuffer(), SenderClocks(names)
    budget = LatencyBudget(settings, statistics)
    schedule = make_schedule(config, names, budget)
    synchronizer = make_synchronizer(names, lambda: settings().sync)
    by_name = {camera.name: camera for camera in cameras}
    caps = RateCaps(names)
    sync_watch = SyncWatch(names, synchronizer.clocks, lambda name: by_name[name].refusing)
    view_watch = ViewWatch(cameras, transforms, config.map)
    steps = Steps(
        MessageReader(
            cameras, transforms, statistics, TransformTopics.of(config.graph, graph.topics), clocks
        ),
        Matcher(synchronizer, sync_watch, statistics, lambda: settings().cameras, caps),
        perceivers,
        Locator(cameras, transforms, config.map, statistics, clocks),
        Fuser(config, view_watch, statistics) if config.map.enabled else None,
        outputs,
        statistics,
    )
    inputs = InputWatch(graph, config, cameras, steps.read, resolve)
    loss_watch = LossWatch(graph, sync_watch, steps.read.sources)
    losses = Losses(graph, cameras, synchronizer, statistics)
    whole = PipelineStatus(
        cameras,
        statistics,
        losses,
        settings,
        {
            'overload': lambda _: schedule.overload(),
            'transforms': inputs.transform_problem,
            'transform_clock': steps.read.transform_clock_problem,
            'ground_level': view_watch.ground_level_problem,
            'losses': loss_watch.problem,
        },
    )
    camera_statuses = CameraStatuses(
        cameras,
        inputs,
        sync_watch,
        losses,
        settings,
        lambda: engine is not None and engine.is_down,
        caps.left_out,
    )
    others: list[StatusSource] = [] if config.cameras else [UnusedTopics(inputs)]
    others += [source for source in (engine, model) if source is not None]
    others.append(QosProblems(graph))
    diagnostics = Diagnostics(
        graph,
        config.graph.diagnostics_name,
        [whole, camera_statuses, *others],
        [inputs.look, loss_watch.look],
        settings,
    )
    health = Health(
        diagnostics,
        whole,
        camera_statuses,
        model,
        others,
        losses,
        inputs,
        loss_watch,
        sync_watch,
        view_watch,
        synchronizer,
        settings,
    )
    return Assembly(config, steps, schedule, budget, cameras, statistics, health, settings)
