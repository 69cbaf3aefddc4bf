"""Objects followed over time: sightings of several cameras joined into tracks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.mapping.class_sizes import ClassSize
from stream_infer_ros.mapping.footprints import Sighting
from stream_infer_ros.mapping.ground_view import GroundView

FloatArray = NDArray[np.float64]

HOLD_NS = 400_000_000
"""An object is out of sight if it was not seen for this time, in nanoseconds."""

# Sightings of this age or less form the shape of an object: those of one set, and of the next set at 5 Hz.
_ONE_SET_NS = 250_000_000
_ACCELERATION = 2.0  # process noise in (m/s^2)^2 s, for a walking person or a car in a yard
_START_SPEED_M_S = 1.0
_MOVING_M_S = 0.3
_CONFIRMED_HITS = 2
_SURE_HITS = 3
_SURE_SCORE = 0.4
# Limits of the association of sightings with tracks.
_MOST_TRACKS = 200
_GATE_SIGMAS = 2.5
_GATE_M = 0.3
_GATE_WIDTHS = 0.3


@dataclass(slots=True, eq=False)
class Track:
    """One object, followed by a Kalman filter with a constant-velocity model.

    The filter is the same in x and y. For classes that cannot move, velocity and process noise are zero.

    Attributes:
        class_name, size: class, and typical size of the class.
        x_m, y_m, vx, vy: state at `stamp_ns` in the map frame, in metres and metres per second.
        p_xx, p_xv, p_vv: covariance of position and velocity along one axis.
        seen_ns: stamp of the newest sighting.
        hits: number of sightings so far, over all cameras.
        score: score of the best recent sighting.
        shapes: newest sighting of each camera.
        on_static_layer: True if the last view with this object has free space, so that the static layer
            contains it.
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
    seen_ns: int = 0
    hits: int = 0
    score: float = 0.0
    shapes: dict[str, Sighting] = field(default_factory=dict)
    on_static_layer: bool = False

    @classmethod
    def begin(cls, seen: Sighting) -> Track:
        """Return a new track for a sighting."""
        p_vv = _START_SPEED_M_S**2 if seen.size.mobile else 0.0
        track = cls(seen.class_name, seen.size, seen.stamp_ns, seen.x_m, seen.y_m, seen.sigma_m**2, p_vv)
        track._record(seen)
        return track

    @property
    def speed_m_s(self) -> float:
        return math.hypot(self.vx, self.vy)

    @property
    def sigma_m(self) -> float:
        return math.sqrt(self.p_xx)

    @property
    def confirmed(self) -> bool:
        """True if it was seen more than once. A single detection may be false."""
        return self.hits >= _CONFIRMED_HITS

    @property
    def remembered(self) -> bool:
        """True if the map keeps the object while it is out of sight.

        This requires several sightings and a good score. Objects that cannot move are kept only if the static
        layer does not contain them. Of the mobile objects, only those that park are kept.
        """
        sure = self.hits >= _SURE_HITS and self.score >= _SURE_SCORE
        return sure and (self.size.parks or not self.on_static_layer)

    def moved_since(self, then_ns: int, now_ns: int) -> tuple[float, float]:
        """Return its motion (x, y) in metres.

        It is zero for slow objects and for times longer than HOLD_NS.
        """
        age_ns = now_ns - then_ns
        if self.speed_m_s < _MOVING_M_S or not -HOLD_NS < age_ns < HOLD_NS:
            return 0.0, 0.0
        return self.vx * age_ns * 1e-9, self.vy * age_ns * 1e-9

    def at(self, now_ns: int) -> tuple[float, float]:
        """Return its position (x, y) in the map frame, in metres."""
        moved_x, moved_y = self.moved_since(self.stamp_ns, now_ns)
        return self.x_m + moved_x, self.y_m + moved_y

    def correct(self, seen: Sighting) -> None:
        """Predict the state to the stamp of a sighting, and correct it with the sighting."""
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
        self._record(seen)

    def shape(self, now_ns: int) -> FloatArray:
        """Return the ground (K, 2) that it covers at `now_ns` in the map frame, from its newest sightings."""
        parts = [
            s.shape + self.moved_since(s.stamp_ns, now_ns)
            for s in self.shapes.values()
            if self.seen_ns - s.stamp_ns < _ONE_SET_NS
        ]
        return np.concatenate(parts) if parts else np.zeros((0, 2))

    def _record(self, seen: Sighting) -> None:
        self.hits += 1
        self.score = max(0.8 * self.score, seen.score)
        self.seen_ns = max(self.seen_ns, seen.stamp_ns)
        self.shapes[seen.camera] = seen
        self.on_static_layer = seen.columns is not None


class ObjectTracker:
    """The tracks of all known objects, in the map frame."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []

    def add(self, found: Sequence[Sighting]) -> None:
        """Assign the sightings of one image to tracks, nearest first.

        Sightings that fit no track begin new ones.
        """
        pairs = []
        for i, seen in enumerate(found):
            for track in self.tracks:
                if track.class_name != seen.class_name:
                    continue
                x_m, y_m = track.at(seen.stamp_ns)
                apart = math.hypot(x_m - seen.x_m, y_m - seen.y_m)
                gate = _GATE_M + _GATE_WIDTHS * seen.size.width_m
                gate += _GATE_SIGMAS * math.hypot(seen.sigma_m, track.sigma_m)
                if apart < gate:
                    pairs.append((apart / gate, i, track))
        joined: set[int] = set()
        used: set[int] = set()
        for _, i, track in sorted(pairs, key=lambda pair: pair[0]):
            if i not in joined and id(track) not in used:
                joined.add(i)
                used.add(id(track))
                track.correct(found[i])
        self.tracks.extend(Track.begin(seen) for i, seen in enumerate(found) if i not in joined)

    def drop_lost(self, views: Sequence[GroundView], now_ns: int) -> None:
        """Remove tracks out of sight that are not remembered, or whose place a view shows as free."""
        stale = [track for track in self.tracks if now_ns - track.seen_ns > HOLD_NS]
        if not stale:
            return
        gone = {
            id(track)
            for track in stale
            if not track.remembered or any(seen.sees_ground_behind(track.x_m, track.y_m) for seen in views)
        }
        self.tracks = [track for track in self.tracks if id(track) not in gone]

    def limit_to(self, oldest_ns: int, x_m: float, y_m: float, reach_m: float) -> None:
        """Keep only tracks seen since `oldest_ns` and within `reach_m` of (x, y) along both axes."""
        self.tracks = [
            track
            for track in self.tracks
            if track.seen_ns >= oldest_ns and max(abs(track.x_m - x_m), abs(track.y_m - y_m)) <= reach_m
        ]
        if len(self.tracks) > _MOST_TRACKS:
            self.tracks.sort(key=lambda track: track.seen_ns)
            del self.tracks[:-_MOST_TRACKS]
