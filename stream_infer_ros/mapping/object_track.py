"""One object followed over time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.mapping.class_sizes import ClassSize
from stream_infer_ros.mapping.footprints import Sighting

FloatArray = NDArray[np.float64]

HOLD_NS = 400_000_000
"""An object not seen for this long is out of sight."""

# Cameras of one set, and the next set at 5 Hz.
_ONE_SET_NS = 250_000_000
_ACCELERATION = 2.0  # (m/s^2)^2 s: what a walking person or a car in a yard does
_START_SPEED_M_S = 1.0
_MOVING_M_S = 0.3
_CONFIRMED_HITS = 2
_SURE_HITS = 3
_SURE_SCORE = 0.4


@dataclass(slots=True, eq=False)
class Track:
    """One object: a Kalman filter of constant velocity, alike in x and y; still for classes that cannot move.

    Attributes:
        x_m, y_m, vx, vy: state at `stamp_ns`, map frame, metres and metres per second.
        p_xx, p_xv, p_vv: its covariance along one axis.
        heard_ns: stamp of its newest sighting.
        hits: sightings so far, over all cameras.
        score: of its best recent sighting.
        shapes: by camera its newest sighting.
        on_static_layer: the view that saw it last has free space too, which a static layer is made from.
    """

    class_name: str
    size: ClassSize
    stamp_ns: int
    x_m: float
    y_m: float
    p_xx: float
    p_vv: float
    vx: float = 0.0
    vy: float = 0.0
    p_xv: float = 0.0
    heard_ns: int = 0
    hits: int = 0
    score: float = 0.0
    shapes: dict[str, Sighting] = field(default_factory=dict)
    on_static_layer: bool = False

    @classmethod
    def begin(cls, seen: Sighting) -> Track:
        p_vv = _START_SPEED_M_S**2 if seen.size.mobile else 0.0
        track = cls(seen.class_name, seen.size, seen.stamp_ns, seen.x_m, seen.y_m, seen.sigma_m**2, p_vv)
        track._note(seen)
        return track

    @property
    def speed_m_s(self) -> float:
        return math.hypot(self.vx, self.vy)

    @property
    def sigma_m(self) -> float:
        return math.sqrt(self.p_xx)

    @property
    def confirmed(self) -> bool:
        """Seen more than once: a single box may be a mistake."""
        return self.hits >= _CONFIRMED_HITS

    @property
    def remembered(self) -> bool:
        """Whether it counts as still there when out of sight: well seen, and nothing else remembers it.

        What never moves is in the static layer if there is one; what walks does not wait to be seen again.
        """
        sure = self.hits >= _SURE_HITS and self.score >= _SURE_SCORE
        return sure and (self.size.parks or not self.on_static_layer)

    def moved_since(self, then_ns: int, now_ns: int) -> tuple[float, float]:
        """How far (x, y) it has gone; nothing for one that hardly moves, or over more than the hold."""
        age_ns = now_ns - then_ns
        if self.speed_m_s < _MOVING_M_S or not -HOLD_NS < age_ns < HOLD_NS:
            return 0.0, 0.0
        return self.vx * age_ns * 1e-9, self.vy * age_ns * 1e-9

    def at(self, now_ns: int) -> tuple[float, float]:
        """Where it is (x, y) in the map frame, metres."""
        moved_x, moved_y = self.moved_since(self.stamp_ns, now_ns)
        return self.x_m + moved_x, self.y_m + moved_y

    def correct(self, seen: Sighting) -> None:
        """One step of the filter: predict to the sighting's stamp, then weigh it in."""
        dt = max(0.0, (seen.stamp_ns - self.stamp_ns) * 1e-9)
        spread = _ACCELERATION if self.size.mobile else 0.0
        self.x_m += self.vx * dt
        self.y_m += self.vy * dt
        self.p_xx += 2 * dt * self.p_xv + dt * dt * self.p_vv + spread * dt**4 / 4
        self.p_xv += dt * self.p_vv + spread * dt**3 / 2
        self.p_vv += spread * dt * dt
        self.stamp_ns = max(self.stamp_ns, seen.stamp_ns)
        total = self.p_xx + seen.sigma_m**2
        gain_x, gain_v = self.p_xx / total, self.p_xv / total
        error_x, error_y = seen.x_m - self.x_m, seen.y_m - self.y_m
        self.x_m += gain_x * error_x
        self.y_m += gain_x * error_y
        self.vx += gain_v * error_x
        self.vy += gain_v * error_y
        self.p_vv -= gain_v * self.p_xv
        self.p_xv *= 1 - gain_x
        self.p_xx *= 1 - gain_x
        self._note(seen)

    def shape(self, now_ns: int) -> FloatArray:
        """Ground (K, 2) it covers, map frame: what was last seen of it, moved on to now."""
        parts = [
            s.shape + self.moved_since(s.stamp_ns, now_ns)
            for s in self.shapes.values()
            if self.heard_ns - s.stamp_ns < _ONE_SET_NS
        ]
        return np.concatenate(parts) if parts else np.zeros((0, 2))

    def _note(self, seen: Sighting) -> None:
        self.hits += 1
        self.score = max(0.8 * self.score, seen.score)
        self.heard_ns = max(self.heard_ns, seen.stamp_ns)
        self.shapes[seen.camera] = seen
        self.on_static_layer = seen.columns is not None
