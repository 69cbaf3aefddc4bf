"""The configuration: one typed tree."""

from stream_infer_ros.config.engine_tree import (
    EngineConfig,
    EngineKind,
    KserveConfig,
    Precision,
    TensorRtConfig,
)
from stream_infer_ros.config.fusion_tree import DetectorOptions, FusionConfig
from stream_infer_ros.config.graph_tree import (
    GraphConfig,
    GraphKind,
    WireKind,
    ZenohConfig,
    ZenohTlsConfig,
)
from stream_infer_ros.config.model_families import ModelFamily
from stream_infer_ros.config.model_tree import ModelConfig
from stream_infer_ros.config.section import LIVE, Section
from stream_infer_ros.config.tree import (
    CameraOptions,
    Config,
    MapConfig,
    PipelineConfig,
    PublishConfig,
    SyncConfig,
)
from stream_infer_ros.config.world_tree import WorldConfig
from stream_infer_ros.config.yaml_file import load_config, parse_config, parse_section

__all__ = [
    'LIVE',
    'CameraOptions',
    'Config',
    'DetectorOptions',
    'EngineConfig',
    'EngineKind',
    'FusionConfig',
    'GraphConfig',
    'GraphKind',
    'KserveConfig',
    'MapConfig',
    'ModelConfig',
    'ModelFamily',
    'PipelineConfig',
    'Precision',
    'PublishConfig',
    'Section',
    'SyncConfig',
    'TensorRtConfig',
    'WireKind',
    'WorldConfig',
    'ZenohConfig',
    'ZenohTlsConfig',
    'load_config',
    'parse_config',
    'parse_section',
]
