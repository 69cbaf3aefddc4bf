"""Counting what was lost, by camera and cause."""

from __future__ import annotations

from collections.abc import Sequence


class DropCounter:
    """Frames that reached no set. Causes are the policies' own words, each explained where it is counted."""

    def __init__(self, cameras: Sequence[str]) -> None:
        self._counts: dict[str, dict[str, int]] = {camera: {} for camera in cameras}

    def count(self, camera: str, cause: str) -> None:
        causes = self._counts[camera]
        causes[cause] = causes.get(cause, 0) + 1

    def snapshot(self) -> dict[str, dict[str, int]]:
        """By camera, then by cause; a copy."""
        return {camera: dict(causes) for camera, causes in self._counts.items()}
