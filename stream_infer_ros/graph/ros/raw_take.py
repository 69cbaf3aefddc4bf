"""Taking a message as it is on the wire, with one copy instead of two and buffers that are used again.

rclpy's `take_message(raw=True)` has the middleware write into memory that is fresh each time, copies that
into `bytes`, and holds Python's lock for both: 0.44 ms for a 640x480 image on 2 busy cores, of 0.84 that
receiving it cost there. The C function it calls, called through ctypes, writes where the message stays: 0.25
ms, and other threads run meanwhile.
"""

from __future__ import annotations

import ctypes
import weakref
from collections import deque
from functools import cache

from rclpy.subscription import Subscription

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.graph import Cdr

_OK, _NOTHING_THERE = 0, 401  # RCL_RET_OK, RCL_RET_SUBSCRIPTION_TAKE_FAILED
# Buffers kept for the next message, of one subscription: as many images as may wait, and those in work.
_KEPT = 8


class _Allocator(ctypes.Structure):
    """rcutils_allocator_t; the same from Foxy to Lyrical, as is all below."""

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
    """The functions of rcl and rcutils that are called; both are loaded by rclpy already."""

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


class _Buffers:
    """Memory of one subscription's messages, used again; safe to give back to from any thread."""

    def __init__(self, library: _Library) -> None:
        self._library = library
        self._kept: deque[_SerializedMessage] = deque()
        self._closed = False

    def get(self) -> _SerializedMessage:
        try:
            return self._kept.popleft()
        except IndexError:
            return _SerializedMessage(None, 0, 0, self._library.allocator)

    def give_back(self, message: _SerializedMessage) -> None:
        if self._closed or len(self._kept) >= _KEPT:
            self._library.free(message)
        else:
            self._kept.append(message)

    def close(self) -> None:
        """Free what is kept; what others still hold is freed when they let go."""
        self._closed = True
        while self._kept:
            self._library.free(self._kept.popleft())


class RawTake:
    """Takes from one subscription, for one thread; what it took may be kept as long as wanted."""

    def __init__(self, subscription: Subscription, topic: str) -> None:
        self._library = _library()
        self._address = subscription.handle.pointer
        self._topic = topic
        self._buffers = _Buffers(self._library)
        self._next = self._buffers.get()

    def __call__(self) -> Cdr | None:
        """The next message; None where there is none. The subscription must be kept from destruction."""
        message = self._next
        code = self._library.take(self._address, message, None, None)
        if code == _NOTHING_THERE:
            return None
        if code != _OK:
            self._library.reset_error()
            raise GraphError(f'taking from {self._topic}: rcl failed with code {code}; is the node still up?')
        body = (ctypes.c_ubyte * message.length).from_address(message.buffer)
        weakref.finalize(body, self._buffers.give_back, message).atexit = False
        self._next = self._buffers.get()
        return memoryview(body).cast('B').toreadonly()

    def close(self) -> None:
        self._library.free(self._next)
        self._buffers.close()


@cache
def _library() -> _Library:
    return _Library()


def taker(subscription: Subscription, topic: str) -> RawTake | RclpyTake:
    """A RawTake, or rclpy's own where rcl cannot be called from here."""
    try:
        return RawTake(subscription, topic)
    except (OSError, AttributeError):  # no such library or function: not Linux, or a ROS to come
        return RclpyTake(subscription)


class RclpyTake:
    """As RawTake, by rclpy's own means."""

    def __init__(self, subscription: Subscription) -> None:
        self._handle, self._class = subscription.handle, subscription.msg_type

    def __call__(self) -> Cdr | None:
        taken = self._handle.take_message(self._class, True)
        return None if taken is None else taken[0]

    def close(self) -> None:
        pass
