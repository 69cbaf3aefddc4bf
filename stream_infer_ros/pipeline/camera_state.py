"""The state of one camera while the pipeline runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.pipeline.inputs.camera_topics import CameraTopics


@dataclass(slots=True)
class CameraState:
    """One camera: its topics, its newest calibration, and its current problems.

    Attributes:
        topics: the topics it publishes to.
        model: the calibration of the newest valid CameraInfo; None before the first.
        info_frame_id: the frame that its newest valid CameraInfo names; empty before the first.
        images: number of usable images.
        last_received_ns: when the newest one arrived; None before the first.
        masked: share of its image that is ignored, 0..1.
        problems: descriptions of current problems by step ('image', 'clock', 'pixels', 'calibration',
            'engine', 'mask', 'no_camera_info', 'no_transform', or a ViewProblemKind). A step that works again
            removes its own.
    """

    topics: CameraTopics
    model: CameraModel | None = None
    info_frame_id: str = ''
    images: int = 0
    last_received_ns: int | None = None
    masked: float = 0.0
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.topics.camera

    @property
    def problem(self) -> str:
        """All current problems in one line; empty if there are none."""
        return '; '.join(self.problems.copy().values())

    def note(self, step: str, problem: str) -> None:
        """Set the problem of a step; an empty text means that the step works."""
        if problem:
            self.problems[step] = problem
        else:
            self.problems.pop(step, None)

    def silent_for_ns(self, now_ns: int) -> int | None:
        """Return the time since its last image arrived, nanoseconds; None if none ever did."""
        return None if self.last_received_ns is None else now_ns - self.last_received_ns
