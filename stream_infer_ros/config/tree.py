"""The one typed configuration tree: YAML, ROS parameters, CLI options and the reference all come from it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from stream_infer_ros.config.engine_tree import EngineConfig
from stream_infer_ros.config.graph_tree import GraphConfig
from stream_infer_ros.config.section import LIVE, Section

ModelFamily = Literal[
    'auto',
    'surround',
    'yolox',
    'yolov5',
    'yolov8',
    'yolo_end_to_end',
    'detr',
    'rtdetr',
    'rfdetr',
    'nanodet',
    'picodet',
    'torchvision',
    'tensorflow',
    'efficient_nms',
    'nms_rows',
    'mmdeploy',
    'paddle_nms',
    'segmentation',
]

# A map of more cells along an edge would take gigabytes and seconds a set.
MOST_CELLS = 4000
_UNMEASURED_DEADLINE_MS = 40.0


class CameraOptions(Section):
    """What differs for one camera from the common rule `<camera>/image_raw` + `<camera>/camera_info`."""

    image_topic: str = Field('', description='Image topic; empty: <camera>/image_raw.')
    camera_info_topic: str = Field('', description='CameraInfo topic; empty: sibling of the image topic.')
    priority: int = Field(
        0,
        ge=-100,
        le=100,
        description='Under overload the lowest come last, or are thinned first (sync.policy none).',
    )
    compressed: bool = Field(False, description='Subscribe to <image_topic>/compressed (jpeg, png) instead.')


class SyncConfig(Section):
    """Matching frames in time."""

    policy: Literal['deadline', 'approximate_time', 'exact', 'latest', 'none', 'message_filters'] = Field(
        'deadline',
        description='How frames are matched; none: streams are independent, batches form by arrival; '
        'message_filters: the stock one, in a ROS node only.',
    )
    slop_ms: float = Field(
        0.0,
        ge=0.0,
        description='Farthest a frame may lie from its set; 0: half the shortest period.',
        json_schema_extra=LIVE,
    )
    deadline_ms: float = Field(
        0.0,
        ge=0.0,
        description='deadline: a set leaves this long after its stamp, whoever is missing; 0: bound_ms minus '
        'the measured p99 of the steps that follow (40 until that is known).',
        json_schema_extra=LIVE,
    )
    camera_timeout_ms: float = Field(
        500.0,
        gt=0.0,
        description='A camera not heard for this long is no longer waited for.',
        json_schema_extra=LIVE,
    )
    queue_size: int = Field(
        10, ge=1, le=1000, description='Frames kept per camera, but for deadline and latest.'
    )
    age_penalty: float = Field(
        0.1, ge=0.0, description='approximate_time: preference for older sets.', json_schema_extra=LIVE
    )
    max_interval_ms: float = Field(
        0.0, ge=0.0, description='approximate_time: largest spread; 0: unbounded.', json_schema_extra=LIVE
    )

    @property
    def slop_ns(self) -> int:
        return _ns(self.slop_ms)

    @property
    def deadline_ns(self) -> int:
        """The deadline at the start: `deadline_ms`, or a default until the later steps were measured."""
        return _ns(self.deadline_ms or _UNMEASURED_DEADLINE_MS)

    @property
    def camera_timeout_ns(self) -> int:
        return _ns(self.camera_timeout_ms)

    @property
    def max_interval_ns(self) -> int:
        return _ns(self.max_interval_ms)


class ModelConfig(Section):
    """The network."""

    file: str = Field('', description='Model file; empty: the surround model that comes with the package.')
    card: str = Field(
        '', description='Model card: a name from config/models or a YAML file; empty: from metadata.'
    )
    family: ModelFamily = Field('auto', description='Decoder; auto: from ONNX metadata and output shapes.')
    class_names_file: str = Field('', description='One class name a line, for models that carry none.')
    score_threshold: float = Field(
        0.3, ge=0.0, le=1.0, description='Boxes below are not published.', json_schema_extra=LIVE
    )
    nms_iou: float = Field(
        0.55,
        gt=0.0,
        le=1.0,
        description='Overlap above which the weaker of two boxes goes.',
        json_schema_extra=LIVE,
    )


class MapConfig(Section):
    """The fused occupancy map."""

    enabled: bool = Field(True, description='Fuse and publish a map at all.')
    map_frame: str = Field('odom', description='Fixed frame the grid lives in.')
    base_frame: str = Field(
        'base_link', description='Moving frame the window follows; its z=0 plane is the ground.'
    )
    size_m: float = Field(40.0, gt=1.0, le=400.0, description='Edge of the square window, metres.')
    resolution_m: float = Field(0.1, gt=0.005, le=5.0, description='Edge of a cell, metres.')
    range_m: float = Field(
        8.0, gt=0.5, le=100.0, description='Evidence farther than this from its camera is not used.'
    )
    blind_after_s: float = Field(
        2.0, gt=0.0, description='Cells that only cameras silent for this long could see turn to unknown.'
    )
    memory_s: float = Field(
        0.0, ge=0.0, description='Cells outside every view are forgotten after this long; 0: never.'
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


class PublishConfig(Section):
    """What is published beside detections and map."""

    scan: bool = Field(
        True,
        description='A LaserScan per camera from its free-space boundary, made only while someone listens.',
    )
    overlay: bool = Field(
        True, description='Overlay images, drawn only while someone listens.', json_schema_extra=LIVE
    )
    markers: bool = Field(
        True, description='MarkerArray of objects on the ground, made only while someone listens.'
    )
    diagnostics_period_s: float = Field(
        1.0, gt=0.0, description='Period of /diagnostics.', json_schema_extra=LIVE
    )


class Config(Section):
    """stream_infer_ros, whole."""

    cameras: tuple[str, ...] = Field(
        (), description='Camera names, e.g. [front, left]; empty: every image topic found on the graph.'
    )
    camera: dict[str, CameraOptions] = Field(
        default_factory=dict, description='Per-camera exceptions, by name.'
    )
    autostart: bool = Field(
        True, description='The node configures and activates itself; false: a lifecycle manager does.'
    )
    # Named as in the servers of Nav2.
    bond_heartbeat_period: float = Field(
        0.1,
        ge=0.0,
        le=1.0,
        description="Seconds between heartbeats to Nav2's lifecycle manager while active; 0: no bond.",
    )
    bound_ms: float = Field(
        100.0,
        gt=0.0,
        description='Latency bound, header stamp to published result.',
        json_schema_extra=LIVE,
    )
    graph: GraphConfig = GraphConfig()
    sync: SyncConfig = SyncConfig()
    engine: EngineConfig = EngineConfig()
    model: ModelConfig = ModelConfig()
    map: MapConfig = MapConfig()
    publish: PublishConfig = PublishConfig()


def _ns(milliseconds: float) -> int:
    return round(milliseconds * 1_000_000)
