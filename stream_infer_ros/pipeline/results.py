"""The results of a set of frames, as they move along the data path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.cameras.image_mask import ImageMask
from stream_infer_ros.inference.detections import Detections, Perception
from stream_infer_ros.mapping import GridSnapshot, GroundObject, PolarScan, View
from stream_infer_ros.pipeline.health.stage_times import StageTimes
from stream_infer_ros.pipeline.scheduling.schedule import Job
from stream_infer_ros.sync.frame_set import FrameSet


@dataclass(slots=True, eq=False)
class PerceivedImage:
    """One frame with what the network found in it.

    Attributes:
        size: (width, height) of the image, pixels.
        mask: the ignored pixels of the image, where nothing was found; None if all are used.
        published_ns: when its detections were published, nanoseconds of the graph's clock; None before.
    """

    frame: Frame
    size: tuple[int, int]
    perception: Perception
    published_ns: int | None = None
    mask: ImageMask | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PerceivedSet:
    """The images of one set that have a result, in the order of their results.

    Attributes:
        job: the frames that were to be run.
        images: those that have a result.
        times: the time that each stage spent on the set.
    """

    job: Job
    images: list[PerceivedImage]
    times: StageTimes = field(default_factory=StageTimes)

    @property
    def frame_set(self) -> FrameSet:
        return self.job.frame_set

    @property
    def frames(self) -> list[Frame]:
        return [image.frame for image in self.images]

    @property
    def partial(self) -> bool:
        """True if a configured camera has no result in this set."""
        there = sum(frame is not None for frame in self.frame_set.frames)
        return self.frame_set.partial or len(self.images) < there

    @property
    def exposed_ns(self) -> int:
        """The time from which the age of the set counts, see `Frame.exposed_ns`: that of its oldest image."""
        return min((image.frame.exposed_ns for image in self.images), default=self.frame_set.stamp_ns)

    @property
    def oldest_stamp_ns(self) -> int:
        """The oldest time of exposure of the images; the stamp of the set if there are none."""
        return min((image.frame.stamp_ns for image in self.images), default=self.frame_set.stamp_ns)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """Everything that was published for one set.

    Attributes:
        perceived: the frames and what the network found in them.
        published_ns: when all of it was published, nanoseconds of the graph's clock.
        views: the perceptions that went into the map, with the geometry of their cameras.
        scans: camera -> scan, of the cameras whose scan has a subscriber.
        map: the occupancy map after this set; None if the pipeline makes no map.
        objects: the objects on the map.
        refusals: input topic -> how many of its messages were refused so far, and why the last was.
    """

    perceived: PerceivedSet
    published_ns: int
    views: Sequence[View] = ()
    scans: Mapping[str, PolarScan] = field(default_factory=dict)
    map: GridSnapshot | None = None
    objects: Sequence[GroundObject] = ()
    refusals: Mapping[str, str] = field(default_factory=dict)

    @property
    def stamp_ns(self) -> int:
        """The mean of the times of exposure (`Frame.stamp_ns`) of the set, nanoseconds."""
        return self.perceived.frame_set.stamp_ns

    @property
    def partial(self) -> bool:
        """True if a configured camera has no result in this set."""
        return self.perceived.partial

    @property
    def detections(self) -> dict[str, Detections]:
        """Camera -> detections, in pixels of the camera's image; cameras without a result are left out."""
        found = {image.frame.camera: image.perception.detections for image in self.perceived.images}
        configured = [frame.camera for frame in self.perceived.frame_set.there]
        return {camera: found[camera] for camera in configured if camera in found}

    def published_frames(self) -> Iterator[tuple[Frame, int]]:
        """Yield each frame with the time when its detections were published, nanoseconds."""
        for image in self.perceived.images:
            yield image.frame, image.published_ns or self.published_ns
