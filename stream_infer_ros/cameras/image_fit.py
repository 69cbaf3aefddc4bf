"""Calibrations for images whose size is not the one that CameraInfo describes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stream_infer_ros.cameras.camera_model import Assumption, CameraModel
from stream_infer_ros.errors import CalibrationError

# Image sizes are rounded, so that the scale of both axes agrees only up to this many pixels.
_ROUNDING_PX = 1.0
# A larger difference in scale is no resized image.
_MOST_SCALE = 16.0


def fitted(model: CameraModel, width: int, height: int) -> CameraModel:
    """Return the calibration for images of this size.

    Images of another size than CameraInfo describes are served if there is only one explanation: they were
    resized as a whole, or binning and region of CameraInfo are not applied to them. The model then has an
    `Assumption`.

    Raises:
        CalibrationError: the images were cropped, rotated or padded, so that the calibration does not fit.
    """
    expected = (model.image_width, model.image_height)
    if (width, height) == expected:
        return model
    if (model.width, model.height) == (0, 0):
        return _of_unknown_size(model, width, height)
    described = f'images are {width} x {height}, but CameraInfo describes {expected[0]} x {expected[1]}'
    if (width, height) == (model.width, model.height):
        assumption = Assumption(
            f'{described} with its binning and region, which are therefore ignored',
            'set binning and roi of CameraInfo to 0 in the driver',
        )
        return replace(
            model, binning_x=1, binning_y=1, roi=None, assumptions=(*model.assumptions, assumption)
        )
    binned = model.binning_x > 1 or model.binning_y > 1
    if binned and abs(width - expected[0]) <= 1 and abs(height - expected[1]) <= 1:
        return _scaled(model, width, height, 1.0, 1.0)  # a driver that rounds up
    scale_x, scale_y = width / expected[0], height / expected[1]
    if _is_resized(expected, (width, height)):
        if not binned and model.roi is None and not is_central(model) and is_central(model, width, height):
            assumption = Assumption(
                f'{described}; K is used without scaling, because its principal point is central in them',
                'correct width and height of CameraInfo in the driver',
            )
            return replace(model, width=width, height=height, assumptions=(*model.assumptions, assumption))
        assumption = Assumption(
            f'{described}, so that they are taken as resized by {scale_x:.3g}',
            'if they are cropped instead, correct roi of CameraInfo; otherwise publish the CameraInfo of the '
            'resized images (image_proc resize does)',
        )
        scaled = _scaled(model, width, height, scale_x, scale_y)
        return replace(scaled, assumptions=(*model.assumptions, assumption))
    if _is_resized(expected, (height, width)):
        reason = 'they seem to be rotated by 90 degrees: calibrate the rotated images'
    else:
        reason = 'another shape, as of cropped images: correct size, binning or roi of CameraInfo'
    raise CalibrationError(f'{described}; {reason}')


def _of_unknown_size(model: CameraModel, width: int, height: int) -> CameraModel:
    cx, cy = model.k[:2, 2].tolist()
    if not is_central(model, width, height):
        raise CalibrationError(
            f'width and height of CameraInfo are 0, and its principal point ({cx:.0f}, {cy:.0f}) is far from '
            f'the middle of the images ({width} x {height}); let the driver publish the right size'
        )
    assumption = Assumption(
        f'width and height of CameraInfo are 0, so that it is taken to be for images of {width} x {height}',
        'let the driver publish the size of the calibration',
    )
    return replace(model, width=width, height=height, assumptions=(*model.assumptions, assumption))


def is_central(model: CameraModel, width: int = 0, height: int = 0) -> bool:
    """True if the principal point is not off the middle of the image as for a calibration of another size.

    Args:
        width, height: full-resolution size of the image; by default that of the model.
    """
    shares = (
        float(model.k[0, 2]) / (width or model.width),
        float(model.k[1, 2]) / (height or model.height),
    )
    return 0.0 <= min(shares) <= 0.65 and 0.35 <= max(shares) <= 1.0


def _is_resized(expected: tuple[int, int], got: tuple[int, int]) -> bool:
    scale = got[0] / expected[0]
    if not 1 / _MOST_SCALE <= scale <= _MOST_SCALE:
        return False
    return abs(expected[1] * scale - got[1]) <= _ROUNDING_PX * max(1.0, scale)


def _scaled(model: CameraModel, width: int, height: int, scale_x: float, scale_y: float) -> CameraModel:
    """Return the model of images that were scaled to this size, with binning and region included in K.

    The edges of the images coincide, as in OpenCV's resize: `u + 0.5 = scale * (u_described + 0.5)`.
    """
    scale = np.array([scale_x, scale_y])
    binning = np.array([model.binning_x, model.binning_y], np.float64)
    offset = np.array([model.roi.x_offset, model.roi.y_offset] if model.roi else [0, 0], np.float64)
    k = model.k.copy()
    k[[0, 1], [0, 1]] *= scale / binning
    k[:2, 2] = ((k[:2, 2] - offset) / binning + 0.5) * scale - 0.5
    return replace(model, width=width, height=height, k=k, binning_x=1, binning_y=1, roi=None)
