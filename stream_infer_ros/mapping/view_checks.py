"""Checks of the geometry of one camera: calibrations and transforms that give a wrong map, or none."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from stream_infer_ros.cameras.image_fit import is_central
from stream_infer_ros.cameras.rigid_transform import RigidTransform, same_pose
from stream_infer_ros.mapping.ground import LOWEST_CAMERA_M
from stream_infer_ros.mapping.ground_sight import GroundSight, lens_share
from stream_infer_ros.mapping.view import View
from stream_infer_ros.mapping.view_problem import ViewProblem, ViewProblemKind

# The optical frame (x right, y down, z forward) in the body frame of the camera (x forward, y left, z up).
BODY_FROM_OPTICAL = RigidTransform(
    np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]), np.zeros(3)
)
# A camera that is lower touches the ground with its housing; a higher one is rather a wrong unit.
_IMPLAUSIBLY_LOW_M, _IMPLAUSIBLY_HIGH_M = 0.05, 30.0
# Largest difference of a rotation matrix from that of an optical frame in its body frame. Drivers publish the
# calibrated rotation, which differs by up to a few degrees.
_SAME_AXES = 0.2
_SIDEWAYS_RAD, _UPSIDE_DOWN_RAD = math.radians(50), math.radians(130)
_LEAST_LENS_SHARE = 0.95


def view_problems(
    view: View, range_m: float, optical_frames: Mapping[str, RigidTransform] | None = None
) -> list[ViewProblem]:
    """Return the problems of one view, those that leave it out of the map first.

    Args:
        range_m: the largest distance from the camera that is mapped.
        optical_frames: name -> pose of the frames below that of the view in TF whose names contain 'optical',
            relative to the frame of the view.
    """
    sight = GroundSight.of(view.model, view.base_from_camera)
    optical = '' if 'optical' in view.frame_id else _optical_frame(optical_frames or {})
    found = [
        _below_ground(view, sight, optical),
        _no_ground(view, sight, range_m, optical),
        _not_optical(view, optical),
        _rolled(view, sight, range_m, optical),
        _implausible_height(view, sight),
        *_doubtful_calibration(view),
    ]
    problems = [problem for problem in found if problem is not None]
    blocking = [problem for problem in problems if problem.kind.blocks]
    if blocking:  # the first reason explains the others
        return blocking[:1]
    return problems


def _below_ground(view: View, sight: GroundSight, optical: str) -> ViewProblem | None:
    if sight.height_m > LOWEST_CAMERA_M:
        return None
    cause = f'{_frame(view)} is {_height(sight)}, so that it cannot see it'
    remedy = (
        'set map.base_frame to the frame on the ground (often base_footprint), set map.ground_z_m, or '
        'correct the transform of the camera'
    )
    if same_pose(view.base_from_camera, RigidTransform.identity()):
        remedy = (
            'it is the frame of the robot, so set frame_id of image and CameraInfo to the optical frame of '
            f'the camera{f" ({optical})" if optical else ""} in the driver'
        )
    turned_m = float(view.base_from_camera.inverse().translation[2])
    if turned_m > 10 * LOWEST_CAMERA_M and sight.height_m < -LOWEST_CAMERA_M:
        remedy += ' (are its parent and child swapped?)'
    return ViewProblem(ViewProblemKind.BELOW_GROUND, view.camera, cause, remedy)


def _no_ground(view: View, sight: GroundSight, range_m: float, optical: str) -> ViewProblem | None:
    if sight.nearest_m <= range_m:
        return None
    if math.isfinite(sight.nearest_m):
        cause = (
            f'sees no ground within map.range_m ({range_m:g} m): the nearest is {sight.nearest_m:.1f} m away'
        )
        remedy = 'increase map.range_m, or correct the pose of the camera'
        if sight.height_m > _IMPLAUSIBLY_HIGH_M:
            remedy = f'it is {_height(sight)}: are the translations of its transform in metres?'
        return ViewProblem(ViewProblemKind.NO_GROUND, view.camera, cause, remedy)
    cause = f'sees no ground from {_frame(view)}, {_direction(sight)}'
    remedy = _other_axes(view, range_m, optical) or (
        'is that an optical frame (x right, y down, z forward), and is the rotation of its transform correct?'
    )
    return ViewProblem(ViewProblemKind.NO_GROUND, view.camera, cause, remedy)


def _other_axes(view: View, range_m: float, optical: str) -> str:
    """Describe the usual mistake that explains the direction of a camera; empty if none does."""
    if optical:
        return (
            f'is that an optical frame (z forward)? {optical!r} is one: set it as the frame_id of image and '
            'CameraInfo in the driver'
        )
    pose = view.base_from_camera
    if _looks_ahead(view, pose @ BODY_FROM_OPTICAL, range_m):
        return (
            'is that an optical frame (x right, y down, z forward)? Its axes fit the body of the camera '
            '(x forward, z up): publish its optical frame (a rotation of rpy -pi/2, 0, -pi/2) as frame_id'
        )
    if _looks_ahead(view, RigidTransform(pose.rotation.T, pose.translation), range_m):
        return 'its rotation fits if it is inverted: are parent and child of its transform swapped?'
    return ''


def _not_optical(view: View, optical: str) -> ViewProblem | None:
    if not optical:
        return None
    return ViewProblem(
        ViewProblemKind.NOT_OPTICAL,
        view.camera,
        f'{_frame(view)} is the body frame of the camera (x forward), and {optical!r} its optical frame',
        f'set frame_id of image and CameraInfo to {optical!r} in the driver',
    )


def _rolled(view: View, sight: GroundSight, range_m: float, optical: str) -> ViewProblem | None:
    roll_rad = sight.roll_rad
    if roll_rad is None or abs(roll_rad) < _SIDEWAYS_RAD:
        return None
    upside_down = abs(roll_rad) > _UPSIDE_DOWN_RAD
    side = 'upside down' if upside_down else 'on its side'
    remedy = _other_axes(view, range_m, optical) or (
        'if the image is upright, correct the rotation of the transform; otherwise rotate the image in the '
        'driver, and its frame with it'
    )
    return ViewProblem(
        ViewProblemKind.UPSIDE_DOWN if upside_down else ViewProblemKind.SIDEWAYS,
        view.camera,
        f'{_frame(view)} is {side} (rotated by {math.degrees(abs(roll_rad)):.0f} degrees about its z axis), '
        'but networks expect the sky at the upper edge of the image',
        remedy,
    )


def _implausible_height(view: View, sight: GroundSight) -> ViewProblem | None:
    if not LOWEST_CAMERA_M < sight.height_m < _IMPLAUSIBLY_LOW_M:
        return None
    return ViewProblem(
        ViewProblemKind.HEIGHT,
        view.camera,
        f'{_frame(view)} is only {_height(sight)}, so that all distances are too short if it is higher',
        'check the transform of the camera, map.base_frame and map.ground_z_m',
    )


def _doubtful_calibration(view: View) -> list[ViewProblem]:
    model, kind = view.model, ViewProblemKind.CALIBRATION
    found = [ViewProblem(kind, view.camera, *assumption) for assumption in model.assumptions]
    share = lens_share(model)
    if share < _LEAST_LENS_SHARE:
        found.append(
            ViewProblem(
                kind,
                view.camera,
                f'the distortion in CameraInfo cannot be inverted for {1 - share:.0%} of the image, and this '
                'part is not mapped',
                'calibrate again with the board in the corners of the image, or with a model for wide lenses '
                '(rational_polynomial or equidistant)',
            )
        )
    if not is_central(model):
        cx, cy = model.k[:2, 2].tolist()
        found.append(
            ViewProblem(
                kind,
                view.camera,
                f'the principal point ({cx:.0f}, {cy:.0f}) is far from the middle of {model.width} x '
                f'{model.height} pixels',
                'is the calibration for another resolution? Calibrate at the one in use, or let the driver '
                'scale its CameraInfo',
            )
        )
    return found


def _optical_frame(frames: Mapping[str, RigidTransform]) -> str:
    """Return the name of the frame that is the optical frame of a body frame; empty if there is none.

    The poses are relative to the body frame.
    """
    looking_ahead = [
        name
        for name, body_from_frame in frames.items()
        if np.abs(body_from_frame.rotation - BODY_FROM_OPTICAL.rotation).max() < _SAME_AXES
    ]
    return looking_ahead[0] if looking_ahead else ''


def _looks_ahead(view: View, base_from_camera: RigidTransform, range_m: float) -> bool:
    sight = GroundSight.of(view.model, base_from_camera)
    return sight.nearest_m <= range_m and sight.roll_rad is not None and abs(sight.roll_rad) < _SIDEWAYS_RAD


def _frame(view: View) -> str:
    return f'frame {view.frame_id!r}' if view.frame_id else 'its frame'


def _height(sight: GroundSight) -> str:
    side = 'below' if sight.height_m < 0 else 'above'
    return f'{abs(sight.height_m):.2f} m {side} the ground'


def _direction(sight: GroundSight) -> str:
    degrees = math.degrees(sight.elevation_rad)
    if degrees > 60:
        return f'whose z axis points at the sky ({degrees:.0f} degrees up)'
    return f'whose z axis points {abs(degrees):.0f} degrees {"up" if degrees > 0 else "down"}'
