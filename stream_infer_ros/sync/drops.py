"""Counts of lost frames, by camera and cause."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.drop_causes import DropCause


class DropCounter:
    """Counts the frames that are in no set."""

    def __init__(self, cameras: Sequence[str]) -> None:
        self._counts: dict[str, dict[DropCause, int]] = {camera: {} for camera in cameras}

    def count(self, camera: str, cause: DropCause) -> None:
        causes = self._counts[camera]
        causes[cause] = causes.get(cause, 0) + 1

    def counts(self) -> dict[str, dict[DropCause, int]]:
        """Return the counts by camera, then by cause; a copy."""
        return {camera: dict(causes) for camera, causes in self._counts.items()}
