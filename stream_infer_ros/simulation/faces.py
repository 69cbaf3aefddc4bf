"""Bodies as one flat table of faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.simulation.catalogue import Body
from stream_infer_ros.simulation.light import Light
from stream_infer_ros.simulation.shapes import MAX_CORNERS, face_corners

_SWING_M = 0.22
_GAIT_RAD_PER_M = 4.2


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """n faces, world frame; float32 unless stated otherwise.

    Attributes:
        corners: (n, MAX_CORNERS, 3) metres, counter-clockwise from outside, the last one repeated.
        normals: (n, 3) outward, unit.
        offsets: (n,) so that normal @ point + offset = 0 on the face.
        colours: (n, 3) RGB 0..255, lit.
        textures: (n,) int64 material.
        object_ids: (n,) int64 index of the object it belongs to.
        part_centres: (n, 3) centre of its frustum.
    """

    corners: NDArray[np.float32]
    normals: NDArray[np.float32]
    offsets: NDArray[np.float32]
    colours: NDArray[np.float32]
    textures: NDArray[np.int64]
    object_ids: NDArray[np.int64]
    part_centres: NDArray[np.float32]

    def joined(self, other: Faces) -> Faces:
        """Return these faces, followed by the other ones."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in self.__slots__)
        return Faces(*(np.concatenate(pair) for pair in pairs))


class FaceTemplate:
    """The faces of some bodies in their own frames, to be placed at any poses.

    Args:
        bodies: (m) bodies; object ids are given in `object_ids`.
        object_ids: (m) index of each in the world.
        light: shades the faces.
    """

    def __init__(self, bodies: Sequence[Body], object_ids: Sequence[int], light: Light) -> None:
        corners, colours, centres, swings = [], [], [], []
        textures: list[int] = []
        owners: list[int] = []
        for owner, body in enumerate(bodies):
            for part in body.parts:
                sides = len(part.corners) // 2
                index = face_corners(sides, part.closed_below)
                n = len(index)
                corners.append(part.corners[index])
                swings.append(np.where(index < sides, part.swing, 0))
                colours.append(np.repeat(part.colour[None], n, 0))
                centres.append(np.repeat(part.corners.mean(0)[None], n, 0))
                textures += [part.texture] * n
                owners += [owner] * n
        self._light = light
        self._corners = _stack(corners, (MAX_CORNERS, 3))
        self._swings = _stack(swings, (MAX_CORNERS,)) * np.float32(_SWING_M)
        self._colours = _stack(colours, (3,))
        self._centres = _stack(centres, (3,))
        self._textures = np.array(textures, np.int64)
        self._owners = np.array(owners, np.intp)
        self._object_ids = np.array(object_ids, np.int64)[self._owners]

    def posed(self, poses: NDArray[np.float64], travelled_m: NDArray[np.float64] | None = None) -> Faces:
        """Place the bodies at poses (m, 3): x, y, yaw. Limbs move with `travelled_m` (m,) or hang."""
        local = self._corners
        if travelled_m is not None:
            stride = np.sin(travelled_m * _GAIT_RAD_PER_M).astype(np.float32)
            local = local.copy()
            local[..., 0] += self._swings * stride[self._owners, None]
        turn: NDArray[np.float32] = np.zeros((len(poses), 3, 3), np.float32)
        cos, sin = np.cos(poses[:, 2]), np.sin(poses[:, 2])
        turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = cos, sin, -sin, cos, 1
        shift: NDArray[np.float32] = np.zeros((len(poses), 3), np.float32)
        shift[:, :2] = poses[:, :2]
        turn, shift = turn[self._owners], shift[self._owners]
        corners = local @ turn + shift[:, None]
        centres = (self._centres[:, None] @ turn)[:, 0] + shift
        normals = _normals(corners)
        offsets = -np.einsum('fi,fi->f', normals, corners[:, 0])
        colours = np.clip(self._colours * self._light.on_faces(normals), 0, 255)
        return Faces(corners, normals, offsets, colours, self._textures, self._object_ids, centres)


def _stack(chunks: Sequence[NDArray[np.generic]], shape: tuple[int, ...]) -> NDArray[np.float32]:
    if not chunks:
        return np.zeros((0, *shape), np.float32)
    stacked: NDArray[np.float32] = np.concatenate(chunks).astype(np.float32)
    return stacked


def _normals(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return outward unit normals (n, 3) from the first three corners. np.cross takes four times as long."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
    normals = np.empty((len(a), 3), np.float32)
    normals[:, 0] = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
    normals[:, 1] = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
    normals[:, 2] = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    lengths = np.sqrt(np.einsum('fi,fi->f', normals, normals))
    normals /= lengths[:, None] + np.float32(1e-9)
    return normals
