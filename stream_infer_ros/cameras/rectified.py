"""The model of a rectified image, from the CameraInfo of its camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from stream_infer_ros.cameras.camera_model import Assumption, CameraModel, FloatArray, Roi

_NO_DISTORTION = np.zeros(0)


def rectified_model(
    width: int,
    height: int,
    d: ArrayLike,
    k: ArrayLike,
    p: ArrayLike,
    binning_x: int = 1,
    binning_y: int = 1,
    roi: Roi | None = None,
) -> CameraModel:
    """Return the model of a rectified image: a pinhole camera with the matrix P, without distortion.

    P projects points of the frame that `frame_id` names (sensor_msgs/CameraInfo.msg). R is therefore not
    applied, and neither is the baseline of a stereo pair in the fourth column of P. Binning and region apply
    to P as to K, as in image_geometry.

    If P is zero or not usable, K is used instead. This is exact only if the camera has no distortion;
    otherwise the model has an `Assumption`.

    Raises:
        CalibrationError: neither P nor K describes a camera.

    Example:
        >>> k = [[380.0, 0.0, 320.0], [0.0, 380.0, 240.0], [0.0, 0.0, 1.0]]
        >>> p = [[320.0, 0.0, 319.5, 0.0], [0.0, 320.0, 239.5, 0.0], [0.0, 0.0, 1.0, 0.0]]
        >>> camera = rectified_model(640, 480, [-0.3, 0.1, 0.0, 0.0], k, p)
        >>> camera.points_to_pixels([[1.0, 0.0, 2.0]]).tolist()
        [[479.5, 239.5]]
    """
    p_matrix = np.array(p, np.float64).reshape(3, 4)
    assumptions: tuple[Assumption, ...] = ()
    if _is_usable(p_matrix):
        matrix = p_matrix[:, :3].copy()
    else:
        matrix = np.array(k, np.float64).reshape(3, 3)
        if np.any(np.nan_to_num(np.array(d, np.float64))):
            words = 'is all zeros' if not p_matrix.any() else f'is not usable ({p_matrix.tolist()})'
            assumptions = (
                Assumption(
                    f'the images are rectified, but CameraInfo.p {words}; K without distortion is used',
                    'calibrate the camera so that the driver publishes P, or set camera.<name>.geometry to '
                    'raw if the images are not rectified',
                ),
            )
    return CameraModel(
        width,
        height,
        '',
        _NO_DISTORTION,
        matrix,
        np.eye(3),
        np.column_stack([matrix, np.zeros(3)]),
        binning_x,
        binning_y,
        roi,
        assumptions,
    )


def _is_usable(p: FloatArray) -> bool:
    """True if P is the matrix of a camera without skew. Its fourth column is not looked at."""
    square = p[:, :3]
    return bool(
        np.isfinite(square).all()
        and square[0, 0] > 0
        and square[1, 1] > 0
        and abs(square[0, 1]) < 1e-6
        and square[1, 0] == 0
        and square[2].tolist() == [0.0, 0.0, 1.0]
    )
