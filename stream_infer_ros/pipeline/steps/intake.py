"""The first step: bytes become frames, calibrations and transforms, and frames become sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stream_infer_ros.cameras.frame import AHEAD_NS, BEHIND_NS
from stream_infer_ros.cameras.transform_buffer import TransformBuffer
from stream_infer_ros.config import SyncConfig
from stream_infer_ros.errors import CalibrationError, MessageError, TransformError
from stream_infer_ros.graph.graph import Cdr
from stream_infer_ros.messages.camera_info import decode_camera_info, unstamped
from stream_infer_ros.messages.tf import decode_tf
from stream_infer_ros.pipeline.health.camera_state import CameraState
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.health.sync_watch import SyncWatch
from stream_infer_ros.pipeline.inputs.frame_readers import FRAME_READERS
from stream_infer_ros.pipeline.inputs.transform_topics import TransformTopics
from stream_infer_ros.sync import make_synchronizer
from stream_infer_ros.sync.frame_set import FrameSet

REMEMBERED_NS = 10_000_000_000


class Intake:
    """Parses messages and feeds the synchronizer. Used by one thread.

    A message that cannot be decoded is counted as `malformed` for its camera, and its error is stored in the
    camera's `problems`. The stream continues.

    Attributes:
        synchronizer: the policy of `sync`.
        transform_topics: the topics of transforms.
        heard_transforms: True once a message with transforms has arrived.
    """

    def __init__(
        self,
        cameras: Sequence[CameraState],
        sync: SyncConfig,
        transforms: TransformBuffer,
        statistics: Statistics,
        transform_topics: TransformTopics,
    ) -> None:
        self.transform_topics = transform_topics
        self.heard_transforms = False
        names = [camera.name for camera in cameras]
        self._sync = sync
        self.synchronizer = make_synchronizer(names, lambda: self._sync)
        self._transforms = transforms
        self._statistics = statistics
        self._watch = SyncWatch(names)
        self._transform_problem: tuple[str, int] | None = None
        self._handlers: dict[str, Callable[[Cdr, int], Sequence[FrameSet]]] = {
            transform_topics.static: lambda cdr, now_ns: self._take_transforms(cdr, now_ns, static=True),
            transform_topics.dynamic: lambda cdr, now_ns: self._take_transforms(cdr, now_ns, static=False),
        }
        for topic in dict.fromkeys(camera.topics.camera_info for camera in cameras):
            sharing = [camera for camera in cameras if camera.topics.camera_info == topic]
            self._handlers[topic] = self._calibration_handler(sharing)
        for camera in cameras:
            self._handlers[camera.topics.image] = self._image_handler(camera)

    @property
    def sources(self) -> tuple[str, ...]:
        """Topics it understands, what frames depend on first (transforms, calibrations, images)."""
        return tuple(self._handlers)

    @property
    def watch(self) -> SyncWatch:
        """The recent frames and sets; may be read from any thread."""
        return self._watch

    def accept(self, topic: str, cdr: Cdr, received_ns: int) -> Sequence[FrameSet]:
        """One message; returns the sets it closed."""
        return self._handlers[topic](cdr, received_ns)

    def poll(self, now_ns: int) -> Sequence[FrameSet]:
        """Sets whose time has run out."""
        return self._emitted(self.synchronizer.poll(now_ns), now_ns)

    def next_deadline_ns(self) -> int | None:
        return self.synchronizer.next_deadline_ns()

    def retune(self, config: SyncConfig) -> None:
        """Use these settings from the next frame or poll on. Callable from any thread."""
        self._sync = config

    def _image_handler(self, camera: CameraState) -> Callable[[Cdr, int], Sequence[FrameSet]]:
        read = FRAME_READERS[camera.topics.image_type]

        def take(cdr: Cdr, received_ns: int) -> Sequence[FrameSet]:
            try:
                frame = read(camera.topics, cdr, received_ns)
            except MessageError as error:
                return self._malformed(camera, 'image', error)
            camera.note('image', '')
            camera.note('clock', _clock_problem(received_ns - frame.stamp_ns))
            camera.images += 1
            camera.last_stamp_ns, camera.last_received_ns = frame.stamp_ns, received_ns
            self._statistics.took('wire', received_ns - frame.stamp_ns, camera.name)
            self._watch.arrived(camera.name, frame.stamp_ns, received_ns)
            return self._emitted(self.synchronizer.add(frame, received_ns), received_ns)

        return take

    def _calibration_handler(
        self, cameras: Sequence[CameraState]
    ) -> Callable[[Cdr, int], Sequence[FrameSet]]:
        known: bytes | None = None

        def take(cdr: Cdr, _: int) -> Sequence[FrameSet]:
            nonlocal known
            told = unstamped(cdr)
            if told == known:  # as it comes with nearly every image
                return ()
            known = None
            try:
                model = decode_camera_info(cdr).model
            except (MessageError, CalibrationError) as error:
                for camera in cameras:
                    self._malformed(camera, 'calibration', error)
                return ()
            for camera in cameras:
                camera.model = model
                camera.note('calibration', '')
            known = told
            return ()

        return take

    def transform_problem(self, now_ns: int) -> str:
        """Return the problem with transforms in the last seconds; empty if there was none.

        Valid transforms in between do not clear it, because they come from other publishers.
        """
        if self._transform_problem is None:
            return ''
        problem, noticed_ns = self._transform_problem
        return problem if abs(now_ns - noticed_ns) < REMEMBERED_NS else ''

    def _take_transforms(self, cdr: Cdr, now_ns: int, *, static: bool) -> Sequence[FrameSet]:
        self.heard_transforms = True
        try:
            for stamped in decode_tf(cdr):
                if not self._transforms.set(stamped, static=static):
                    # Older than all that is kept: time went back (a bag looped, a simulation was reset), and
                    # what is kept would have every new transform refused.
                    self._transforms.clear_dynamic()
                    self._transforms.set(stamped, static=static)
        except (MessageError, TransformError) as error:
            self._transform_problem = (str(error), now_ns)
            topics = self.transform_topics
            self._statistics.lost('malformed', topics.static if static else topics.dynamic)
        return ()

    def _malformed(self, camera: CameraState, step: str, error: Exception) -> Sequence[FrameSet]:
        camera.note(step, str(error))
        self._statistics.lost('malformed', camera.name)
        return ()

    def _emitted(self, sets: Sequence[FrameSet], now_ns: int) -> Sequence[FrameSet]:
        for frame_set in sets:
            self._watch.left(frame_set, now_ns)
            for frame in frame_set.frames:
                if frame is not None:
                    self._statistics.took('wait', now_ns - frame.received_ns, frame.camera)
        return sets


def _clock_problem(wire_ns: int) -> str:
    """Return the problem with the clock of an image that arrived this long after its stamp; empty if none."""
    if -AHEAD_NS <= wire_ns <= BEHIND_NS:
        return ''
    side = 'ahead of' if wire_ns < 0 else 'behind'
    return (
        f'its stamps lie {abs(wire_ns) / 1e9:.1f} s {side} their arrival: another clock? '
        'synchronise them (chrony, NTP), or correct the stamps of its driver'
    )
