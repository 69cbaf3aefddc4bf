"""Settings of the map alone, made of what somebody else's detectors publish."""

from __future__ import annotations

from pydantic import Field

from stream_infer_ros.config.graph_tree import GraphConfig
from stream_infer_ros.config.section import LIVE, Section
from stream_infer_ros.config.tree import (
    CameraOptions,
    Config,
    MapConfig,
    PublishConfig,
    SyncConfig,
)


class DetectorOptions(Section):
    """What differs for one camera from the common rule `<camera>/detections` + `<camera>/camera_info`."""

    detections_topic: str = Field('', description='Detection2DArray topic; empty: <camera>/detections.')
    camera_info_topic: str = Field(
        '', description='CameraInfo topic; empty: sibling of the detections topic.'
    )


class FusionPublishConfig(Section):
    """What is published beside the map."""

    markers: bool = Field(True, description='MarkerArray of objects on the ground.')
    diagnostics_period_s: float = Field(
        1.0, gt=0.0, description='Period of /diagnostics.', json_schema_extra=LIVE
    )


class FusionConfig(Section):
    """occupancy_fusion, whole."""

    cameras: tuple[str, ...] = Field((), description='Camera names, e.g. [front, left].')
    camera: dict[str, DetectorOptions] = Field(
        default_factory=dict, description='Per-camera exceptions, by name.'
    )
    class_names: tuple[str, ...] = Field(
        (), description='Names of the classes, for detectors that publish class_id as a number.'
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
        description='Latency bound, header stamp to published map.',
        json_schema_extra=LIVE,
    )
    sync: SyncConfig = SyncConfig()
    map: MapConfig = MapConfig()
    publish: FusionPublishConfig = FusionPublishConfig()

    def on_node(self, graph: GraphConfig) -> Config:
        """The same as a tree of the pipeline, for a node of that name; detections stand for images."""
        cameras = {}
        for name in {**dict.fromkeys(self.cameras), **self.camera}:
            options = self.camera.get(name, DetectorOptions())
            cameras[name] = CameraOptions(
                image_topic=options.detections_topic or f'{name}/detections',
                camera_info_topic=options.camera_info_topic,
            )
        return Config(
            cameras=self.cameras,
            camera=cameras,
            bound_ms=self.bound_ms,
            graph=graph,
            sync=self.sync,
            map=self.map,
            publish=PublishConfig(
                scan=False,
                overlay=False,
                markers=self.publish.markers,
                diagnostics_period_s=self.publish.diagnostics_period_s,
            ),
        )
