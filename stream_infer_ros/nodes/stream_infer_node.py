"""The node `stream_infer`: many cameras, one engine, detections per camera and one map."""

from __future__ import annotations

import threading

from stream_infer_ros.config import Config
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph import Graph
from stream_infer_ros.graph.ros.discovery import topics
from stream_infer_ros.nodes.pipeline_node import PipelineNode
from stream_infer_ros.nodes.remapped_cameras import remapped
from stream_infer_ros.pipeline.assembly import Assembly, assemble
from stream_infer_ros.pipeline.inputs.camera_search import cameras_among, describe_found, wait_for_cameras
from stream_infer_ros.pipeline.inputs.camera_topics import CameraTopics, camera_topics
from stream_infer_ros.pipeline.live_settings import LiveSettings
from stream_infer_ros.pipeline.network import MOST_CAMERAS, Network

# The longest wait for the first camera if none are named.
DISCOVERY_S = 10.0


class StreamInferNode(PipelineNode[Config]):
    """A node that finds the cameras and loads the network in configure, and keeps both until cleanup.

    If no cameras are named and none is found, a node with `autostart` repeats the search until there is one.
    """

    def __init__(self, stopping: threading.Event) -> None:
        self._network: Network | None = None
        self._cameras: tuple[CameraTopics, ...] = ()
        super().__init__('stream_infer', Config, stopping)

    def tree_of(self, settings: Config) -> Config:
        return settings.model_copy(update={'graph': self.graph_config()})

    def prepare(self, settings: Config) -> str:
        config = self.tree_of(settings)
        self.free()
        self.may_yet_start = not config.cameras  # until some are found
        self._cameras = tuple(remapped(self, camera) for camera in self._find_cameras(config))
        self.may_yet_start = False
        with self.report.busy(f'loading the network on engine {config.engine.kind}') as tell:

            def on_progress(step: str, share: float) -> bool:
                tell(f'{step} {share:.0%}')
                return not self.stopping.is_set()

            self._network = Network(config, len(self._cameras) or MOST_CAMERAS, on_progress)
        self.check_live(settings)
        if self._network.choice.words:
            self.get_logger().info(self._network.choice.words)
        for note in self._network.notes(config.map.enabled):
            self.get_logger().warning(note)
        cameras = ', '.join(camera.camera for camera in self._cameras) or 'no cameras looked for'
        return f'{cameras}; {self._network}'

    def assemble(self, settings: Config, graph: Graph) -> Assembly:
        config = self.tree_of(settings)
        if self._network is None:
            raise ConfigError('there is no network: configure the node first')
        return assemble(config, self._cameras, graph, self._network, self.resolve_topic_name)

    def is_worth_a_try(self, settings: Config) -> bool:
        return bool(cameras_among(topics(self), self.tree_of(settings)))

    def check_live(self, settings: Config) -> None:
        if self._network is not None:
            LiveSettings.of(self.tree_of(settings), self._network.decoder.class_names)

    def free(self) -> None:
        network, self._network = self._network, None
        if network is not None:
            network.close()

    def _find_cameras(self, config: Config) -> tuple[CameraTopics, ...]:
        if config.cameras:
            return camera_topics(config, ())
        if not self.needs_cameras:
            return ()
        with self.report.busy('looking for image topics, as no cameras are named'):
            found = wait_for_cameras(lambda: topics(self), config, self.stopping.wait, DISCOVERY_S)
        cameras = camera_topics(config, found)
        for line in describe_found(config, cameras, found):
            self.get_logger().info(line)
        return cameras
