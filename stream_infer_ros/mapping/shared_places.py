"""Cameras that are at one place according to their transforms, which is hardly ever true."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.mapping.view import View
from stream_infer_ros.mapping.view_problem import ViewProblem, ViewProblemKind

# Two cameras this close that look the same way are at one place.
_SAME_PLACE_M, _SAME_WAY = 0.01, 0.01


def shared_place_problems(views: Sequence[View]) -> list[ViewProblem]:
    """Return a problem for each camera that has the frame, or the place and direction, of another one."""
    others: dict[str, list[View]] = {}
    for one, other in itertools.combinations(views, 2):
        if _same_place(one.base_from_camera, other.base_from_camera):
            others.setdefault(one.camera, []).append(other)
            others.setdefault(other.camera, []).append(one)
    found = []
    for view in views:
        if sharing := others.get(view.camera):
            found.append(_same_frame(view, sharing))
    return found


def _same_frame(view: View, sharing: Sequence[View]) -> ViewProblem:
    same_name = [other for other in sharing if _bare(other) == _bare(view)]
    others = ' and '.join(other.camera for other in same_name or sharing)
    if same_name:
        cause = (
            f'{view.camera} and {others} both say frame_id {view.frame_id!r}, so that both are in one place'
        )
        remedy = 'give each camera a frame of its own in its driver (often frame_id or camera_name)'
    else:
        cause = f'{view.camera} and {others} are at the same place and look the same way'
        remedy = f'correct the transform of {view.frame_id!r} or {sharing[0].frame_id!r}'
    return ViewProblem(ViewProblemKind.SAME_FRAME, view.camera, cause, remedy)


def _same_place(one: RigidTransform, other: RigidTransform) -> bool:
    turned = np.abs(one.rotation - other.rotation).max() < _SAME_WAY
    return bool(turned and np.abs(one.translation - other.translation).max() < _SAME_PLACE_M)


def _bare(view: View) -> str:
    return view.frame_id.lstrip('/')
