"""Settings of the map alone, which is fused from the detections of other nodes."""

from __future__ import annotations

from pydantic import Field

from stream_infer_ros.config.graph_tree import GraphConfig
from stream_infer_ros.config.section import Section
from stream_infer_ros.config.tree import (
    CameraOptions,
    Config,
    ImageGeometry,
    MapPublishConfig,
    PipelineConfig,
    PublishConfig,
)


class DetectorOptions(Section):
    """Settings of a single camera, if it differs from `<camera>/detections` and `<camera>/camera_info`."""

    detections_topic: str = Field(
        '', description='Detection2DArray topic. If empty, it is <camera>/detections.'
    )
    camera_info_topic: str = Field(
        '',
        description='CameraInfo topic. If empty, it is camera_info in the namespace of the detections topic.',
    )
    geometry: ImageGeometry = Field(
        'auto',
        description='Which values of CameraInfo describe the images of the detector. raw: K and D. '
        'rectified: P, without distortion. With auto, they are rectified if the name of the detections topic '
        'says so, e.g. image_rect/detections.',
    )


class FusionConfig(PipelineConfig):
    """All settings of occupancy_fusion."""

    camera: dict[str, DetectorOptions] = Field(
        default_factory=dict, description='Settings of single cameras, by camera name.'
    )
    class_names: tuple[str, ...] = Field(
        (), description='Names of the classes, for detectors that publish class_id as a number.'
    )
    publish: MapPublishConfig = MapPublishConfig()

    def on_node(self, graph: GraphConfig) -> Config:
        """Return the configuration of a pipeline on this graph that receives detections instead of images."""
        cameras = {}
        for name in {**dict.fromkeys(self.cameras), **self.camera}:
            options = self.camera.get(name, DetectorOptions())
            cameras[name] = CameraOptions(
                image_topic=options.detections_topic or f'{name}/detections',
                camera_info_topic=options.camera_info_topic,
                geometry=options.geometry,
            )
        common = {name: getattr(self, name) for name in PipelineConfig.model_fields}
        publish = PublishConfig(scan=False, overlay=False, **self.publish.model_dump())
        return Config(**common, camera=cameras, graph=graph, publish=publish)
