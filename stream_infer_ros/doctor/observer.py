"""Observation of a live graph or a recording, with the reading and matching steps of the pipeline itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from stream_infer_ros.cameras.compressed import COMPRESSED
from stream_infer_ros.cameras.encodings import encoding_info, to_colour
from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import Config
from stream_infer_ros.doctor.geometry import views
from stream_infer_ros.doctor.observation import CameraFacts, Observation
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.errors import (
    ConfigError,
    EncodingError,
    GraphError,
    MessageError,
)
from stream_infer_ros.graph import BagGraph, Graph
from stream_infer_ros.graph.graph import TopicInfo
from stream_infer_ros.messages.tf import decode_tf
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.health.input_watch import PATIENCE_NS, InputWatch
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.health.sync_explanation import explain_sync
from stream_infer_ros.pipeline.health.sync_watch import Arrival, SyncWatch
from stream_infer_ros.pipeline.health.view_watch import ViewWatch
from stream_infer_ros.pipeline.inputs.camera_search import wait_for_cameras
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics, image_topics, left_out
from stream_infer_ros.pipeline.inputs.subscriptions import subscriptions
from stream_infer_ros.pipeline.inputs.transform_topics import TransformTopics
from stream_infer_ros.pipeline.runtime.inbox import Inbox
from stream_infer_ros.pipeline.steps.match import Matcher
from stream_infer_ros.pipeline.steps.read import Message, MessageReader, Tick
from stream_infer_ros.sync import make_synchronizer
from stream_infer_ros.sync.rate_caps import RateCaps
from stream_infer_ros.sync.sender_clocks import SenderClocks

Answer = TypeVar('Answer')

# The longest wait for the first camera, and for its first image.
DISCOVERY_S = 10.0
# The longest wait for the topics of named cameras; what appears later is subscribed to all the same.
NAMED_DISCOVERY_S = 2.0
FIRST_IMAGE_S = 10.0
LOOK_S = 0.02
# Messages that may wait for the doctor, of each topic with images and of each other topic.
IMAGES_WAITING, OTHERS_WAITING = 30, 2000
# Arrivals that are kept of each camera: 30 s at 60 Hz.
ARRIVALS_KEPT = 1800
# Images of each camera whose pixels are converted, the first ones.
PIXELS_TRIED = 3


class Observer:
    """Reads the messages of a graph as the pipeline does, and records facts.

    It subscribes and never publishes. Used by one thread.

    Args:
        found: the topics on the graph.
    """

    def __init__(self, graph: Graph, config: Config, found: Iterable[TopicInfo]) -> None:
        self._graph, self._config = graph, config
        self._statistics = Statistics()
        self._seen = Observation(config, topics=tuple(found))
        self._seen.unusable_names = tuple(left_out(config, self._seen.topics))
        try:
            topics = camera_topics(config, self._seen.topics)
        except ConfigError as error:
            topics, self._seen.camera_problem = (), str(error)
        states = tuple(CameraState(camera) for camera in topics)
        self._seen.cameras = tuple(CameraFacts(state) for state in states)
        self._by_image = {facts.state.topics.image: facts for facts in self._seen.cameras}
        self._tf = TransformTopics.of(config.graph, lambda: self._seen.topics)
        self._began_ns: int | None = None
        self._now_ns = 0
        self._seen.clocks = clocks = SenderClocks([camera.name for camera in states])
        for facts in self._seen.cameras:
            facts.clock = clocks.cameras[facts.name]
        self._reader = MessageReader(states, self._seen.buffer, self._statistics, self._tf, clocks)
        self._inputs = InputWatch(graph, config, states, self._reader, lambda topic: topic)
        self._states = states
        self._start_matching([camera.camera for camera in topics])
        self.subscriptions = subscriptions(states, True, self._tf)
        self.inbox = Inbox(
            {
                topic: IMAGES_WAITING if topic in self._by_image else OTHERS_WAITING
                for topic, _, _ in self.subscriptions
            },
            self._statistics,
        )

    @property
    def heard_image(self) -> bool:
        """True once a message arrived on an image topic, usable or not."""
        return any(camera.messages for camera in self._seen.cameras)

    def take(self, messages: Iterable[Message | Tick]) -> None:
        """Record these messages."""
        frames = self._note_frames(self._reader(self._note_messages(messages)))
        for _ in frames if self._matcher is None else self._matcher(frames):
            pass

    def result(self) -> Observation:
        """Return what was observed, together with what the graph itself reports now."""
        seen, graph = self._seen, self._graph
        now_ns = graph.now_ns()
        seen.duration_s = 0.0 if self._began_ns is None else (self._now_ns - self._began_ns) / 1e9
        seen.topics = tuple(graph.topics()) or seen.topics
        for ns in (now_ns, now_ns + PATIENCE_NS):  # no input can be expected to appear any more
            self._inputs.look(ns, PATIENCE_NS)
        seen.why_no_transforms = self._inputs.why_no_transforms()
        drops = self._statistics.drops()
        streams = {} if self._watch is None else self._watch.streams()
        for camera in seen.cameras:
            camera.why_no_image = '' if camera.images else self._inputs.why_no_image(camera.state)
            camera.stream = streams.get(camera.name, camera.stream)
        self._look_at_views()
        seen.qos_problems = tuple(self._asked(graph.qos_problems, []))
        seen.losses = self._asked(graph.losses, {})
        seen.overflowed = drops.get(DropCause.INBOX_FULL, {})
        seen.why_lost = self._asked(graph.why_lost, '')
        if self._watch is not None and self._synchronizer is not None:
            config, slop_ns = self._config.sync, self._synchronizer.slop_ns
            seen.explanation = explain_sync(
                self._watch,
                config,
                slop_ns,
                drops,
                self._now_ns,
                deadline_ns=self._synchronizer.deadline_ns,
            )
        return seen

    def _asked(self, ask: Callable[[], Answer], otherwise: Answer) -> Answer:
        """Return the answer of the graph. A failure is noted as its problem, and hides no other fact."""
        try:
            return ask()
        except GraphError as error:
            self._seen.graph_problem = str(error)
            return otherwise

    def _look_at_views(self) -> None:
        seen, watch = self._seen, ViewWatch(self._states, self._seen.buffer, self._config.map)
        for view in views(seen) if self._config.map.enabled else ():
            watch.usable(view)
        seen.view_problems = tuple(watch.problems())
        seen.ground_level_problem = watch.ground_level_problem()

    def _start_matching(self, names: list[str]) -> None:
        self._watch, self._matcher, self._synchronizer = None, None, None
        if not names:
            return
        sync = self._config.sync
        if sync.policy == 'message_filters':  # its stock implementation needs a ROS node
            sync = sync.model_copy(update={'policy': 'approximate_time'})
        self._synchronizer = make_synchronizer(names, lambda: sync)
        by_name = {state.name: state for state in self._states}
        self._watch = SyncWatch(names, self._synchronizer.clocks, lambda name: by_name[name].refusing)
        self._matcher = Matcher(
            self._synchronizer,
            self._watch,
            self._statistics,
            lambda: self._config.camera,
            RateCaps(names),
        )

    def _note_messages(self, messages: Iterable[Message | Tick]) -> Iterator[Message | Tick]:
        for message in messages:
            if isinstance(message, Tick):
                self._now_ns = message.now_ns
                yield message
                continue
            self._now_ns = message.received_ns
            if self._began_ns is None:
                self._began_ns = message.received_ns
            if (camera := self._by_image.get(message.topic)) is not None:
                camera.message_bytes = max(camera.message_bytes, memoryview(message.cdr).nbytes)
            elif message.topic in self._tf:
                self._note_transforms(message)
            yield message

    def _note_frames(self, frames: Iterable[Frame | Tick]) -> Iterator[Frame | Tick]:
        cameras = {camera.name: camera for camera in self._seen.cameras}
        for frame in frames:
            if not isinstance(frame, Tick):
                _note_frame(cameras[frame.camera], frame)
            yield frame

    def _note_transforms(self, message: Message) -> None:
        facts, static = self._seen.transforms, message.topic == self._tf.static
        facts.messages += 1
        try:
            transforms = decode_tf(message.cdr)
        except MessageError as error:
            transforms = [error]
        for transform in transforms:
            if isinstance(transform, MessageError):
                facts.invalid[str(transform)] += 1
                continue
            facts.take(transform, message.received_ns, static=static)


def observe_live(
    graph: Graph,
    config: Config,
    seconds: float,
    stop: Callable[[float], bool],
) -> Observation:
    """Observe a live graph for some seconds, from the first image on.

    Args:
        stop: waits for the given seconds; returns True if the observation must end now.
    """
    found = _found(graph, config, stop)
    observer = Observer(graph, config, found)
    for topic, type_name, qos in observer.subscriptions:
        graph.subscribe(
            topic,
            type_name,
            qos,
            lambda cdr, ns, topic=topic: observer.inbox.put(topic, cdr, ns),  # type: ignore[misc]
        )
    end_s = time.monotonic() + min(FIRST_IMAGE_S, max(seconds, 1.0) * 2)
    begun = False
    while time.monotonic() < end_s and not stop(0.0):
        observer.inbox.wait(LOOK_S)
        observer.take([*observer.inbox.drain(), Tick(graph.now_ns())])
        if not begun and observer.heard_image:
            begun, end_s = True, time.monotonic() + seconds
    return observer.result()


def _found(graph: Graph, config: Config, stop: Callable[[float], bool]) -> list[TopicInfo]:
    """Return the topics on the graph, after discovery had time to find the configured cameras."""
    if not config.cameras:
        return wait_for_cameras(graph.topics, config, stop, DISCOVERY_S)
    end_s, found = time.monotonic() + NAMED_DISCOVERY_S, graph.topics()
    wanted = len(config.cameras)
    while time.monotonic() < end_s and not stop(LOOK_S):
        found = graph.topics()
        if len(image_topics(config, found)) >= wanted:
            break
    return found


def observe_recording(path: Path, config: Config, seconds: float) -> Observation:
    """Observe the first seconds of a recording.

    Raises BagError if it cannot be read.
    """
    graph = BagGraph(path)
    try:
        observer = Observer(graph, config, graph.topics())
        for topic, type_name, qos in observer.subscriptions:
            graph.subscribe(
                topic,
                type_name,
                qos,
                lambda cdr, ns, topic=topic: observer.inbox.put(topic, cdr, ns),  # type: ignore[misc]
            )
        begin_ns: int | None = None
        problems: list[tuple[str, str]] = []
        try:
            for _ in graph.steps():
                now_ns = graph.now_ns()
                begin_ns = now_ns if begin_ns is None else begin_ns
                observer.take([Tick(now_ns), *observer.inbox.drain()])
                if now_ns - begin_ns > seconds * 1e9:
                    break
        except GraphError as error:
            problems.append((str(error), 'copy the recording again'))
        problems += [(f'{p.where}: {p.cause}', p.remedy) for p in graph.recording_problems()]
        observation = observer.result()
        observation.recording = path
        observation.recording_problems = tuple(problems)
        return observation
    finally:
        graph.close()


def _note_frame(camera: CameraFacts, frame: Frame) -> None:
    if len(camera.arrivals) < ARRIVALS_KEPT:
        camera.arrivals.append(Arrival(frame.header_stamp_ns, frame.received_ns))
    camera.newest_ns = max(camera.newest_ns, frame.stamp_ns)
    camera.encodings[frame.encoding] += 1
    camera.frame_ids[frame.frame_id] += 1
    try:
        if len(camera.arrivals) <= PIXELS_TRIED:
            height, width = to_colour(frame.image, frame.encoding).shape[:2]
        elif frame.encoding in COMPRESSED:
            return
        else:
            height, width = encoding_info(frame.encoding).image_size(frame.image)
        camera.sizes[width, height] += 1
    except EncodingError as error:
        camera.pixel_problem = str(error)
