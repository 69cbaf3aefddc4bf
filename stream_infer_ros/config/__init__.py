"""Configuration: one typed tree."""

from stream_infer_ros.config.tree import (
    CameraOptions,
    Config,
    EngineConfig,
    GraphConfig,
    MapConfig,
    ModelConfig,
    PublishConfig,
    SyncConfig,
)

__all__ = [
    'CameraOptions',
    'Config',
    'EngineConfig',
    'GraphConfig',
    'MapConfig',
    'ModelConfig',
    'PublishConfig',
    'SyncConfig',
]
