"""sensor_msgs/msg/LaserScan."""

from __future__ import annotations

from stream_infer_ros.mapping.scan import PolarScan
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'sensor_msgs/msg/LaserScan'


def encode_laser_scan(scan: PolarScan) -> bytes:
    """Encode a scan whose ranges were all measured at the same time. It has no intensities."""
    writer = CdrWriter(TYPE_NAME)
    writer.header(scan.stamp_ns, scan.frame_id)
    writer.float32(scan.angle_min_rad)
    # angle_max is the bearing of the last range. Readers check the number of ranges against it.
    writer.float32(scan.angle_min_rad + scan.angle_increment_rad * max(0, len(scan.ranges_m) - 1))
    writer.float32(scan.angle_increment_rad)
    writer.float32(0.0)  # time_increment: all ranges come from one image
    writer.float32(0.0)  # scan_time: unknown
    writer.float32(scan.range_min_m)
    writer.float32(scan.range_max_m)
    writer.float32_sequence(scan.ranges_m)
    writer.uint32(0)  # intensities
    return writer.finish()
