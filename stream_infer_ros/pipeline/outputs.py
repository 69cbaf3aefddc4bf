"""The last step: what one set gave, published."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stream_infer_ros.cameras.encodings import to_colour
from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import Config
from stream_infer_ros.graph.graph import LATCHED, RELIABLE, Graph, Publisher, Qos
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.inference.overlay import draw_overlay
from stream_infer_ros.mapping.grid_snapshot import GridSnapshot
from stream_infer_ros.mapping.ground_object import GroundObject
from stream_infer_ros.messages.detection2d_array import encode_detection2d_array
from stream_infer_ros.messages.detection3d_array import encode_detection3d_array
from stream_infer_ros.messages.image import encode_image
from stream_infer_ros.messages.label_info import encode_label_info
from stream_infer_ros.messages.laser_scan import encode_laser_scan
from stream_infer_ros.messages.markers import encode_marker_array
from stream_infer_ros.messages.occupancy_grid import encode_occupancy_grid
from stream_infer_ros.pipeline.processed_set import FusedSet

Advertise = Callable[[str, str, Qos], Publisher]


class CameraOutputs:
    """Topics below `~/<camera>/`."""

    def __init__(self, advertise: Advertise, base: str, config: Config) -> None:
        self.detections = advertise(f'{base}/detections', 'vision_msgs/msg/Detection2DArray', RELIABLE)
        self.label_info = advertise(f'{base}/label_info', 'vision_msgs/msg/LabelInfo', LATCHED)
        self.scan = (
            advertise(f'{base}/scan', 'sensor_msgs/msg/LaserScan', RELIABLE)
            if config.publish.scan and config.map.enabled
            else None
        )
        self.overlay = (
            advertise(f'{base}/overlay', 'sensor_msgs/msg/Image', RELIABLE)
            if config.publish.overlay
            else None
        )


class Outputs:
    """All publications of the pipeline, private to the node: `/<namespace>/<node>/...`.

    Publishes label names once, on construction: their topics are latched.
    """

    def __init__(
        self, graph: Graph, config: Config, cameras: Sequence[str], class_names: Sequence[str], now_ns: int
    ) -> None:
        base = f'{config.graph.namespace.rstrip("/")}/{config.graph.node_name}'
        self._map_frame = config.map.map_frame
        self._threshold = config.model.score_threshold
        self._cameras = {name: CameraOutputs(graph.advertise, f'{base}/{name}', config) for name in cameras}
        for name, outputs in self._cameras.items():
            outputs.label_info.publish(
                encode_label_info(now_ns, name, class_names, threshold=self._threshold)
            )
        self._grid = self._objects = self._markers = None
        if config.map.enabled:
            self._grid = graph.advertise(f'{base}/occupancy_grid', 'nav_msgs/msg/OccupancyGrid', LATCHED)
            self._objects = graph.advertise(
                f'{base}/detections_3d', 'vision_msgs/msg/Detection3DArray', RELIABLE
            )
            if config.publish.markers:
                self._markers = graph.advertise(
                    f'{base}/markers', 'visualization_msgs/msg/MarkerArray', RELIABLE
                )

    def publish(self, fused: FusedSet) -> None:
        """Everything one set gave, cameras first."""
        perceived = fused.perceived
        for frame, perception in zip(perceived.frames, perceived.perceptions, strict=True):
            outputs = self._cameras[frame.camera]
            outputs.detections.publish(
                encode_detection2d_array(frame.stamp_ns, frame.frame_id, perception.detections)
            )
            self._publish_overlay(outputs, frame, perception)
        self._publish_scans(fused)
        if fused.grid is not None:
            self.publish_map(fused.grid, fused.objects)

    def publish_map(self, grid: GridSnapshot, objects: Sequence[GroundObject]) -> None:
        """The map and the objects on it, at the snapshot's stamp."""
        if self._grid is None or self._objects is None:
            return
        self._grid.publish(encode_occupancy_grid(self._map_frame, grid))
        self._objects.publish(encode_detection3d_array(grid.stamp_ns, self._map_frame, objects))
        if self._markers is not None:
            self._markers.publish(encode_marker_array(grid.stamp_ns, self._map_frame, objects))

    def _publish_scans(self, fused: FusedSet) -> None:
        for camera, scan in fused.scans.items():
            publisher = self._cameras[camera].scan
            if publisher is not None:
                publisher.publish(encode_laser_scan(scan))

    def _publish_overlay(self, outputs: CameraOutputs, frame: Frame, perception: Perception) -> None:
        # Drawing costs as much as inference: only while someone looks.
        if outputs.overlay is not None and outputs.overlay.subscribers():
            picture = draw_overlay(to_colour(frame.image, frame.encoding, 'rgb'), perception)
            outputs.overlay.publish(encode_image(frame.stamp_ns, frame.frame_id, picture, 'rgb8'))
