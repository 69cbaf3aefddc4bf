"""The facts that the doctor collects from a graph or a recording, without any judgement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.transform_buffer import TransformBuffer
from stream_infer_ros.config import Config
from stream_infer_ros.doctor.transform_facts import TransformFacts
from stream_infer_ros.graph.graph import QosProblem, TopicInfo
from stream_infer_ros.mapping.view_problem import ViewProblem
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.health.sync_explanation import SyncExplanation
from stream_infer_ros.pipeline.health.sync_watch import Arrival, StreamRecord
from stream_infer_ros.sync.sender_clocks import ClockKind, SenderClock, SenderClocks


@dataclass(slots=True)
class CameraFacts:
    """One camera.

    Attributes:
        state: its topics, its calibration and its problems, as the pipeline sees them.
        why_no_image: why no image arrived; empty if one arrived.
        arrivals: header stamp and arrival of the images, in the order of arrival.
        newest_ns: time of the last image in the clock of the graph.
        clock: the clock of its stamps; None if the cameras are not known.
        sizes: (width, height) -> number of images, of those whose size was looked at.
        encodings, frame_ids: of the images -> number of images.
        message_bytes: size of the largest image message.
        pixel_problem: why the pixels of an image could not be converted to colour; empty if they could.
        stream: period, jitter and missing images.
    """

    state: CameraState
    why_no_image: str = ''
    arrivals: list[Arrival] = field(default_factory=list)
    newest_ns: int = 0
    clock: SenderClock | None = None
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)
    frame_ids: Counter[str] = field(default_factory=Counter)
    message_bytes: int = 0
    pixel_problem: str = ''
    stream: StreamRecord = field(default_factory=lambda: StreamRecord(0, 0, 0, 0, ()))

    @property
    def name(self) -> str:
        return self.state.name

    @property
    def subject(self) -> str:
        return f'camera {self.name}'

    @property
    def messages(self) -> int:
        """Number of messages on the image topic, usable or not."""
        return self.state.image_log.received

    @property
    def images(self) -> int:
        """Number of usable messages on the image topic."""
        return self.state.images

    @property
    def model(self) -> CameraModel | None:
        return self.state.model

    @property
    def size(self) -> tuple[int, int] | None:
        """The usual (width, height) of the images; None without an image."""
        return self.sizes.most_common(1)[0][0] if self.sizes else None

    @property
    def encoding(self) -> str:
        return self.encodings.most_common(1)[0][0] if self.encodings else ''

    @property
    def frame_id(self) -> str:
        return self.frame_ids.most_common(1)[0][0] if self.frame_ids else ''

    @property
    def rate_hz(self) -> float:
        """Images per second according to the stamps, or else to the arrivals; 0 while unknown."""
        if self.stream.period_ns:
            return 1e9 / self.stream.period_ns
        if len(self.arrivals) < 3:
            return 0.0
        span_ns = self.arrivals[-1].received_ns - self.arrivals[0].received_ns
        return (len(self.arrivals) - 1) * 1e9 / span_ns if span_ns > 0 else 0.0

    def latencies_ns(self) -> NDArray[np.int64]:
        """Return the time from stamp to arrival of each image, (n,) nanoseconds; negative: stamped ahead.

        Empty if the stamps are in another clock.
        """
        if self.clock is not None and self.clock.kind is not ClockKind.OURS:
            return np.zeros(0, np.int64)
        return np.array([arrival.received_ns - arrival.stamp_ns for arrival in self.arrivals], np.int64)


@dataclass(slots=True)
class Observation:
    """Everything that was observed.

    Attributes:
        config: the configuration in use.
        graph_problem: why the graph could not be observed; empty if it could.
        recording: the recording that was read; None for a live graph.
        recording_problems: (problem, remedy) of what the recording lacks or what could not be read from it.
        duration_s: length of the observation, in seconds of the graph's clock.
        topics: all topics with a publisher.
        camera_problem: why the cameras could not be determined; empty if they could.
        cameras: in configured order.
        unusable_names: image topics whose names ROS 2 does not allow.
        transforms: transforms by frame.
        buffer: the tree of frames.
        clocks: the clocks of cameras and transforms.
        why_no_transforms: why no transform arrived; empty if some did, or no map is wanted.
        view_problems: problems of the geometry of the cameras.
        ground_level_problem: why the ground is probably elsewhere; empty if nothing speaks for it.
        qos_problems: publishers and subscriptions that do not match.
        losses: topic -> messages that the middleware reported as lost.
        overflowed: topic -> messages that were dropped here, because this machine was too slow.
        why_lost: why the middleware of this process loses images; empty if no reason is known.
        explanation: how the images match in time; None without cameras.
    """

    config: Config
    graph_problem: str = ''
    recording: Path | None = None
    recording_problems: tuple[tuple[str, str], ...] = ()
    duration_s: float = 0.0
    topics: tuple[TopicInfo, ...] = ()
    camera_problem: str = ''
    cameras: tuple[CameraFacts, ...] = ()
    unusable_names: tuple[str, ...] = ()
    transforms: TransformFacts = field(default_factory=TransformFacts)
    buffer: TransformBuffer = field(default_factory=TransformBuffer)
    clocks: SenderClocks = field(default_factory=lambda: SenderClocks(()))
    why_no_transforms: str = ''
    view_problems: tuple[ViewProblem, ...] = ()
    ground_level_problem: str = ''
    qos_problems: tuple[QosProblem, ...] = ()
    losses: Mapping[str, int] = field(default_factory=dict)
    overflowed: Mapping[str, int] = field(default_factory=dict)
    why_lost: str = ''
    explanation: SyncExplanation | None = None

    @property
    def is_live(self) -> bool:
        return self.recording is None

    @property
    def heard(self) -> tuple[CameraFacts, ...]:
        """The cameras with at least one usable image."""
        return tuple(camera for camera in self.cameras if camera.images)
