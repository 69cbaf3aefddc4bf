"""Parts of a camera's image that are ignored, e.g. where it shows the robot itself."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import ConfigError

# The largest difference between the shapes of a mask and of an image, relative to the shape of the image.
_SHAPE_TOLERANCE = 0.01
_EXAMPLE = '[[0, 400], [639, 400], [639, 479], [0, 479]]'


class ImageMask:
    """The ignored pixels of images of one size.

    Attributes:
        ignored: (H, W) bool, True for a pixel that is ignored.
        share: share of the pixels that are ignored, 0..1.
    """

    def __init__(self, ignored: NDArray[np.bool_]) -> None:
        self.ignored = ignored
        self.share = float(ignored.mean())
        self._size = np.array(ignored.shape[::-1])
        # The sum over any rectangle is that of four values (Crow, Summed-area tables, SIGGRAPH 1984).
        self._sums: NDArray[np.int32] = np.asarray(cv2.integral(ignored.astype(np.uint8)), np.int32)

    def share_of_boxes(self, xyxy: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the share (N,) of the area of boxes (N, 4), source pixels, that is ignored."""
        edges = np.rint(xyxy + np.float32(0.5)).astype(np.intp)
        # np.clip takes several times as long for few boxes.
        low = np.minimum(np.maximum(edges[:, :2], 0), self._size - 1)
        high = np.minimum(np.maximum(edges[:, 2:], low + 1), self._size)
        (left, top), (right, bottom) = low.T, high.T
        sums = self._sums
        inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        share: NDArray[np.float64] = inside / ((right - left) * (bottom - top))
        return share

    def ignores(self, u: NDArray[np.floating[Any]], v: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Return (N,) True where the pixel of the image nearest to (u, v) is ignored."""
        height, width = self.ignored.shape
        # fmax returns the other value for NaN.
        column = np.rint(np.fmin(np.fmax(u, 0), width - 1)).astype(np.intp)
        row = np.rint(np.fmin(np.fmax(v, 0), height - 1)).astype(np.intp)
        ignored: NDArray[np.bool_] = self.ignored[row, column]
        return ignored


class FittedMask(NamedTuple):
    """A mask for images of one size; None if nothing is ignored. `problem` is empty if all is well."""

    mask: ImageMask | None
    problem: str = ''


class CameraMask:
    """The mask of one camera for images of any size: a picture, or polygons.

    Args:
        setting: the path of a picture in which black (0) pixels are ignored, or one or several polygons in
            source pixels as JSON, whose insides are ignored.

    Raises ConfigError if the file cannot be read, or the polygons cannot be understood.
    """

    def __init__(self, setting: str) -> None:
        self._setting = setting
        is_polygons = setting.lstrip().startswith('[')
        self._polygons = _parse_polygons(setting) if is_polygons else None
        self._picture = None if is_polygons else _read_picture(setting)
        self._fitted: dict[tuple[int, int], FittedMask] = {}

    def fitted(self, width: int, height: int) -> FittedMask:
        """Return the mask for images of this size, pixels. It is computed once for each size."""
        known = self._fitted.get((width, height))
        if known is None:
            known = self._fitted[width, height] = self._fit(width, height)
        return known

    def _fit(self, width: int, height: int) -> FittedMask:
        if self._picture is None:
            drawn = np.zeros((height, width), np.uint8)
            for polygon in self._polygons or ():
                cv2.fillPoly(drawn, [np.rint(polygon).astype(np.int32)], 1)
            ignored = drawn > 0
        else:
            mask_height, mask_width = self._picture.shape
            if abs(mask_width * height / (mask_height * width) - 1.0) > _SHAPE_TOLERANCE:
                return FittedMask(
                    None,
                    f'expected a mask of the shape of the images, {width} x {height}, got '
                    f'{mask_width} x {mask_height} from {self._setting}; the mask is not used',
                )
            scaled = cv2.resize(self._picture, (width, height), interpolation=cv2.INTER_NEAREST)
            ignored = np.asarray(scaled) == 0
        mask = ImageMask(ignored)
        if 0.0 < mask.share < 1.0:
            return FittedMask(mask)
        covers = 'the whole image, so that nothing of this camera is used' if mask.share else 'nothing'
        return FittedMask(
            mask if mask.share else None,
            f'the mask {self._setting} covers {covers}; black pixels or the insides of polygons are ignored, '
            f'in images of {width} x {height}',
        )


def read_mask(setting: str) -> CameraMask:
    """Return the mask of a setting. A mask that was read before is used again unless its file has changed.

    Raises ConfigError as `CameraMask` does.
    """
    try:
        status = Path(setting).expanduser().stat()
    except (OSError, ValueError):  # polygons, or a file that is not there
        return _read_once(setting, 0, 0)
    return _read_once(setting, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _read_once(setting: str, modified_ns: int, size_bytes: int) -> CameraMask:
    return CameraMask(setting)


def _read_picture(setting: str) -> NDArray[np.uint8]:
    path = Path(setting).expanduser()
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise ConfigError(
            f'expected a mask in the file {path}, cannot read it: {error.strerror or error}; '
            f'check the camera mask, a picture or polygons such as {_EXAMPLE}'
        ) from error
    picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    if picture is None:
        raise ConfigError(
            f'expected a PNG file as mask, {path} is no picture; save it as PNG, with black (0) where the '
            f'image is to be ignored'
        )
    return np.asarray(picture, np.uint8)


def _parse_polygons(setting: str) -> tuple[NDArray[np.float64], ...]:
    """Return polygons, each (K, 2): [[u, v], ...] is one, [[[u, v], ...], ...] are several."""
    try:
        read = json.loads(setting)
        polygons = read if read and isinstance(read[0][0], list) else [read]
        found = tuple(np.array(polygon, np.float64) for polygon in polygons)
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise _not_polygons(setting) from error
    if not all(
        polygon.ndim == 2
        and polygon.shape[1] == 2
        and len(polygon) >= 3
        and bool((np.abs(polygon) < math.inf).all())
        for polygon in found
    ):
        raise _not_polygons(setting)
    return tuple(np.clip(polygon, -1e6, 1e6) for polygon in found)


def _not_polygons(setting: str) -> ConfigError:
    return ConfigError(
        f'expected a polygon of at least three points in source pixels as mask, e.g. {_EXAMPLE}, or a list '
        f'of polygons, got {setting[:200]}; correct camera.<name>.mask'
    )
