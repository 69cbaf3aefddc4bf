"""Explanations for missing inputs, which name the topics that are on the graph instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stream_infer_ros.config import Config
from stream_infer_ros.graph.graph import Graph, TopicInfo
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.inputs.camera_search import cameras_among
from stream_infer_ros.pipeline.inputs.camera_topics import COMPRESSED_IMAGE, DETECTIONS, IMAGE
from stream_infer_ros.pipeline.inputs.transform_topics import namespaces_of_transforms
from stream_infer_ros.pipeline.steps.read import MessageReader

# A topic without messages is a problem once the pipeline has run for this long.
PATIENCE_NS = 5_000_000_000
MOST_NAMED = 8


class InputWatch:
    """Checks the graph once a period while an input is missing or new cameras may appear.

    Args:
        cameras: the cameras in use.
        resolve: returns the name of a topic after the remapping rules of the node, if there is one.
    """

    def __init__(
        self,
        graph: Graph,
        config: Config,
        cameras: Sequence[CameraState],
        reader: MessageReader,
        resolve: Callable[[str], str],
    ) -> None:
        self._graph = graph
        self._config = config
        self._cameras = tuple(cameras)
        self._reader = reader
        self._resolve = resolve
        self._found: list[TopicInfo] = []
        self._waited_ns = 0
        self._last_ns: int | None = None

    def look(self, now_ns: int, period_ns: int) -> None:
        """Update the list of topics on the graph; call this once a period."""
        if self._last_ns is not None:  # a jump of the clock, as at the start of /clock, is not waiting
            self._waited_ns += min(max(now_ns - self._last_ns, 0), 2 * period_ns)
        self._last_ns = now_ns
        unheard = any(camera.last_received_ns is None for camera in self._cameras)
        if unheard or self._lacks_transforms() or self._lacks_frames() or not self._config.cameras:
            self._found = self._graph.topics()

    @property
    def is_patient(self) -> bool:
        """True while it is too early to call a missing input a problem."""
        return self._waited_ns < PATIENCE_NS

    def why_no_image(self, camera: CameraState) -> str:
        """Explain why no image has arrived from a camera, with the topics that exist and the remedy."""
        topic, wanted = self._resolve(camera.topics.image), camera.topics.image_type
        what = 'detections' if wanted == DETECTIONS else 'image'
        types = [found.type_name for found in self._found if found.name == topic]
        if wanted in types:
            return (
                f'no {what} came on {topic}, though it has a publisher: '
                f'check with `ros2 topic hz {topic}` that it publishes'
            )
        if types:
            return (
                f'no {what} came on {topic}: it carries {types[0]}, expected {wanted}; {_other_type(camera)}'
            )
        kinds = {wanted} if wanted == DETECTIONS else {IMAGE, COMPRESSED_IMAGE}
        own = f'{self._config.graph.private}/'
        seen = [t.name for t in self._found if t.type_name in kinds and not t.name.startswith(own)]
        if not seen:
            return (
                f'no {what} came on {topic}: nobody publishes there, and no such topic is on the graph; '
                'start the driver, and check ROS_DOMAIN_ID and the network'
            )
        setting = 'detections_topic' if wanted == DETECTIONS else 'image_topic'
        return (
            f'no {what} came on {topic}: nobody publishes there; on the graph: {_listed(seen)}; '
            f'correct `cameras` or camera.{camera.name}.{setting}'
        )

    def why_no_transforms(self) -> str:
        """Explain why transforms are missing, and the remedy.

        Empty if none is needed, or if there are some and no frame is unknown. If there are some, only
        transforms in other namespaces are a reason.
        """
        missing = self._lacks_transforms()
        if not missing and not self._lacks_frames():
            return ''
        topics = self._reader.transform_topics
        own = [self._resolve(topic) for topic in topics]
        refusals = [log.refusals for log in map(self._reader.logs.__getitem__, topics) if log.refused]
        if missing and refusals:
            return f'no transform was usable: {"; ".join(refusals)}'
        words = f'no transform came on {own[0]} or {own[1]}'
        found = self._found or self._graph.topics()
        elsewhere = namespaces_of_transforms(found, own, self._config.graph.namespace)
        if not elsewhere:
            return f'{words}: start their publishers (robot_state_publisher, odometry)' if missing else ''
        if not missing:
            words = f'frames are missing on {own[0]} and {own[1]}'
        names = _listed([f'{space.rstrip("/")}/tf' for space in elsewhere])
        if elsewhere[0] == '/':
            remedy = 'set graph.tf_namespace to / (on a ROS node: tf_in_namespace:=false, no remapping)'
        else:
            remedy = (
                f'set graph.tf_namespace to {elsewhere[0]} (on a ROS node: namespace:={elsewhere[0][1:]} '
                'tf_in_namespace:=true, or remap /tf and /tf_static)'
            )
        return f'{words}, but there are some on {names}: {remedy}'

    def transform_problem(self, now_ns: int) -> str:
        """Describe a problem that concerns all transforms, and the remedy; empty if there is none."""
        problem = self._reader.transform_problem(now_ns)
        wanted = any('no_transform' in camera.problems for camera in self._cameras)
        if not problem and (wanted or not self.is_patient):
            problem = self.why_no_transforms()
        return f'transforms: {problem}' if problem else ''

    def unused(self) -> list[str]:
        """Return, sorted, the image topics that appeared after the search for cameras."""
        if self._config.cameras:
            return []
        used = {camera.topics.image for camera in self._cameras}
        used |= {self._resolve(image) for image in used}
        return sorted({camera.image for camera in cameras_among(self._found, self._config)} - used)

    def _lacks_transforms(self) -> bool:
        return self._config.map.enabled and not self._reader.has_transforms

    def _lacks_frames(self) -> bool:
        return any(camera.lacks_frames for camera in self._cameras)


def _other_type(camera: CameraState) -> str:
    if camera.topics.image_type == DETECTIONS:
        return 'correct the topic'
    return f'correct camera.{camera.name}.image_topic or camera.{camera.name}.compressed'


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ', '.join(names[:MOST_NAMED]) + (f' and {more} more' if more > 0 else '')
