"""Surface patterns of bodies, and the painted ground."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

PLAIN, BRICK, PANELS, STRIPES, WOOD = range(5)

TILE_PX = 64
"""Texels per metre. A material repeats every metre."""

LEVELS = 64
"""Brightness steps of a material: a step is 1.4 %, below the noise of the sensor model."""

LEVEL_GAIN = np.linspace(0.5, 1.4, LEVELS, dtype=np.float32)
"""(LEVELS,) float32: the factor on a surface's colour that each level stands for."""

_GROUND_BASES = ((95, 95, 98), (125, 118, 105), (85, 105, 70), (150, 145, 140), (70, 72, 80))


@lru_cache(maxsize=1)
def material_levels() -> NDArray[np.uint8]:
    """Return uint8 levels (5 * 64 * 64,); texel (row, column) of material m: (m * 64 + row) * 64 + column."""
    rng = np.random.default_rng(7)
    n = TILE_PX
    gain = np.ones((5, n, n), np.float32)
    gain[PLAIN] = 1 + _noise(rng, n, n, 0.03)
    for row in range(0, n, 16):
        gain[BRICK, row : row + 2] = 0.65
        for column in (0, 32) if row % 32 == 0 else (16, 48):
            gain[BRICK, row : row + 16, column : column + 2] = 0.65
    gain[BRICK] *= 1 + _noise(rng, 8, n, 0.1)
    gain[PANELS, :3] = gain[PANELS, :, :3] = 0.6
    gain[PANELS] *= 1 + _noise(rng, 16, n, 0.06)
    gain[STRIPES, np.arange(n) % 16 < 3] = 0.75
    gain[STRIPES] *= 1 + _noise(rng, 32, n, 0.05)
    grain = 1 + 0.12 * rng.standard_normal((1, n)).astype(np.float32)
    gain[WOOD] = (1 + _noise(rng, n, n, 0.05)) * grain
    step = (LEVEL_GAIN[-1] - LEVEL_GAIN[0]) / (LEVELS - 1)
    levels: NDArray[np.uint8] = np.clip(np.rint((gain - LEVEL_GAIN[0]) / step), 0, LEVELS - 1).astype(
        np.uint8
    )
    return levels.reshape(-1)


def paint_ground(rng: np.random.Generator, size_m: float, pixels_per_m: int) -> NDArray[np.uint8]:
    """Paint the yard before lighting: (n, n, 3) uint8 RGB, rows along y, columns along x, n = size * ppm.

    The ground is mottled asphalt, gravel, grass or concrete, with stains, and with tiles, lines or neither.
    """
    n = int(size_m * pixels_per_m)
    from_list = np.array(_GROUND_BASES[int(rng.integers(len(_GROUND_BASES)))], np.float64)
    base = 0.5 * _pale_colour(rng) + 0.5 * from_list
    mottle = np.zeros((n, n), np.float32)
    for cells, amount in ((8, 0.10), (40, 0.08), (200, 0.07), (n // 2, 0.06)):
        mottle += _noise(rng, cells, n, amount * rng.uniform(0.3, 1.5))
    mottle += 1
    image = np.empty((n, n, 3), np.uint8)
    for channel in range(3):
        image[..., channel] = np.clip(mottle * np.float32(base[channel]), 0, 255)
    style = rng.random()
    if style < 0.35:
        _lay_tiles(rng, image, base, pixels_per_m)
    elif style < 0.7:
        _paint_lines(rng, image, pixels_per_m)
    _spill_stains(rng, image, base, pixels_per_m)
    return image


def _pale_colour(rng: np.random.Generator) -> NDArray[np.float64]:
    grey = rng.uniform(50, 245)
    return grey * (1 - 0.35 * rng.random() * rng.random(3))


def _noise(rng: np.random.Generator, cells: int, size: int, amount: float) -> NDArray[np.float32]:
    """Return (size, size) float32: normal noise of deviation `amount`, enlarged from (cells, cells)."""
    coarse = rng.standard_normal((cells, cells)).astype(np.float32) * np.float32(amount)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


def _lay_tiles(
    rng: np.random.Generator, image: NDArray[np.uint8], base: NDArray[np.float64], pixels_per_m: int
) -> None:
    n = len(image)
    joint = (base * rng.choice((0.7, 1.2))).tolist()
    for at in range(0, n, int(rng.uniform(0.6, 2.5) * pixels_per_m)):
        cv2.line(image, (at, 0), (at, n), joint, 2)
        cv2.line(image, (0, at), (n, at), joint, 2)


def _paint_lines(rng: np.random.Generator, image: NDArray[np.uint8], pixels_per_m: int) -> None:
    n = len(image)
    for _ in range(int(rng.integers(4, 14))):
        start, end = rng.integers(0, n, 2).tolist(), rng.integers(0, n, 2).tolist()
        colour = (235, 235, 225) if rng.random() < 0.6 else (225, 190, 50)
        if rng.random() < 0.5:
            end[0] = start[0]
        cv2.line(image, start, end, colour, int(rng.uniform(0.06, 0.2) * pixels_per_m))


def _spill_stains(
    rng: np.random.Generator, image: NDArray[np.uint8], base: NDArray[np.float64], pixels_per_m: int
) -> None:
    n = len(image)
    for _ in range(int(rng.integers(0, 25))):
        colour = np.clip(base * rng.uniform(0.55, 1.35), 0, 255).tolist()
        centre = rng.integers(0, n, 2).tolist()
        axes = (int(rng.uniform(0.2, 1.6) * pixels_per_m), int(rng.uniform(0.1, 0.8) * pixels_per_m))
        cv2.ellipse(image, centre, axes, rng.uniform(0, 180), 0, 360, colour, -1)
