"""Deferred shading: colour and depth of the pixels of bodies, computed after the rasteriser."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.simulation.faces import Faces
from stream_infer_ros.simulation.light import Light
from stream_infer_ros.simulation.pinhole import pixel_rays
from stream_infer_ros.simulation.rasteriser import FaceImage
from stream_infer_ros.simulation.runs import Runs, runs_of
from stream_infer_ros.simulation.textures import LEVEL_GAIN, LEVELS, TILE_PX, material_levels

_TILE_BITS = TILE_PX.bit_length() - 1
_TILES_AWAY = np.float32(256)
_DEEPEST_M = 120.0
_STEEPEST_FLOOR = 0.7
"""Faces with a steeper normal are textured from above, the others from the side."""


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


def shade_bodies(image: FaceImage, faces: Faces, light: Light) -> BodyPixels:
    """Return depth and textured colour of each pixel that shows a face.

    On a plane, one over depth is linear in the pixel, and so is a texture coordinate over depth: three
    numbers a face for each.
    """
    runs = runs_of(image.pixels)
    columns, rows = pixel_rays(image.lens)
    x = columns.take(runs.where - np.repeat(runs.row * image.lens.width, runs.length))
    y = rows.take(runs.row)
    inverse, u_planes, v_planes = _face_planes(image, faces)
    depth = _along(runs, inverse, x, y)
    np.maximum(depth, np.float32(1 / _DEEPEST_M), out=depth)
    np.reciprocal(depth, out=depth)
    texel = np.repeat(faces.textures[image.drawn][runs.number] << 2 * _TILE_BITS, runs.length)
    for planes, shift in ((u_planes, 0), (v_planes, _TILE_BITS)):
        coordinate = _along(runs, planes, x, y)
        coordinate *= depth
        cell = coordinate.astype(np.int32)
        cell &= TILE_PX - 1
        cell <<= shift
        texel += cell
    shade = np.repeat(runs.number * LEVELS, runs.length)
    shade += material_levels().take(texel)
    return BodyPixels(runs.where, _palette(image, faces, light).take(shade), depth)


def _face_planes(image: FaceImage, faces: Faces) -> NDArray[np.float32]:
    """Return (3, 3, m) float32: 1/depth, u/depth and v/depth of each face as factors of a ray (x, y, 1).

    u and v are texels: patterns lie fixed in the world, a tile a metre.
    """
    eye = image.odom_from_camera.translation.astype(np.float32)
    axes = image.odom_from_camera.rotation.astype(np.float32)
    normals = faces.normals[image.drawn]
    inverse = normals @ axes / -(normals @ eye + faces.offsets[image.drawn])[:, None]
    u_axis, v_axis = np.zeros_like(normals), np.zeros_like(normals)
    level = np.abs(normals[:, 2]) > _STEEPEST_FLOOR
    u_axis[:, 0] = np.where(level, 1, -normals[:, 1])
    u_axis[:, 1] = np.where(level, 0, normals[:, 0])
    v_axis[:, 1], v_axis[:, 2] = level, ~level
    planes = np.empty((3, 3, len(normals)), np.float32)
    planes[0] = inverse.T
    for plane, axis in ((planes[1], u_axis), (planes[2], v_axis)):
        # Whole tiles are added so that truncation to an integer rounds down everywhere in the yard.
        plane[...] = (TILE_PX * (axis @ axes + (axis @ eye + _TILES_AWAY)[:, None] * inverse)).T
    return planes


def _along(
    runs: Runs, planes: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Apply planes (3, faces) to the ray (x, y, 1) of every pixel: x by pixel (m,), y by run (r,)."""
    slope, by_row, constant = planes.take(runs.number, 1)
    value: NDArray[np.float32] = np.repeat(slope, runs.length)
    value *= x
    value += np.repeat(by_row * y + constant, runs.length)
    return value


def _palette(image: FaceImage, faces: Faces, light: Light) -> NDArray[np.uint32]:
    """Return the colour of each drawn face at each level of its texture: (faces * LEVELS,) uint32.

    Haze is that of the depth of a part's centre: parts are small against the length over which it changes.
    """
    colours = faces.colours[image.drawn][:, None] * LEVEL_GAIN[:, None]
    np.minimum(colours, 255, out=colours)
    if light.haze_per_m > 0:
        away = faces.part_centres[image.drawn] - image.odom_from_camera.translation.astype(np.float32)
        depth = np.maximum(away @ image.odom_from_camera.rotation[:, 2].astype(np.float32), 0)
        clear = np.exp(depth * np.float32(-light.haze_per_m))[:, None, None]
        colours *= clear
        colours += light.sky.astype(np.float32) * (1 - clear)
    rgba = np.full((len(image.drawn), LEVELS, 4), 255, np.uint8)
    rgba[..., :3] = colours
    palette: NDArray[np.uint32] = rgba.view(np.uint32).reshape(-1)
    return palette
