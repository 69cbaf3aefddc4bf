"""The last step: what one set gave, published."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

from stream_infer_ros.cameras.encodings import to_colour
from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import Config
from stream_infer_ros.graph.graph import LATCHED, RELIABLE, Graph, Publisher, Qos
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.inference.overlay import draw_overlay
from stream_infer_ros.mapping.grid_snapshot import GridSnapshot
from stream_infer_ros.mapping.ground_object import GroundObject
from stream_infer_ros.messages.detection2d_array import encode_detection2d_array
from stream_infer_ros.messages.image import encode_image
from stream_infer_ros.messages.label_info import encode_label_info
from stream_infer_ros.messages.laser_scan import encode_laser_scan
from stream_infer_ros.pipeline.processed_set import FusedSet
from stream_infer_ros.pipeline.steps.map_outputs import MapOutputs

Advertise = Callable[[str, str, Qos], Publisher]


class CameraOutputs:
    """Topics below `~/<camera>/`. `overlay` is None until overlays are first wanted."""

    def __init__(self, advertise: Advertise, base: str, config: Config) -> None:
        self._advertise = advertise
        self._base = base
        self.detections = advertise(f'{base}/detections', 'vision_msgs/msg/Detection2DArray', RELIABLE)
        self.label_info = advertise(f'{base}/label_info', 'vision_msgs/msg/LabelInfo', LATCHED)
        self.scan = (
            advertise(f'{base}/scan', 'sensor_msgs/msg/LaserScan', RELIABLE)
            if config.publish.scan and config.map.enabled
            else None
        )
        self.overlay: Publisher | None = None
        if config.publish.overlay:
            self.offer_overlay()

    def offer_overlay(self) -> None:
        """Advertise the overlay, unless it is already; a topic once there stays."""
        if self.overlay is None:
            self.overlay = self._advertise(f'{self._base}/overlay', 'sensor_msgs/msg/Image', RELIABLE)


class Outputs:
    """All publications of the pipeline, private to the node: `/<namespace>/<node>/...`.

    Publishes label names once, on construction: their topics are latched.
    """

    def __init__(
        self, graph: Graph, config: Config, cameras: Sequence[str], class_names: Sequence[str], now_ns: int
    ) -> None:
        base = config.graph.private
        self._graph = graph
        self._class_names = tuple(class_names)
        self._threshold = config.model.score_threshold
        self._draws = config.publish.overlay
        self._cameras = {name: CameraOutputs(graph.advertise, f'{base}/{name}', config) for name in cameras}
        self._map = MapOutputs(graph, config) if config.map.enabled else None
        self._publish_label_info(now_ns)

    def publish(self, fused: FusedSet) -> None:
        """Everything one set gave that was not published yet, cameras first."""
        perceived = fused.perceived
        for frame, perception in zip(perceived.frames, perceived.perceptions, strict=True):
            if not perceived.published_ns:
                self.publish_detections(frame, perception)
            self._publish_overlay(frame, perception)
        self._publish_scans(fused)
        if fused.grid is not None:
            self.publish_map(fused.grid, fused.objects)

    def scanned(self) -> Set[str]:
        """Cameras whose scan somebody listens to: nobody pays for one that is not wanted."""
        return {
            name
            for name, outputs in self._cameras.items()
            if outputs.scan is not None and outputs.scan.subscribers()
        }

    def publish_detections(self, frame: Frame, perception: Perception) -> None:
        """Of one camera; from any thread, but of one camera from one at a time."""
        self._cameras[frame.camera].detections.publish(
            encode_detection2d_array(frame.stamp_ns, frame.frame_id, perception.detections)
        )

    def publish_map(self, grid: GridSnapshot, objects: Sequence[GroundObject]) -> None:
        """The map and the objects on it, at the snapshot's stamp."""
        if self._map is not None:
            self._map.publish_map(grid, objects)

    def retune(self, config: Config) -> None:
        """Take on the live settings: overlays, the threshold told in label_info; from any thread."""
        if config.publish.overlay:
            for outputs in self._cameras.values():
                outputs.offer_overlay()
        self._draws = config.publish.overlay
        if config.model.score_threshold != self._threshold:
            self._threshold = config.model.score_threshold
            self._publish_label_info(self._graph.now_ns())

    def _publish_label_info(self, now_ns: int) -> None:
        for name, outputs in self._cameras.items():
            outputs.label_info.publish(
                encode_label_info(now_ns, name, self._class_names, threshold=self._threshold)
            )

    def _publish_scans(self, fused: FusedSet) -> None:
        for camera, scan in fused.scans.items():
            publisher = self._cameras[camera].scan
            if publisher is not None:
                publisher.publish(encode_laser_scan(scan))

    def _publish_overlay(self, frame: Frame, perception: Perception) -> None:
        overlay = self._cameras[frame.camera].overlay
        # Drawing costs as much as inference: only while someone looks.
        if self._draws and overlay is not None and overlay.subscribers():
            picture = draw_overlay(to_colour(frame.image, frame.encoding, 'rgb'), perception)
            overlay.publish(encode_image(frame.stamp_ns, frame.frame_id, picture, 'rgb8'))
