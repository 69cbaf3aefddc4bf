"""The last step: everything that a set gave is published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set

from stream_infer_ros.cameras.encodings import to_colour
from stream_infer_ros.config import Config
from stream_infer_ros.graph.graph import LATCHED, RELIABLE, Graph, Publisher, Qos
from stream_infer_ros.inference.overlay import draw_overlay
from stream_infer_ros.messages.detection2d_array import encode_detection2d_array
from stream_infer_ros.messages.image import encode_image
from stream_infer_ros.messages.label_info import encode_label_info
from stream_infer_ros.messages.laser_scan import encode_laser_scan
from stream_infer_ros.pipeline.live_settings import CurrentSettings
from stream_infer_ros.pipeline.results import PerceivedImage, PerceivedSet
from stream_infer_ros.pipeline.steps.fuse import Fused
from stream_infer_ros.pipeline.steps.publish_map import MapOutputs

Advertise = Callable[[str, str, Qos], Publisher]


class CameraOutputs:
    """The topics below `~/<camera>/`. `overlay` is None until overlays are first wanted."""

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

    def offer_overlay(self) -> None:
        """Advertise the overlay if it is not advertised yet. It stays advertised."""
        if self.overlay is None:
            self.overlay = self._advertise(f'{self._base}/overlay', 'sensor_msgs/msg/Image', RELIABLE)


class Outputs:
    """All publications of the pipeline. They are private to the node: `/<namespace>/<node>/...`.

    Args:
        cameras: the cameras whose detections are published; none if others publish them.
        class_names: the names of the classes by class id.
    """

    def __init__(
        self,
        graph: Graph,
        config: Config,
        cameras: Sequence[str],
        class_names: Sequence[str],
        settings: CurrentSettings,
    ) -> None:
        base = config.graph.private
        self._graph = graph
        self._class_names = tuple(class_names)
        self._settings = settings
        self._cameras = {name: CameraOutputs(graph.advertise, f'{base}/{name}', config) for name in cameras}
        self._map = MapOutputs(graph, config) if config.map.enabled else None
        self._score_threshold: float | None = None
        if config.publish.overlay:
            self.offer_overlays()
        self._publish_threshold()

    def publish_detections(self, image: PerceivedImage) -> None:
        """Publish the detections of one image. Two threads must not do so for one camera at the same time."""
        frame, camera = image.frame, self._cameras.get(image.frame.camera)
        if camera is None:  # another node publishes them
            return
        camera.detections.publish(
            encode_detection2d_array(frame.header_stamp_ns, frame.frame_id, image.perception.detections)
        )
        image.published_ns = self._graph.now_ns()

    def publish_each(self, images: Iterable[PerceivedImage]) -> Iterator[PerceivedImage]:
        """Publish the detections of each image as soon as they are known, and pass the image on."""
        for image in images:
            self.publish_detections(image)
            yield image

    def publish_set(self, seen: PerceivedSet, fused: Fused) -> None:
        """Publish everything of one set that is not published yet: first the cameras, then the map."""
        self._publish_threshold()
        for image in seen.images:
            camera = self._cameras.get(image.frame.camera)
            if camera is None:
                continue
            if image.published_ns is None:
                self.publish_detections(image)
            self._publish_overlay(camera, image)
        for name, scan in fused.scans.items():
            publisher = self._cameras[name].scan
            if publisher is not None:
                publisher.publish(encode_laser_scan(scan))
        self.publish_map(fused)

    def publish_map(self, fused: Fused) -> None:
        """Publish the map and the objects on it; nothing if the pipeline makes no map."""
        if self._map is not None:
            self._map.publish(fused)

    def cameras_with_scan(self) -> Set[str]:
        """Return the cameras whose scan has a subscriber. Only their scans are computed."""
        return {
            name
            for name, camera in self._cameras.items()
            if camera.scan is not None and camera.scan.subscribers()
        }

    def offer_overlays(self) -> None:
        """Advertise all overlays. Callable from any thread. Raises GraphError if that fails."""
        for camera in self._cameras.values():
            camera.offer_overlay()

    def _publish_threshold(self) -> None:
        """Publish the label names again, with the new score threshold, if it has changed."""
        threshold = self._settings().thresholds.lowest
        if threshold == self._score_threshold:
            return
        self._score_threshold = threshold
        now_ns = self._graph.now_ns()
        for name, camera in self._cameras.items():
            labels = encode_label_info(now_ns, name, self._class_names, threshold=threshold)
            camera.label_info.publish(labels)

    def _publish_overlay(self, camera: CameraOutputs, image: PerceivedImage) -> None:
        # Drawing costs as much as inference, so it is done only for a subscriber.
        if self._settings().overlay and camera.overlay is not None and camera.overlay.subscribers():
            frame = image.frame
            picture = draw_overlay(
                to_colour(frame.image, frame.encoding, 'rgb'), image.perception, image.mask
            )
            camera.overlay.publish(encode_image(frame.header_stamp_ns, frame.frame_id, picture, 'rgb8'))
