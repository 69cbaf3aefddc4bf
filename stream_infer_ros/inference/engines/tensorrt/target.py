"""What a plan is built for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gpu:
    """The GPU that is here.

    Attributes:
        name: as CUDA says it.
        compute_capability: '8.9'.
    """

    name: str
    compute_capability: str
