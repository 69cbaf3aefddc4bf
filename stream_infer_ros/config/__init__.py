"""Configuration: one typed tree."""

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
    SyncConfig,
)
from stream_infer_ros.config.yaml_file import load_config, parse_config

__all__ = [
    'CameraOptions',
    'Config',
    'EngineConfig',
    'EngineKind',
    'GraphConfig',
    'MapConfig',
    'ModelConfig',
    'ModelFamily',
    'PublishConfig',
    'SyncConfig',
    'load_config',
    'parse_config',
]
