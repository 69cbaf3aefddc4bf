"""Writer of CDR, the serialisation format of ROS 2 messages, in little endian."""

from __future__ import annotations

from struct import Struct, error

import numpy as np
from numpy.typing import ArrayLike

from stream_infer_ros.errors import MessageError

_NANOSECONDS = 1_000_000_000
_ENCAPSULATION = b'\x00\x01\x00\x00'
_PADDING = tuple(bytes(n) for n in range(8))

_UINT8 = Struct('<B')
_UINT16 = Struct('<H')
_INT32 = Struct('<i')
_UINT32 = Struct('<I')
_FLOAT32 = Struct('<f')
_TIME = Struct('<iI')


class CdrWriter:
    """Writes the fields of one message in the order of its definition.

    Every method raises MessageError if a value does not fit its field.

    Example:
        >>> writer = CdrWriter('std_msgs/msg/UInt32')
        >>> writer.uint32(42)
        >>> writer.finish().hex(' ', 4)
        '00010000 2a000000'
    """

    __slots__ = ('_buffer', '_type_name')

    def __init__(self, type_name: str) -> None:
        self._type_name = type_name
        self._buffer = bytearray(_ENCAPSULATION)

    def uint8(self, value: int) -> None:
        self._pack(_UINT8, value)

    def uint16(self, value: int) -> None:
        self._pack(_UINT16, value)

    def int32(self, value: int) -> None:
        self._pack(_INT32, value)

    def uint32(self, value: int) -> None:
        self._pack(_UINT32, value)

    def float32(self, value: float) -> None:
        self._pack(_FLOAT32, value)

    def time_ns(self, stamp_ns: int) -> None:
        """Write nanoseconds as a builtin_interfaces/Time, whose seconds are an int32 (until January 2038)."""
        self._align(4)
        try:
            self._buffer += _TIME.pack(*divmod(stamp_ns, _NANOSECONDS))
        except error:
            raise MessageError(
                f'{self._type_name}: expected a time with int32 seconds, got {stamp_ns} ns'
            ) from None

    def header(self, stamp_ns: int, frame_id: str) -> None:
        """Write a std_msgs/Header."""
        self.time_ns(stamp_ns)
        self.string(frame_id)

    def string(self, text: str) -> None:
        try:
            encoded = text.encode()
        except UnicodeEncodeError as problem:
            raise MessageError(f'{self._type_name}: {text!r} cannot be encoded as UTF-8: {problem}') from None
        self.uint32(len(encoded) + 1)
        self._buffer += encoded
        self._buffer += b'\0'

    def float64_array(self, values: ArrayLike) -> None:
        """Write a float64[N] of fixed length, which has no length field."""
        self._align(8)
        self._buffer += np.ascontiguousarray(values, '<f8').tobytes()

    def float64_sequence(self, values: ArrayLike) -> None:
        array = np.ascontiguousarray(values, '<f8')
        self.uint32(array.size)
        if array.size:
            self.float64_array(array)

    def float32_sequence(self, values: ArrayLike) -> None:
        array = np.ascontiguousarray(values, '<f4')
        self.uint32(array.size)
        self._buffer += array.tobytes()

    def _align(self, size: int) -> None:
        """Pad to a multiple of `size` bytes, counted from the end of the encapsulation header."""
        self._buffer += _PADDING[(4 - len(self._buffer)) % size]

    def finish(self) -> bytes:
        """Return the message."""
        return bytes(self._buffer)

    def finish_with_bytes(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return the message with `data` as its last field, a uint8[] or int8[].

        `data` is a C-contiguous buffer. It is copied only once.
        """
        view = memoryview(data)
        self.uint32(view.nbytes)
        # join allocates the final size and copies each part into it, so that the pixels are copied only once.
        return b''.join((self._buffer, view))

    def _pack(self, field: Struct, value: float) -> None:
        self._align(field.size)
        try:
            self._buffer += field.pack(value)
        except (error, OverflowError) as problem:
            raise MessageError(
                f'{self._type_name}: {value!r} does not fit its field ({field.format}): {problem}'
            ) from None
