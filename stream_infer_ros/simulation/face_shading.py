"""Colour and depth of every pixel that shows a body, deferred until it is known which face it shows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.simulation.faces import Faces
from stream_infer_ros.simulation.pinhole import pixel_rays
from stream_infer_ros.simulation.rasteriser import FaceImage
from stream_infer_ros.simulation.textures import LEVEL_GAIN, LEVELS, TILE_PX, material_levels

_STEEPEST_FLOOR = 0.7
"""Faces whose normal rises more than this wear their pattern as seen from above, others from the side."""


class BodyPixels(NamedTuple):
    """The pixels that show a body.

    Attributes:
        where: (m,) intp into the flattened picture.
        colour: (m,) uint32: bytes red, green, blue, 255 in memory order.
        depth_m: (m,) float32 along the optical axis.
    """

    where: NDArray[np.intp]
    colour: NDArray[np.uint32]
    depth_m: NDArray[np.float32]


def shade_bodies(image: FaceImage, faces: Faces) -> BodyPixels:
    """Depth and patterned colour of each pixel that shows a face.

    On a plane, one over depth is linear in the pixel, and so is a texture coordinate over depth: three
    numbers a face for each.
    """
    flat = image.pixels.reshape(-1)
    index = np.flatnonzero(flat >= 0)
    face = flat.take(index).astype(np.intp)
    x, y = (ray.take(index) for ray in pixel_rays(image.lens))
    planes, origins = _face_planes(image, faces)
    depth = _linear(planes[0], face, x, y)
    np.maximum(depth, np.float32(1 / 120), out=depth)
    np.divide(np.float32(1), depth, out=depth)
    texel = np.zeros(len(index), np.intp)
    for plane, origin, bits in ((planes[1], origins[0], 0), (planes[2], origins[1], 6)):
        coordinate = _linear(plane, face, x, y)
        coordinate *= depth
        coordinate += origin.take(face)
        cell = coordinate.astype(np.int32)
        cell &= TILE_PX - 1
        texel += cell << bits
    texel += (faces.textures[image.drawn] << 12).take(face)
    face <<= 6
    face += material_levels().take(texel)
    return BodyPixels(index, _palette(faces, image.drawn).take(face), depth)


def _face_planes(image: FaceImage, faces: Faces) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Per face and quantity (1/depth, texture u/depth, v/depth) the factors of x, y and 1.

    Returns:
        (3, 3, m) factors and (2, m) texture coordinates of the camera itself, texels.
    """
    drawn = image.drawn
    eye = image.odom_from_camera.translation.astype(np.float32)
    axes = image.odom_from_camera.rotation.astype(np.float32)
    normals = faces.normals[drawn]
    distance = normals @ eye + faces.offsets[drawn]
    u_axis, v_axis = np.zeros_like(normals), np.zeros_like(normals)
    level = np.abs(normals[:, 2]) > _STEEPEST_FLOOR
    u_axis[:, 0] = np.where(level, 1, -normals[:, 1])
    u_axis[:, 1] = np.where(level, 0, normals[:, 0])
    v_axis[:, 1], v_axis[:, 2] = level, ~level
    # Whole tiles are added so that truncation to an integer rounds down everywhere in the yard.
    origins = np.stack([u_axis @ eye, v_axis @ eye]) * np.float32(TILE_PX) + np.float32(256 * TILE_PX)
    planes = np.stack(
        [
            (normals @ axes / -distance[:, None]).T,
            (u_axis @ axes * np.float32(TILE_PX)).T,
            (v_axis @ axes * np.float32(TILE_PX)).T,
        ]
    )
    return planes, origins


def _linear(
    factors: NDArray[np.float32], face: NDArray[np.intp], x: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.float32]:
    """factors (3, faces) of each pixel's face, applied to its ray (x, y, 1)."""
    value: NDArray[np.float32] = factors[0].take(face)
    value *= x
    other = factors[1].take(face)
    other *= y
    value += other
    value += factors[2].take(face)
    return value


def _palette(faces: Faces, drawn: NDArray[np.intp]) -> NDArray[np.uint32]:
    """Colour of each face at each level of its pattern: (faces * LEVELS,) uint32."""
    colours = faces.colours[drawn][:, None] * LEVEL_GAIN[:, None]
    np.minimum(colours, 255, out=colours)
    rgba = np.full((len(drawn), LEVELS, 4), 255, np.uint8)
    rgba[..., :3] = colours
    palette: NDArray[np.uint32] = rgba.view(np.uint32).reshape(-1)
    return palette
