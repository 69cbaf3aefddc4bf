"""The pose of a camera on the robot, and lookup tables that depend only on this pose and the calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.image_mask import ImageMask
from stream_infer_ros.cameras.rigid_transform import RigidTransform, same_pose
from stream_infer_ros.mapping.column_ranges import ColumnRanges
from stream_infer_ros.mapping.scan_bearings import ScanBearings
from stream_infer_ros.mapping.view_table import ViewTable


class CameraGeometry:
    """One camera that is fixed to the base.

    Attributes:
        model, base_from_camera: calibration, and pose of the optical frame in the base frame.
        range_m: horizontal distance from the camera up to which it contributes to the map, in metres.
        mask: the ignored pixels of the image; None if all are used.
        table: the part of the ground that is visible in the image.
        focal_px: vertical focal length in image rows.
        height_m: height of the optical centre above the ground, in metres.
    """

    def __init__(
        self,
        camera: str,
        model: CameraModel,
        base_from_camera: RigidTransform,
        range_m: float,
        resolution_m: float,
        mask: ImageMask | None = None,
    ) -> None:
        """Raises CalibrationError if the camera is on or below the ground."""
        self.model, self.base_from_camera = model, base_from_camera
        self.range_m = range_m
        self.mask = mask
        self.table = ViewTable(camera, model, base_from_camera, range_m, resolution_m, mask)
        self.focal_px = float(model.k[1, 1]) / model.binning_y
        self.height_m = float(base_from_camera.translation[2])
        self._columns: ColumnRanges | None = None
        self._bearings: ScanBearings | None = None

    def columns(self, column_u: NDArray[np.float32]) -> ColumnRanges:
        """Return the table for these columns (C,). It is computed again only if the columns change."""
        if self._columns is None or not self._columns.matches(column_u):
            self._columns = ColumnRanges(self.model, self.base_from_camera, column_u)
            self._bearings = None
        return self._columns

    def scan_bearings(self, columns: ColumnRanges) -> ScanBearings:
        """Return the bearings of scans from `columns`, which must be the last result of `columns()`."""
        if self._bearings is None:
            height = self.model.image_height
            self._bearings = ScanBearings.of(columns, self.base_from_camera, height, self.range_m)
        return self._bearings

    def describes(
        self, model: CameraModel, base_from_camera: RigidTransform, mask: ImageMask | None = None
    ) -> bool:
        """True if this geometry was made for this mask and the same calibration and pose, up to rounding."""
        if mask is not self.mask:
            return False
        return same_pose(self.base_from_camera, base_from_camera) and _same_camera(self.model, model)


def _same_camera(one: CameraModel, other: CameraModel) -> bool:
    if one is other:
        return True
    return (
        (one.image_width, one.image_height) == (other.image_width, other.image_height)
        and (one.distortion_model, one.roi) == (other.distortion_model, other.roi)
        and (one.binning_x, one.binning_y) == (other.binning_x, other.binning_y)
        and np.array_equal(one.k, other.k)
        and np.array_equal(one.d, other.d, equal_nan=True)
    )
