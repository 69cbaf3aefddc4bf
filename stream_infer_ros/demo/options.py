"""The options of a demo run."""

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
        seconds: streaming time of the cameras.
        load: simulated cameras and their rate.
        bound_ms: latency bound, from the oldest header stamp of a set to its last published message.
        seed: of the simulated world.
        out: folder for the report.
        engine: inference engine, see `engine.kind`.
        domain_id: ROS domain of this demo.
        graph: middleware between the simulated world and the pipeline.

    Raises:
        ConfigError: a duration, rate or bound is not a finite number.
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
        """One set per period of the cameras."""
        return max(1, round(self.seconds * self.load.rate_hz))
