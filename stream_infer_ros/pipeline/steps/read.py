"""The first step: messages become frames; calibrations and transforms are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.cameras.transform_buffer import CACHE_NS, StampedTransform, TransformBuffer
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.errors import CalibrationError, MessageError, TransformError
from stream_infer_ros.graph.graph import Cdr
from stream_infer_ros.messages.camera_info import decode_camera_info, unstamped
from stream_infer_ros.messages.tf import decode_tf
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.health.clock_words import clock_problem, transform_clock_problem
from stream_infer_ros.pipeline.health.statistics import Stage, Statistics
from stream_infer_ros.pipeline.inputs.frame_readers import FRAME_READERS
from stream_infer_ros.pipeline.inputs.input_log import TopicLog
from stream_infer_ros.pipeline.inputs.transform_topics import TransformTopics
from stream_infer_ros.sync.sender_clocks import ClockKind, SenderClocks

# A problem with transforms is reported for this long.
REMEMBERED_NS = 10_000_000_000
# A frame that got no transform for this long does not count when most frames decide if time went back.
LIVE_NS = 2_000_000_000


class Message(NamedTuple):
    """The bytes of one message, and when they arrived, nanoseconds of the graph's clock."""

    topic: str
    cdr: Cdr
    received_ns: int


class Tick(NamedTuple):
    """A moment between two messages, nanoseconds of the graph's clock: everything before it has arrived."""

    now_ns: int


class MessageReader:
    """Decodes messages. Used by one thread.

    A message that cannot be decoded is counted as `malformed` for its camera, and its error is stored in the
    camera's `problems`. The stream continues. A message with an invalid transform is counted as `malformed`
    for its topic; its other transforms are used. `logs` counts what came and what was refused.

    If the transforms of most frames are too old to be stored, time went back, because a bag was looped or a
    simulation was reset. All dynamic transforms are then forgotten. If only some frames are concerned, their
    transforms are left out, and the problem is reported.

    Attributes:
        transform_topics: the topics of transforms.
        has_transforms: True once a valid transform has arrived.
        logs: the messages that came and were refused, by topic.
    """

    def __init__(
        self,
        cameras: Sequence[CameraState],
        transforms: TransformBuffer,
        statistics: Statistics,
        transform_topics: TransformTopics,
        clocks: SenderClocks,
    ) -> None:
        self.transform_topics = transform_topics
        self.has_transforms = False
        self.logs = {
            topic: TopicLog(topic, refused_means='with a refused transform')
            for topic in (transform_topics.static, transform_topics.dynamic)
        }
        self._transforms = transforms
        self._statistics = statistics
        self._clocks = clocks
        self._transform_problem: tuple[str, int] | None = None
        # The time of the last dynamic transform by child frame, and True if it was not too old.
        self._arrivals: dict[str, tuple[int, bool]] = {}
        self._handlers: dict[str, Callable[[Cdr, int], Frame | None]] = {
            transform_topics.static: lambda cdr, now_ns: self._take_transforms(cdr, now_ns, static=True),
            transform_topics.dynamic: lambda cdr, now_ns: self._take_transforms(cdr, now_ns, static=False),
        }
        for topic in dict.fromkeys(camera.topics.camera_info for camera in cameras):
            sharing = [camera for camera in cameras if camera.topics.camera_info == topic]
            self._handlers[topic] = self._calibration_handler(sharing)
            self.logs[topic] = sharing[0].calibration_log
            for camera in sharing:
                camera.calibration_log = self.logs[topic]
        for camera in cameras:
            self._handlers[camera.topics.image] = self._image_handler(camera)
            self.logs[camera.topics.image] = camera.image_log

    @property
    def sources(self) -> tuple[str, ...]:
        """The topics it reads; those that frames depend on come first (transforms, calibrations, images)."""
        return tuple(self._handlers)

    def __call__(self, messages: Iterable[Message | Tick]) -> Iterator[Frame | Tick]:
        """Yield the frame of each image message, and pass on each Tick."""
        for message in messages:
            if isinstance(message, Tick):
                yield message
                continue
            self.logs[message.topic].receive(message.received_ns)
            frame = self._handlers[message.topic](message.cdr, message.received_ns)
            if frame is not None:
                yield frame

    def refusals(self) -> dict[str, str]:
        """Return by topic how many messages were refused and why; topics without refusals are left out."""
        return {topic: log.refusals for topic, log in self.logs.items() if log.refused}

    def transform_problem(self, now_ns: int) -> str:
        """Return the problem with transforms in the last seconds; empty if there was none.

        Valid transforms in between do not clear it, because they come from other publishers.
        """
        if self._transform_problem is None:
            return ''
        problem, noticed_ns = self._transform_problem
        return problem if abs(now_ns - noticed_ns) < REMEMBERED_NS else ''

    def transform_clock_problem(self, _now_ns: int) -> str:
        """Describe the clock of transforms that are stamped by neither us nor a camera; empty if none is."""
        return transform_clock_problem(self._clocks.odd_transforms())

    def _image_handler(self, camera: CameraState) -> Callable[[Cdr, int], Frame | None]:
        read, clock, described = (
            FRAME_READERS[camera.topics.image_type],
            self._clocks.cameras[camera.name],
            -1,
        )

        def take(cdr: Cdr, received_ns: int) -> Frame | None:
            nonlocal described
            try:
                frame = read(camera.topics, cdr, received_ns)
            except MessageError as error:
                camera.image_log.refuse(str(error))
                self._malformed(camera, 'image', error)
                return None
            camera.note('image', '')
            stamp_ns = clock.time_ns(frame.stamp_ns, received_ns)
            if stamp_ns != frame.stamp_ns:
                offset_ns = stamp_ns - frame.stamp_ns
                frame = replace(frame, stamp_ns=stamp_ns, clock_offset_ns=offset_ns)
            else:  # the latency is not known for another clock
                self._statistics.took(Stage.WIRE, received_ns - frame.exposed_ns, camera.name)
            if clock.revision != described:
                described = clock.revision
                camera.note('clock', clock_problem(clock))
                is_useful = clock.kind in (ClockKind.OURS, ClockKind.OFFSET)
                camera.clock_kind, camera.clock_offset_ns = (
                    clock.kind,
                    clock.offset_ns if is_useful else None,
                )
            camera.last_received_ns = received_ns
            return frame

        return take

    def _calibration_handler(self, cameras: Sequence[CameraState]) -> Callable[[Cdr, int], None]:
        known: bytes | None = None

        def take(cdr: Cdr, _: int) -> None:
            nonlocal known
            content = unstamped(cdr)
            if content == known:  # most drivers repeat it with every image
                return
            known = None
            refused: Exception | None = None
            for camera in cameras:
                try:
                    info = decode_camera_info(cdr, camera.topics.rectified)
                except (MessageError, CalibrationError) as error:
                    refused = error
                    self._malformed(camera, 'calibration', error)
                    continue
                camera.model, camera.info_frame_id = info.model, info.frame_id
                camera.note('calibration', '')
            if refused is not None:
                cameras[0].calibration_log.refuse(str(refused))
            else:
                known = content

        return take

    def _take_transforms(self, cdr: Cdr, now_ns: int, *, static: bool) -> None:
        try:
            decoded = decode_tf(cdr)
        except MessageError as error:
            decoded = [error]
        invalid: Exception | None = None
        for each in decoded:
            if isinstance(each, MessageError):
                invalid = each
                continue
            stamped = each if static else self._in_its_clock(each, now_ns)
            try:
                stored = self._transforms.set(stamped, static=static)
            except TransformError as error:
                invalid = error
                continue
            if not static:
                self._arrivals[stamped.child] = (now_ns, stored)
            self.has_transforms = True
            if not stored:
                self._take_too_old(stamped, now_ns)
        if invalid is not None:
            topic = self.transform_topics.static if static else self.transform_topics.dynamic
            self.logs[topic].refuse(str(invalid))
            self._transform_problem = (self.logs[topic].refusals, now_ns)
            self._statistics.lost(DropCause.MALFORMED, topic)

    def _in_its_clock(self, stamped: StampedTransform, now_ns: int) -> StampedTransform:
        """Note how a transform is stamped; return it, with its arrival for a stamp if it has none."""
        clock = self._clocks.transform(stamped.child.lstrip('/'))
        restarts = clock.restarts
        time_ns = clock.time_ns(stamped.stamp_ns, now_ns)
        if clock.restarts != restarts:
            self._transforms.forget(stamped.child)
        return stamped if stamped.stamp_ns else replace(stamped, stamp_ns=time_ns)

    def _take_too_old(self, stamped: StampedTransform, now_ns: int) -> None:
        """Begin anew with this transform if time went back; otherwise report it."""
        live = [stored for ns, stored in self._arrivals.values() if 0 <= now_ns - ns < LIVE_NS]
        if 2 * sum(live) < len(live):
            self._transforms.clear_dynamic()
            self._transforms.set(stamped)
            self._arrivals = {stamped.child: (now_ns, True)}
            self._transform_problem = None
        else:
            self._transform_problem = (
                f'expected transforms {stamped.parent!r} -> {stamped.child!r} in the order of their stamps, '
                f'got one more than {CACHE_NS / 1e9:.0f} s older than the newest; '
                'check the clock of its publisher, and that there is only one publisher',
                now_ns,
            )

    def _malformed(self, camera: CameraState, step: str, error: Exception) -> None:
        camera.note(step, str(error))
        self._statistics.lost(DropCause.MALFORMED, camera.name)
