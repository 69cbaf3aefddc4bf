"""The node `stream_infer`: many cameras, one engine, detections per camera and one map."""

from __future__ import annotations

import threading
import time

from stream_infer_ros.config import Config
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph import Graph, TopicInfo
from stream_infer_ros.graph.ros.discovery import topics
from stream_infer_ros.nodes.pipeline_node import PipelineNode
from stream_infer_ros.nodes.remapped_cameras import remapped
from stream_infer_ros.pipeline.assembly import Assembly, assemble
from stream_infer_ros.pipeline.camera_topics import CameraTopics, camera_topics
from stream_infer_ros.pipeline.network import Network

# How long cameras are looked for where none are named, and how long the list must stay as it is.
DISCOVERY_S, SETTLED_S = 10.0, 1.0
LOOK_S = 0.1


class StreamInferNode(PipelineNode):
    """Configure finds the cameras and loads the network; it keeps both until cleanup.

    Where no cameras are named and none is found, a node that starts itself looks again, until some are there.
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

            self._network = Network(config, len(self._cameras), on_progress)
        cameras = ', '.join(camera.camera for camera in self._cameras)
        return f'{cameras}; {self._network}'

    def assemble(self, settings: Config, graph: Graph) -> tuple[Assembly, Config]:
        config = self.tree_of(settings)
        if self._network is None:
            raise ConfigError('there is no network: configure the node first')
        # Thresholds may have been changed since it was loaded.
        self._network.decoder.retune(config.model)
        return assemble(config, self._cameras, graph, self._network), config

    def is_worth_a_try(self, settings: Config) -> bool:
        return bool(_cameras_among(topics(self), self.tree_of(settings)))

    def free(self) -> None:
        network, self._network = self._network, None
        if network is not None:
            network.close()

    def _find_cameras(self, config: Config) -> tuple[CameraTopics, ...]:
        if config.cameras:
            return camera_topics(config, ())
        with self.report.busy('looking for image topics, as no cameras are named'):
            return camera_topics(config, self._settled_topics(config))

    def _settled_topics(self, config: Config) -> list[TopicInfo]:
        """Topics once some camera is among them and no other came for a while."""
        start_s = changed_s = time.monotonic()
        cameras: tuple[CameraTopics, ...] = ()
        found = topics(self)
        while not self.stopping.wait(LOOK_S) and time.monotonic() - start_s < DISCOVERY_S:
            found = topics(self)
            now = _cameras_among(found, config)
            if now != cameras:
                cameras, changed_s = now, time.monotonic()
            if cameras and time.monotonic() - changed_s >= SETTLED_S:
                break
        return found


def _cameras_among(found: list[TopicInfo], config: Config) -> tuple[CameraTopics, ...]:
    """None yet: an empty tuple."""
    try:
        return camera_topics(config, found)
    except ConfigError:
        return ()
