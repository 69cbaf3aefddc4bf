"""The model of an image sensor: exposure, colour balance, noise."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.simulation.rig import SimCamera

_SHIFTS = 64
_NOISE_STEP = 0.1


def expose(image: NDArray[np.uint8], camera: SimCamera, rng: np.random.Generator | None) -> NDArray[np.uint8]:
    """Return the picture (h, w, 3) uint8 RGB after gain, white balance, and normal noise drawn with `rng`."""
    gains = camera.gain * np.asarray(camera.white_balance, np.float64)
    if (gains != 1).any():
        image = np.asarray(cv2.transform(image, np.diag(gains)), np.uint8)
    if rng is None or camera.noise_std < _NOISE_STEP / 2:
        return image
    height, width = image.shape[:2]
    brighter, darker = _noise(height, width, round(camera.noise_std / _NOISE_STEP))
    row, column = rng.integers(0, _SHIFTS, 2).tolist()
    window = np.s_[row : row + height, column : column + width]
    # Two saturating byte operations cost a tenth of one with signed noise.
    noisy = cv2.add(image, brighter[window])
    return np.asarray(cv2.subtract(noisy, darker[window], dst=noisy), np.uint8)


@lru_cache(maxsize=80)
def _noise(height: int, width: int, steps: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return noise of `steps` * 0.1 grey levels, split by sign, and larger than the picture by a margin.

    Every picture is given another window of it: drawing fresh noise would cost more than all the rest.
    """
    rng = np.random.default_rng(3)
    shape = (height + _SHIFTS, width + _SHIFTS, 3)
    noise = np.rint(rng.standard_normal(shape, np.float32) * np.float32(steps * _NOISE_STEP))
    return np.clip(noise, 0, 120).astype(np.uint8), np.clip(-noise, 0, 120).astype(np.uint8)
