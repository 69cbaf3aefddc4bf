"""What a demo run is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from stream_infer_ros.config import EngineKind, WireKind
from stream_infer_ros.demo.load import Load
from stream_infer_ros.errors import ConfigError


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """One demo run.

    Attributes:
        seconds: how long the cameras stream.
        load: simulated cameras and their rate.
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
    load: Load
    bound_ms: float
    seed: int
    out: Path
    engine: EngineKind
    domain_id: int
    graph: WireKind

    def __post_init__(self) -> None:
        values = {'seconds': self.seconds, 'rate': self.load.rate_hz, 'bound_ms': self.bound_ms}
        for name, value in values.items():
            if not math.isfinite(value):
                raise ConfigError(f'{name}: expected a finite number, got {value}')

    @property
    def camera_names(self) -> tuple[str, ...]:
        return tuple(f'cam{i}' for i in range(self.load.cameras))

    @property
    def expected_sets(self) -> int:
        """One per period of the cameras."""
        return max(1, round(self.seconds * self.load.rate_hz))
