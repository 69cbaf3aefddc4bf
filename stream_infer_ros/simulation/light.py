"""The light of a scene: sun, shadow, exposure, sky and haze."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SKIES = ((135, 175, 225), (200, 205, 210), (170, 190, 215), (225, 190, 160), (120, 120, 130))
_SUN_GAIN = 1.15


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """Lambert's law with one sun.

    Attributes:
        sun: (3,) float64 unit vector towards the sun, world frame.
        ambient: share of light that comes from everywhere.
        shadow: factor on ground in shadow; 1.0 on a day without shadows.
        tint: (3,) float64 exposure and colour of the light, RGB.
        sky: (3,) float64 RGB 0..255 at the horizon.
        haze_per_m: extinction; what lies d metres deep keeps exp(-haze * d) of its colour.
    """

    sun: NDArray[np.float64]
    ambient: float
    shadow: float
    tint: NDArray[np.float64]
    sky: NDArray[np.float64]
    haze_per_m: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Light:
        azimuth, elevation = rng.uniform(0, 2 * math.pi), rng.uniform(0.5, 1.3)
        level = math.cos(elevation)
        sun = np.array([math.cos(azimuth) * level, math.sin(azimuth) * level, math.sin(elevation)])
        ambient, shadow = rng.uniform(0.45, 0.75), rng.uniform(0.45, 0.8)
        if rng.random() >= 0.8:
            shadow = 1.0
        tint = rng.uniform(0.75, 1.2) * (1 + rng.uniform(-0.08, 0.08, 3))
        sky = np.clip(np.array(_SKIES[int(rng.integers(len(_SKIES)))]) * rng.uniform(0.7, 1.1), 0, 255)
        haze, hazy = rng.uniform(0, 0.02), rng.random() < 0.5
        return cls(sun, ambient, shadow, tint, sky, haze if hazy else 0.0)

    def on_faces(self, normals: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the factor (n, 3) on the colours of faces with outward unit normals (n, 3)."""
        facing = np.maximum(normals @ self.sun.astype(np.float32), 0)
        received = np.float32(self.ambient) + np.float32((1 - self.ambient) * _SUN_GAIN) * facing
        lit: NDArray[np.float32] = received[:, None] * self.tint.astype(np.float32)
        return lit

    def on_ground(self) -> NDArray[np.float64]:
        """Return the factor (3,) on the colour of sunlit ground."""
        lit: NDArray[np.float64] = self.tint * (self.ambient + (1 - self.ambient) * self.sun[2] * _SUN_GAIN)
        return lit

    def shadow_shift(self, height_m: float) -> NDArray[np.float64]:
        """Return the offset of the shadow of a point of this height from the point below it, (2,) metres."""
        shift: NDArray[np.float64] = -self.sun[:2] / self.sun[2] * height_m
        return shift
