"""The contribution of one image to the map."""

from __future__ import annotations

from dataclasses import dataclass, field

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.image_mask import ImageMask
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.inference.detections import Perception


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The perception of one image, with calibration and poses at the stamp of the image.

    Attributes:
        camera: name of the camera, as configured.
        stamp_ns: time of the exposure, in nanoseconds; see `Frame.stamp_ns`.
        model: calibration of the image that the perception refers to.
        base_from_camera: pose of the optical frame (x right, y down, z forward) in the base frame.
        map_from_base: pose of the base frame in the map frame at `stamp_ns`, not at the stamp of the set.
        perception: detections and free space in the image.
        frame_id: name of the optical frame, for messages.
        mask: the ignored pixels of the image; None if all are used.
        clock_offset_ns: see `Frame.clock_offset_ns`.
    """

    camera: str
    stamp_ns: int
    model: CameraModel
    base_from_camera: RigidTransform
    map_from_base: RigidTransform
    perception: Perception
    frame_id: str = ''
    mask: ImageMask | None = None
    clock_offset_ns: int = field(default=0, kw_only=True)

    @property
    def header_stamp_ns(self) -> int:
        """The stamp in the header of the image, in nanoseconds."""
        return self.stamp_ns - self.clock_offset_ns
