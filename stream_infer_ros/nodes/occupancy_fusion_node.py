"""The node `occupancy_fusion`: only the map, from detections of any detector, camera_info and transforms."""

from __future__ import annotations

import threading

from stream_infer_ros.config import Config, FusionConfig
from stream_infer_ros.graph import Graph
from stream_infer_ros.nodes.pipeline_node import PipelineNode
from stream_infer_ros.nodes.remapped_cameras import remapped
from stream_infer_ros.pipeline.assembly import Assembly, assemble_fusion
from stream_infer_ros.pipeline.inputs.camera_topics import DetectionTopics, detection_topics


class OccupancyFusionNode(PipelineNode[FusionConfig]):
    """A node without a network. Configure only checks the settings."""

    def __init__(self, stopping: threading.Event) -> None:
        self._cameras: tuple[DetectionTopics, ...] = ()
        super().__init__('occupancy_fusion', FusionConfig, stopping)

    def tree_of(self, settings: FusionConfig) -> Config:
        return settings.on_node(self.graph_config())

    def prepare(self, settings: FusionConfig) -> str:
        cameras = detection_topics(self.tree_of(settings), settings.class_names)
        self._cameras = tuple(remapped(self, camera) for camera in cameras)
        return ', '.join(camera.camera for camera in self._cameras)

    def assemble(self, settings: FusionConfig, graph: Graph) -> Assembly:
        config = self.tree_of(settings)
        return assemble_fusion(config, self._cameras, graph, self.resolve_topic_name)

    def free(self) -> None:
        self._cameras = ()
