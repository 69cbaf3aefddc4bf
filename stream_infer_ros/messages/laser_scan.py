"""sensor_msgs/msg/LaserScan."""

from __future__ import annotations

from stream_infer_ros.mapping.scan import PolarScan
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'sensor_msgs/msg/LaserScan'


def encode_laser_scan(scan: PolarScan) -> bytes:
    """Write a scan that was taken at one moment; without intensities."""
    writer = CdrWriter(TYPE_NAME)
    writer.header(scan.stamp_ns, scan.frame_id)
    writer.float32(scan.angle_min_rad)
    # The bearing of the last range: readers check that the number of ranges follows from the angles.
    writer.float32(scan.angle_min_rad + scan.angle_increment_rad * max(0, len(scan.ranges_m) - 1))
    writer.float32(scan.angle_increment_rad)
    writer.float32(0.0)  # time_increment: a camera takes all of it at once
    writer.float32(0.0)  # scan_time: not known here
    writer.float32(scan.range_min_m)
    writer.float32(scan.range_max_m)
    writer.float32_sequence(scan.ranges_m)
    writer.uint32(0)  # intensities
    return writer.finish()
