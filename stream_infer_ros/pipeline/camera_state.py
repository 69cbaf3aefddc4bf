"""The state of one camera while the pipeline runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.pipeline.inputs.camera_topics import CameraTopics
from stream_infer_ros.pipeline.inputs.input_log import TopicLog
from stream_infer_ros.sync.sender_clocks import ClockKind


@dataclass(slots=True)
class CameraState:
    """One camera: its topics, its newest calibration, and its current problems.

    Attributes:
        topics: the topics it publishes to.
        model: the calibration of the newest valid CameraInfo; None before the first.
        info_frame_id: the frame that its newest valid CameraInfo names; empty before the first.
        image_log: counts the messages on the image topic.
        calibration_log: counts the messages on the CameraInfo topic, which cameras may share.
        clock_kind: the relation of its stamps to our clock.
        clock_offset_ns: our time minus the time of its stamps; None if the stamps are useless.
        last_received_ns: when the newest usable image arrived; None before the first.
        lacks_frames: True if its newest frame was not mapped because a coordinate frame is unknown, or
            because two are not connected.
        masked: share of its image that is ignored, 0..1.
        problems: descriptions of current problems by step ('image', 'clock', 'pixels', 'calibration',
            'engine', 'mask', 'no_camera_info', 'no_transform', or a ViewProblemKind). A step that works again
            removes its own.
    """

    topics: CameraTopics
    model: CameraModel | None = None
    info_frame_id: str = ''
    image_log: TopicLog = field(init=False)
    calibration_log: TopicLog = field(init=False)
    clock_kind: ClockKind = ClockKind.OURS
    clock_offset_ns: int | None = 0
    last_received_ns: int | None = None
    lacks_frames: bool = False
    masked: float = 0.0
    problems: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.image_log = TopicLog(self.topics.image)
        self.calibration_log = TopicLog(self.topics.camera_info)

    @property
    def name(self) -> str:
        return self.topics.camera

    @property
    def problem(self) -> str:
        """All current problems in one line; empty if there are none."""
        return '; '.join(self.described_problems().values())

    @property
    def images(self) -> int:
        """Number of usable images."""
        return self.image_log.usable

    @property
    def refusing(self) -> str:
        """How many images were refused and why, if the newest was; else empty."""
        refused = self.problems.keys() & {'image', 'pixels'}
        return self.image_log.refusals if refused else ''

    def described_problems(self) -> dict[str, str]:
        """Return the current problems by step; refused messages with their number."""
        found = self.problems.copy()  # other threads change it
        for step, log in (
            ('image', self.image_log),
            ('pixels', self.image_log),
            ('calibration', self.calibration_log),
        ):
            if step in found and log.refused:
                found[step] = log.refusals
        return found

    def note(self, step: str, problem: str) -> None:
        """Set the problem of a step; an empty text means that the step works."""
        if problem:
            self.problems[step] = problem
        else:
            self.problems.pop(step, None)

    def silent_for_ns(self, now_ns: int) -> int | None:
        """Return the time since its last image arrived, nanoseconds; None if none ever did."""
        return None if self.last_received_ns is None else now_ns - self.last_received_ns
