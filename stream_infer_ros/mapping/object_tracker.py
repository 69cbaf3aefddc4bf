"""Sightings of several cameras joined into objects."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stream_infer_ros.mapping.footprints import Sighting
from stream_infer_ros.mapping.ground_view import GroundView
from stream_infer_ros.mapping.object_track import HOLD_NS, Track

_MOST_TRACKS = 200
_GATE_SIGMAS = 2.5
_GATE_M = 0.3
_GATE_WIDTHS = 0.3


class ObjectTracker:
    """All objects that are known of, in the map frame."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []

    def add(self, found: Sequence[Sighting]) -> None:
        """Join the sightings of one image to the tracks, nearest first; what fits none begins one."""
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

    def look(self, views: Sequence[GroundView], now_ns: int) -> None:
        """Drop what was not seen for the hold and is not remembered, or what a view looks through."""
        stale = [track for track in self.tracks if now_ns - track.heard_ns > HOLD_NS]
        if not stale:
            return
        gone = {
            id(track)
            for track in stale
            if not track.remembered or any(seen.looks_through(track.x_m, track.y_m) for seen in views)
        }
        self.tracks = [track for track in self.tracks if id(track) not in gone]

    def keep(self, oldest_ns: int, x_m: float, y_m: float, reach_m: float) -> None:
        """Keep the newest tracks, heard since `oldest_ns` and within `reach_m` of (x, y) along both axes."""
        self.tracks = [
            track
            for track in self.tracks
            if track.heard_ns >= oldest_ns and max(abs(track.x_m - x_m), abs(track.y_m - y_m)) <= reach_m
        ]
        if len(self.tracks) > _MOST_TRACKS:
            self.tracks.sort(key=lambda track: track.heard_ns)
            del self.tracks[:-_MOST_TRACKS]
