"""Settings of the simulated cameras."""

from __future__ import annotations

from pydantic import Field

from stream_infer_ros.config.section import Section


class WorldConfig(Section):
    """camera_world, whole; the same as the options of `stream_infer simulate`."""

    seed: int = Field(1, ge=0, description='Of the world, its cameras and their timing.')
    cameras: int = Field(6, ge=1, le=12, description='Cameras around the robot.')
    width: int = Field(640, ge=64, description='Image width, pixels.')
    height: int = Field(480, ge=48, description='Image height, pixels.')
    rate: float = Field(10.0, ge=0.1, le=1000.0, description='Images a second of each camera.')
    phase_ms: float = Field(12.0, ge=0.0, description='Phases of the cameras spread within +- this.')
    jitter_ms: float = Field(1.5, ge=0.0, description='Standard deviation of the stamps.')
    drop: float = Field(0.0, ge=0.0, le=1.0, description='Probability that an image is lost.')
    speed: float = Field(1.0, ge=0.0, description='Of the robot, metres a second.')
    seconds: float = Field(0.0, ge=0.0, description='How long; 0: until stopped.')
    jpeg: int = Field(0, ge=0, le=100, description='JPEG quality; 0: raw rgb8.')
    clock: bool = Field(False, description='Publish /clock.')
