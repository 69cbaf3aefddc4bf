"""Messages as rosbags reads and writes them, for tests of what this package writes."""

from typing import Any

from stream_infer_ros.messages.typestore import typestore

STAMP_NS = 1_700_000_000_123_456_789


def read(cdr: bytes, type_name: str) -> Any:
    """Return the message that rosbags reads from these bytes."""
    return typestore().deserialize_cdr(memoryview(cdr), type_name)


def write(message: Any, big_endian: bool = False) -> bytes:
    """Return the bytes that rosbags writes for a message."""
    return bytes(typestore().serialize_cdr(message, message.__msgtype__, little_endian=not big_endian))


def new(type_name: str, **fields: Any) -> Any:
    """Return a message of rosbags. All fields are required."""
    return typestore().types[type_name](**fields)


def time(at_ns: int) -> Any:
    """Return a builtin_interfaces/Time."""
    return new('builtin_interfaces/msg/Time', sec=at_ns // 1_000_000_000, nanosec=at_ns % 1_000_000_000)


def header(at_ns: int = STAMP_NS, frame_id: str = 'front_optical') -> Any:
    """Return a std_msgs/Header."""
    return new('std_msgs/msg/Header', stamp=time(at_ns), frame_id=frame_id)


def stamp_ns(stamp: Any) -> int:
    """Return a builtin_interfaces/Time as nanoseconds."""
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def grid_cells(cdr: bytes) -> Any:
    """Return the cells (height, width) int8 of a nav_msgs/OccupancyGrid."""
    grid = read(cdr, 'nav_msgs/msg/OccupancyGrid')
    return grid.data.reshape(grid.info.height, grid.info.width)
