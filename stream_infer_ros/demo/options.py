"""What a demo run is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from stream_infer_ros.config import EngineKind, WireKind
from stream_infer_ros.errors import ConfigError


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """One demo run.

    Attributes:
        seconds: how long the cameras stream.
        cameras: how many surround cameras.
        rate_hz: of each camera.
        bound_ms: latency bound, oldest header stamp of a set to its last message out.
        seed: of the world.
        out: folder for the report.
        engine: inference engine, as in `engine.kind`.
        domain_id: ROS domain, this demo's own.
        graph: middleware between the world's process and the pipeline's.

    Raises:
        ConfigError: a length, rate or bound that is no number, or endless.
    """

    seconds: float
    cameras: int
    rate_hz: float
    bound_ms: float
    seed: int
    out: Path
    engine: EngineKind
    domain_id: int
    graph: WireKind

    def __post_init__(self) -> None:
        for name in ('seconds', 'rate_hz', 'bound_ms'):
            if not math.isfinite(getattr(self, name)):
                raise ConfigError(f'{name}: expected a finite number, got {getattr(self, name)}')

    @property
    def camera_names(self) -> tuple[str, ...]:
        return tuple(f'cam{i}' for i in range(self.cameras))

    @property
    def expected_sets(self) -> int:
        """One per period of the cameras."""
        return round(self.seconds * self.rate_hz)
