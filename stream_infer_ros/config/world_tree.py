"""Settings of the simulated cameras."""

from __future__ import annotations

from pydantic import Field

from stream_infer_ros.config.section import Section


class WorldConfig(Section):
    """All settings of the node camera_world. `stream_infer simulate` has the same options."""

    seed: int = Field(1, ge=0, description='Seed of the world, its cameras and their timing.')
    cameras: int = Field(6, ge=1, le=12, description='Number of cameras around the robot.')
    width: int = Field(640, ge=64, description='Image width in pixels.')
    height: int = Field(480, ge=48, description='Image height in pixels.')
    rate: float = Field(10.0, ge=0.1, le=1000.0, description='Images per second of each camera.')
    phase_ms: float = Field(
        12.0, ge=0.0, description='Largest phase offset of a camera in milliseconds, in either direction.'
    )
    jitter_ms: float = Field(
        1.5, ge=0.0, description='Standard deviation of the time stamps in milliseconds.'
    )
    drop: float = Field(0.0, ge=0.0, le=1.0, description='Probability that an image is lost.')
    speed: float = Field(1.0, ge=0.0, description='Speed of the robot in metres per second.')
    seconds: float = Field(
        0.0, ge=0.0, description='Duration in seconds. 0 means until the program is stopped.'
    )
    jpeg: int = Field(
        0, ge=0, le=100, description='JPEG quality of the images. 0 means uncompressed rgb8 images.'
    )
    clock: bool = Field(False, description='Publish the time on /clock.')
