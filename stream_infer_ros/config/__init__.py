"""Configuration: one typed tree."""

from stream_infer_ros.config.fusion_tree import DetectorOptions, FusionConfig
from stream_infer_ros.config.tree import (
    CameraOptions,
    Config,
    EngineConfig,
    EngineKind,
    GraphConfig,
    MapConfig,
    ModelConfig,
    ModelFamily,
    PublishConfig,
    Section,
    SyncConfig,
)
from stream_infer_ros.config.world_tree import WorldConfig
from stream_infer_ros.config.yaml_file import load_config, parse_config, parse_section

__all__ = [
    'CameraOptions',
    'Config',
    'DetectorOptions',
    'EngineConfig',
    'EngineKind',
    'FusionConfig',
    'GraphConfig',
    'MapConfig',
    'ModelConfig',
    'ModelFamily',
    'PublishConfig',
    'Section',
    'SyncConfig',
    'WorldConfig',
    'load_config',
    'parse_config',
    'parse_section',
]
