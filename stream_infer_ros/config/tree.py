"""The typed configuration tree, from which parameters, CLI options, files and reference are made."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import Field, field_validator, model_validator

from stream_infer_ros.config.engine_tree import EngineConfig
from stream_infer_ros.config.graph_tree import GraphConfig
from stream_infer_ros.config.model_tree import ModelConfig
from stream_infer_ros.config.section import LIVE, Section

# A larger map would need gigabytes of memory, and seconds for each set.
MOST_CELLS = 4000
_UNMEASURED_DEADLINE_MS = 40.0
_LONGEST_DEADLINE_MS = 100.0


ImageGeometry = Literal['auto', 'raw', 'rectified']


class CameraOptions(Section):
    """Settings of one camera that differs from `<camera>/image_raw` and `<camera>/camera_info`."""

    image_topic: str = Field('', description='Image topic. If empty, it is <camera>/image_raw.')
    camera_info_topic: str = Field(
        '', description='CameraInfo topic. If empty, it is camera_info in the namespace of the image topic.'
    )
    priority: int = Field(
        0,
        ge=-100,
        le=100,
        description='Under overload, cameras with a higher priority are served first. With sync.policy '
        'none, the frame rate of cameras with a lower priority is reduced first.',
    )
    compressed: bool = Field(
        False, description='Subscribe to <image_topic>/compressed (JPEG or PNG) instead of image_topic.'
    )
    time_offset_ms: float = Field(
        0.0,
        ge=-400.0,
        le=400.0,
        description='Added to the stamps of this camera when its frames are matched with those of other '
        'cameras, e.g. -20 for a camera that is triggered 20 ms after the others, or that stamps its images '
        '20 ms too late. Published stamps, and the lookup of transforms, are not changed.',
        json_schema_extra=LIVE,
    )
    max_rate_hz: float = Field(
        0.0,
        ge=0.0,
        description='Use at most this many images per second of this camera, evenly spaced; 0: all. Cameras '
        'of the same rate with the same cap use the images of the same moments. The others are left out '
        'before they cost anything, and are not counted as lost.',
        json_schema_extra=LIVE,
    )
    geometry: ImageGeometry = Field(
        'auto',
        description='Which values of CameraInfo describe the images. raw: K and D. rectified: P, without '
        'distortion. With auto, they are rectified if the name of the topic says so, e.g. image_rect.',
    )
    mask: str = Field(
        '',
        description='Parts of the image that are ignored, e.g. where it shows the robot: a PNG file in which '
        'black pixels are ignored, or a polygon in pixels, e.g. "[[0, 400], [639, 400], [639, 479], '
        '[0, 479]]", or a list of polygons.',
        json_schema_extra=LIVE,
    )

    @property
    def time_offset_ns(self) -> int:
        return _ns(self.time_offset_ms)

    @field_validator('mask', mode='before')
    @classmethod
    def _as_text(cls, mask: object) -> object:
        # A polygon in a YAML file is a list, and in a ROS parameter a string.
        return json.dumps(mask) if isinstance(mask, list) else mask


class SyncConfig(Section):
    """Matching frames in time."""

    policy: Literal['deadline', 'approximate_time', 'exact', 'latest', 'none', 'message_filters'] = Field(
        'deadline',
        description='How frames are matched. deadline: sets leave complete, or at a deadline. '
        'approximate_time, exact, latest: as the C++ policies of message_filters. '
        'none: the streams are independent. '
        'message_filters: the stock ApproximateTimeSynchronizer in Python (only in a ROS node).',
    )
    slop_ms: float = Field(
        0.0,
        ge=0.0,
        description='Largest distance in time of a frame from the middle of its set; 0: half of the shortest '
        'period.',
        json_schema_extra=LIVE,
    )
    deadline_ms: float = Field(
        0.0,
        ge=0.0,
        description='Policy deadline: a set leaves this long after its stamp, even if cameras are missing. '
        '0: bound_ms minus the measured p99 of the following steps (40 until it is known), or longer if '
        'images need it and bound_ms allows it.',
        json_schema_extra=LIVE,
    )
    camera_timeout_ms: float = Field(
        500.0,
        gt=0.0,
        description='Sets do not wait for a camera that has sent no image for this long.',
        json_schema_extra=LIVE,
    )
    queue_size: int = Field(
        10,
        ge=1,
        le=1000,
        description='Frames kept per camera (policies approximate_time, exact and message_filters).',
    )
    age_penalty: float = Field(
        0.1,
        ge=0.0,
        description='Policy approximate_time: a later set is preferred only if its spread is smaller by this '
        'fraction.',
        json_schema_extra=LIVE,
    )
    max_interval_ms: float = Field(
        0.0,
        ge=0.0,
        description='Policy approximate_time: largest spread of a set; 0: no limit.',
        json_schema_extra=LIVE,
    )

    @property
    def slop_ns(self) -> int:
        return _ns(self.slop_ms)

    @property
    def deadline_ns(self) -> int:
        """The deadline; a default value if `deadline_ms` is 0, until the following steps were measured."""
        return _ns(self.deadline_ms or _UNMEASURED_DEADLINE_MS)

    @property
    def longest_deadline_ns(self) -> int:
        """The largest deadline that may be derived from the arrivals of frames if `deadline_ms` is 0."""
        return _ns(self.deadline_ms or _LONGEST_DEADLINE_MS)

    @property
    def camera_timeout_ns(self) -> int:
        return _ns(self.camera_timeout_ms)

    @property
    def max_interval_ns(self) -> int:
        return _ns(self.max_interval_ms)


class MapConfig(Section):
    """The fused occupancy map."""

    enabled: bool = Field(True, description='Fuse the detections of all cameras into a map, and publish it.')
    map_frame: str = Field('odom', description='Fixed frame of the grid.')
    base_frame: str = Field(
        'base_link',
        description='Frame of the robot. The map is centred on it, and its z=0 plane is the ground.',
    )
    ground_z_m: float = Field(
        0.0,
        ge=-10.0,
        le=10.0,
        description='Height of the ground in map.base_frame, in metres: -0.26 if that frame is 0.26 m above '
        'the ground.',
    )
    size_m: float = Field(40.0, gt=1.0, le=400.0, description='Edge length of the square map in metres.')
    resolution_m: float = Field(0.1, gt=0.005, le=5.0, description='Edge length of a cell in metres.')
    range_m: float = Field(
        8.0,
        gt=0.5,
        le=100.0,
        description='Largest distance from a camera, in metres, at which its observations are used.',
    )
    blind_after_s: float = Field(
        2.0,
        gt=0.0,
        description='If a camera sends no frames for this many seconds, cells that no other camera sees '
        'become unknown.',
    )
    memory_s: float = Field(
        0.0,
        ge=0.0,
        description='Cells that no camera sees become unknown after this many seconds. 0 means never.',
    )

    @model_validator(mode='after')
    def _fits_into_memory(self) -> MapConfig:
        if self.size_m / self.resolution_m > MOST_CELLS:
            raise ValueError(
                f'at most {MOST_CELLS} cells along an edge are possible, {self.size_m:g} m in cells of '
                f'{self.resolution_m:g} m would be {self.size_m / self.resolution_m:.0f}; '
                'make size_m smaller or resolution_m larger'
            )
        return self


class MapPublishConfig(Section):
    """Outputs in addition to the map."""

    markers: bool = Field(
        True,
        description='Publish a MarkerArray of the objects on the ground. It is made only while there is a '
        'subscriber.',
    )
    diagnostics_period_s: float = Field(
        1.0, gt=0.0, description='Period of /diagnostics in seconds.', json_schema_extra=LIVE
    )


class PublishConfig(MapPublishConfig):
    """Outputs in addition to detections and map."""

    scan: bool = Field(
        True,
        description='Publish a LaserScan for each camera, made from the boundary of its free space. It is '
        'made only while there is a subscriber.',
    )
    overlay: bool = Field(
        True,
        description='Publish overlay images. They are drawn only while there is a subscriber.',
        json_schema_extra=LIVE,
    )


class PipelineConfig(Section):
    """The settings that all nodes with a pipeline have."""

    cameras: tuple[str, ...] = Field((), description='Camera names, e.g. [front, left].')
    autostart: bool = Field(
        True,
        description='The node configures and activates itself. Set it to false if a lifecycle manager does '
        'so.',
    )
    # Named as in the servers of Nav2.
    bond_heartbeat_period: float = Field(
        0.1,
        ge=0.0,
        le=1.0,
        description="Period in seconds of the heartbeats to Nav2's lifecycle manager while the node is "
        'active. '
        '0 means no bond.',
    )
    bound_ms: float = Field(
        100.0,
        gt=0.0,
        description='Latency bound in milliseconds, from the header stamp of an image to the published '
        'result.',
        json_schema_extra=LIVE,
    )
    sync: SyncConfig = SyncConfig()
    map: MapConfig = MapConfig()


class Config(PipelineConfig):
    """All settings of stream_infer."""

    cameras: tuple[str, ...] = Field(
        (),
        description='Camera names, e.g. [front, left]. If empty, every image topic that is found is a '
        'camera.',
    )
    camera: dict[str, CameraOptions] = Field(
        default_factory=dict, description='Settings of single cameras, by camera name.'
    )
    graph: GraphConfig = GraphConfig()
    engine: EngineConfig = EngineConfig()
    model: ModelConfig = ModelConfig()
    publish: PublishConfig = PublishConfig()


def _ns(milliseconds: float) -> int:
    return round(milliseconds * 1_000_000)
