"""Take serialised messages with one copy instead of two, into buffers that are reused.

rclpy's `take_message(raw=True)` lets the middleware write into newly allocated memory, copies it into
`bytes`, and holds Python's lock for both. On 2 busy cores this takes 0.44 ms for a 640x480 image, of 0.84 ms
for receiving it. Through ctypes, the underlying C function writes to the final buffer. This takes 0.25 ms,
and other threads can run meanwhile.
"""

from __future__ import annotations

import ctypes
import weakref
from ctypes import addressof
from functools import cache
from sys import getrefcount
from typing import Any

from rclpy.subscription import Subscription

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.graph import Cdr
from stream_infer_ros.graph.ros.rclpy_internals import rcl_address, take_serialized

_OK, _NOTHING_THERE = 0, 401  # RCL_RET_OK, RCL_RET_SUBSCRIPTION_TAKE_FAILED
# Buffers kept for one subscription: as many as images may wait, and those being processed.
_KEPT = 8
_STEP = 1 << 16


class _Allocator(ctypes.Structure):
    """rcutils_allocator_t. This and all types below are the same from Foxy to Lyrical."""

    _fields_ = [
        (name, ctypes.c_void_p) for name in ('allocate', 'deallocate', 'reallocate', 'zero_allocate', 'state')
    ]


class _SerializedMessage(ctypes.Structure):
    """rcl_serialized_message_t, an rcutils_uint8_array_t."""

    _fields_ = [
        ('buffer', ctypes.c_void_p),
        ('length', ctypes.c_size_t),
        ('capacity', ctypes.c_size_t),
        ('allocator', _Allocator),
    ]


class _Library:
    """The functions of rcl and rcutils that are called. rclpy has already loaded both libraries."""

    def __init__(self) -> None:
        rcl, rcutils = ctypes.CDLL('librcl.so'), ctypes.CDLL('librcutils.so')
        self.take = rcl.rcl_take_serialized_message
        self.take.restype = ctypes.c_int32
        self.take.argtypes = [
            ctypes.c_void_p,
            ctypes.POINTER(_SerializedMessage),
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        self.free = rcutils.rcutils_uint8_array_fini
        self.free.restype = ctypes.c_int32
        self.free.argtypes = [ctypes.POINTER(_SerializedMessage)]
        self.reset_error = rcutils.rcutils_reset_error
        self.reset_error.restype = None
        default_allocator = rcutils.rcutils_get_default_allocator
        default_allocator.restype = _Allocator
        self.allocator = default_allocator()


class _Buffer:
    """Memory that rcl writes one message into, and the Python object that represents it.

    All views of the message refer to that object, so its reference count shows whether the memory may be
    written again. Using a weak reference instead cost 50 us per message.
    """

    __slots__ = ('_body', 'message')

    def __init__(self, allocator: _Allocator) -> None:
        self.message = _SerializedMessage(None, 0, 0, allocator)
        self._body: Any = None

    def references(self) -> int:
        return getrefcount(self._body)

    def is_free(self) -> bool:
        return self._body is None or self.references() <= _WHEN_FREE

    def view(self) -> memoryview:
        """The message that rcl wrote, read-only."""
        body, length = self._body, self.message.length
        if body is None or addressof(body) != self.message.buffer or len(body) < length:
            # Longer than the memory, because ctypes makes a class for each length, and there should be few.
            whole = _STEP * (length // _STEP + 1)
            self._body = body = (ctypes.c_ubyte * whole).from_address(self.message.buffer)
        return memoryview(body).cast('B')[:length].toreadonly()

    def free_when_let_go(self, library: _Library) -> None:
        """Free the memory once there is no view of it."""
        if self.is_free():
            library.free(self.message)
        else:
            weakref.finalize(self._body, library.free, self.message).atexit = False
        self._body = None


def _references_when_free() -> int:
    """Its own and that of the question; counted, as versions of Python differ in the latter."""
    buffer = _Buffer(_Allocator())
    memory = ctypes.create_string_buffer(1)
    buffer.message.buffer, buffer.message.length = addressof(memory), 1
    buffer.view()
    return buffer.references()


_WHEN_FREE = _references_when_free()


class RawTake:
    """Takes messages from one subscription, on one thread; they may be kept for any time."""

    def __init__(self, subscription: Subscription[Any], topic: str) -> None:
        self._library = _library()
        self._address = rcl_address(subscription)
        self._topic = topic
        self._buffers = [_Buffer(self._library.allocator)]
        self._next = self._buffers[0]

    def __call__(self) -> Cdr | None:
        """Take the next message; None if there is none. The subscription must be kept from destruction."""
        buffer = self._next
        code = self._library.take(self._address, buffer.message, None, None)
        if code == _NOTHING_THERE:
            return None
        if code != _OK:
            self._library.reset_error()
            raise GraphError(f'taking from {self._topic}: rcl failed with code {code}; is the node still up?')
        view = buffer.view()
        self._next = self._free_buffer()
        return view

    def _free_buffer(self) -> _Buffer:
        for buffer in self._buffers:
            if buffer.is_free():
                return buffer
        if len(self._buffers) == _KEPT:  # somebody keeps many: the oldest is theirs
            self._buffers.pop(0).free_when_let_go(self._library)
        self._buffers.append(_Buffer(self._library.allocator))
        return self._buffers[-1]

    def close(self) -> None:
        for buffer in self._buffers:
            buffer.free_when_let_go(self._library)
        self._buffers = []


@cache
def _library() -> _Library:
    return _Library()


def taker(subscription: Subscription[Any], topic: str) -> RawTake | RclpyTake:
    """Return a RawTake, or a RclpyTake if rcl cannot be called directly."""
    try:
        return RawTake(subscription, topic)
    except (OSError, AttributeError):  # no such library or function: not Linux, or a future ROS
        return RclpyTake(subscription)


class RclpyTake:
    """The same as RawTake, through rclpy."""

    def __init__(self, subscription: Subscription[Any]) -> None:
        self._subscription = subscription

    def __call__(self) -> Cdr | None:
        return take_serialized(self._subscription)

    def close(self) -> None:
        pass
