"""Reader of CDR, the serialisation format of ROS 2 messages, with bounds checks."""

from __future__ import annotations

from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import MessageError

Cdr = bytes | bytearray | memoryview

_NANOSECONDS = 1_000_000_000
# A DDS payload is a multiple of four bytes, so that up to three bytes of padding may follow a message.
_MAX_PADDING = 3
# Far more than any string in the messages of this package. A limit is needed because a single wide character
# makes Python store every character of a string in four bytes, so that it takes four times the size of its
# message.
_MAX_STRING_BYTES = 65_536


class _Formats:
    """The primitive types in one byte order."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.uint8 = Struct(order + 'B')
        self.uint32 = Struct(order + 'I')
        self.float32 = Struct(order + 'f')
        self.time = Struct(order + 'iI')


_BY_ENCAPSULATION = {b'\x00\x00': _Formats('>'), b'\x00\x01': _Formats('<')}


class CdrReader:
    """Reads the fields of one message in the order of its definition.

    Every method raises MessageError if the field does not fit into the remaining bytes. A truncated or
    malicious message is therefore never read past its end, and a length in it is checked before memory is
    allocated. Alignment is counted from the end of the encapsulation header, which has four bytes (OMG
    DDSI-RTPS 2.5, 10.2; OMG CORBA 3.4 part 2, 9.3).

    Args:
        cdr: the message with its encapsulation header, little or big endian. It is not copied.
        type_name: name of the type for error messages, such as 'sensor_msgs/msg/Image'.

    Example:
        >>> reader = CdrReader(bytes.fromhex('00010000 2a000000'), 'std_msgs/msg/UInt32')
        >>> reader.uint32()
        42
        >>> reader.end()
    """

    __slots__ = ('_at', '_formats', '_type_name', '_view')

    def __init__(self, cdr: Cdr, type_name: str) -> None:
        self._type_name = type_name
        view = memoryview(cdr)
        if not view.c_contiguous:
            raise MessageError(f'{type_name}: expected one contiguous buffer, got a strided view')
        self._view = view if view.format == 'B' and view.ndim == 1 else view.cast('B')
        formats = _BY_ENCAPSULATION.get(bytes(self._view[:2]))
        if formats is None or len(self._view) < 4:
            raise MessageError(
                f'{type_name}: expected a CDR message that begins with 00 00 or 00 01, got '
                f'{len(self._view)} bytes that begin with [{bytes(self._view[:4]).hex(" ")}]; '
                'it may have another format (XCDR2, ROS 1)'
            )
        self._formats = formats
        self._at = 4

    def uint8(self) -> int:
        return int(self._number(self._formats.uint8))

    def uint32(self) -> int:
        return int(self._number(self._formats.uint32))

    def float32(self) -> float:
        return float(self._number(self._formats.float32))

    def time_ns(self) -> int:
        """Read a builtin_interfaces/Time as nanoseconds, which are negative before 1970."""
        start = self._take(8, align=4)
        seconds, nanoseconds = self._formats.time.unpack_from(self._view, start)
        if nanoseconds >= _NANOSECONDS:
            raise MessageError(
                f'{self._type_name}: expected less than 10^9 nanoseconds in a time, got {nanoseconds}'
            )
        return int(seconds) * _NANOSECONDS + int(nanoseconds)

    def header(self) -> tuple[int, str]:
        """Read a std_msgs/Header as (stamp_ns, frame_id)."""
        return self.time_ns(), self.string()

    def string(self) -> str:
        length = self.uint32()
        start = self._take(length)
        last = start + length - 1
        if length == 0 or self._view[last] != 0:
            raise MessageError(f'{self._type_name}: a string at byte {start} does not end with a NUL')
        if length > _MAX_STRING_BYTES:
            raise MessageError(
                f'{self._type_name}: expected a string of at most {_MAX_STRING_BYTES} bytes at byte {start}, '
                f'got {length} bytes'
            )
        try:
            return str(self._view[start:last], 'utf-8')
        except UnicodeDecodeError as error:
            raise MessageError(f'{self._type_name}: a string at byte {start} is not UTF-8: {error}') from None

    def sequence_length(self, min_item_bytes: int) -> int:
        """Read the length of a sequence, and check that so many items can fit into the remaining bytes."""
        length = self.uint32()
        if length * min_item_bytes > self._remaining():
            raise MessageError(
                f'{self._type_name}: a sequence of {length} items at byte {self._at} cannot fit into the '
                f'remaining {self._remaining()} bytes; the message is cut short or has another type'
            )
        return length

    def byte_sequence(self) -> NDArray[np.uint8]:
        """Read a uint8[] or byte[] as a read-only view (N,) into the message."""
        return self._array(self.uint32(), np.dtype(np.uint8))

    def float64_sequence(self) -> NDArray[np.float64]:
        """Read a float64[] as a copy (N,) in native byte order."""
        return self._array(self.uint32(), np.dtype(self._formats.order + 'f8')).astype(np.float64)

    def float64_array(self, count: int) -> NDArray[np.float64]:
        """Read a float64[count] as a copy (count,) in native byte order."""
        return self._array(count, np.dtype(self._formats.order + 'f8')).astype(np.float64)

    def _remaining(self) -> int:
        """Return the number of bytes that were not read yet."""
        return len(self._view) - self._at

    def end(self) -> None:
        """Check that the message ends here. Otherwise it has another type, or another version of it."""
        if self._remaining() > _MAX_PADDING:
            raise MessageError(
                f'{self._type_name}: expected the end at byte {self._at}, got {self._remaining()} more '
                'bytes; the message has another type, or another version of this type'
            )

    def _number(self, number: Struct) -> float:
        start = self._take(number.size, align=number.size)
        value: float = number.unpack_from(self._view, start)[0]
        return value

    def _array(self, count: int, dtype: np.dtype[np.generic]) -> NDArray[Any]:
        # An empty sequence has no padding for the alignment of items.
        start = self._take(count * dtype.itemsize, align=dtype.itemsize if count else 1)
        array = np.frombuffer(self._view, dtype, count, start) if count else np.empty(0, dtype)
        array.flags.writeable = False
        return array

    def _take(self, size: int, align: int = 1) -> int:
        """Skip `size` aligned bytes, and return the offset of the first one."""
        start = self._at + (4 - self._at) % align
        if start + size > len(self._view):
            raise MessageError(
                f'{self._type_name}: expected {size} bytes at byte {start} of {len(self._view)}; '
                'the message is cut short or has another type'
            )
        self._at = start + size
        return start
