"""Send, await and take serialised messages with the C functions of Cyclone DDS.

The Python binding is not used for this, for three reasons. Its `write` and `take` create a Python object for
each sample and copy its bytes once more. They hold the interpreter lock meanwhile, even while a slow reader
makes the writer wait. Its `wait` does not return which reader has data. Functions that are called through
ctypes release the lock. With them, the receiving process spends 0.59 ms of CPU time on a 640x480 rgb8 image
instead of 0.79 ms (2 cores, including the kernel; `benchmarks/graph.py`).
"""

from __future__ import annotations

import ctypes as ct
from typing import Any

import numpy as np
from cyclonedds.core import DDSException
from cyclonedds.internal import dds_c_t

from stream_infer_ros.graph.dds.library import function
from stream_infer_ros.graph.graph import Cdr

_BATCH = 16
_HEADER_BYTES = 4  # the encapsulation
_FOREVER_NS = 2**63 - 1
# Smaller messages are copied, because a copy takes less time than a view.
_LEAST_LENT = 65_536
_DATA = 2  # of enum ddsi_serdata_kind: a whole message, not a key
_ANY_STATE = 0  # no mask: samples, views and instances of every state


class _Buffer(ct.Structure):
    """struct iovec."""

    _fields_ = (('base', ct.c_void_p), ('length', ct.c_size_t))


_type_of = function('dds_get_entity_sertype', ct.c_int32, ct.c_int32, ct.POINTER(ct.c_void_p))
_from_cdr = function(
    'ddsi_serdata_from_ser_iov',
    ct.c_void_p,
    ct.c_void_p,
    ct.c_int,
    ct.c_size_t,
    ct.POINTER(_Buffer),
    ct.c_size_t,
)
_write = function('dds_writecdr', ct.c_int32, ct.c_int32, ct.c_void_p)
_take = function(
    'dds_takecdr',
    ct.c_int32,
    ct.c_int32,
    ct.POINTER(ct.c_void_p),
    ct.c_uint32,
    ct.POINTER(dds_c_t.sample_info),
    ct.c_uint32,
)
_attach = function('dds_waitset_attach', ct.c_int32, ct.c_int32, ct.c_int32, ct.c_ssize_t)
_wait = function(
    'dds_waitset_wait', ct.c_int32, ct.c_int32, ct.POINTER(ct.c_ssize_t), ct.c_size_t, ct.c_int64
)
_size = function('ddsi_serdata_size', ct.c_uint32, ct.c_void_p)
_borrow = function(
    'ddsi_serdata_to_ser_ref', ct.c_void_p, ct.c_void_p, ct.c_size_t, ct.c_size_t, ct.POINTER(_Buffer)
)
_give_back = function('ddsi_serdata_to_ser_unref', None, ct.c_void_p, ct.POINTER(_Buffer))
_release = function('ddsi_serdata_unref', None, ct.c_void_p)


def write(writer: int, cdr: Cdr) -> None:
    """Send a message with the writer that has this handle. The bytes are copied before this returns.

    The writer must not be deleted before this returns, because Cyclone does not keep its type alive.

    Raises:
        DDSException: the bytes are not a message of the writer's type (DDS_RETCODE_BAD_PARAMETER), or the
            history was full for too long because a reader stalled (DDS_RETCODE_TIMEOUT).
    """
    if len(cdr) < _HEADER_BYTES:  # Cyclone would read beyond its end
        raise DDSException(DDSException.DDS_RETCODE_BAD_PARAMETER)
    if len(cdr) % 4:
        cdr = bytes(cdr) + bytes(-len(cdr) % 4)  # Cyclone reads whole words of 4 bytes
    octets = np.frombuffer(cdr, np.uint8)
    type_of_writer = ct.c_void_p()
    code = _type_of(writer, ct.byref(type_of_writer))
    if code < 0:
        raise DDSException(code)
    buffer = _Buffer(octets.ctypes.data, octets.size)
    sample = _from_cdr(type_of_writer, _DATA, 1, ct.byref(buffer), octets.size)
    if sample is None:
        raise DDSException(DDSException.DDS_RETCODE_BAD_PARAMETER)
    code = _write(writer, sample)  # releases the sample, also on failure
    if code < 0:
        raise DDSException(code)


def take(reader: int) -> list[Cdr]:
    """Remove up to `_BATCH` messages from the reader that has this handle, and return them, oldest first.

    Large messages are read-only views of Cyclone's memory. The memory is returned with the last view, which
    may outlive the reader.

    Raises:
        DDSException: the reader was deleted.
    """
    samples = (ct.c_void_p * _BATCH)()
    infos = (dds_c_t.sample_info * _BATCH)()
    count = _take(reader, samples, _BATCH, infos, _ANY_STATE)
    if count < 0:
        raise DDSException(count)
    messages: list[Cdr] = []
    for sample, info in zip(samples[:count], infos[:count], strict=True):
        if not info.valid_data:  # a notice that a writer left
            _release(sample)
        elif _size(sample) < _LEAST_LENT:
            messages.append(_Loan(sample).copied())
        else:
            messages.append(_Loan(sample).view())
    return messages


def attach(waitset: int, condition: int, token: int) -> None:
    """Attach a condition to a wait set. `wait` returns the token when the condition holds."""
    code = _attach(waitset, condition, token)
    if code < 0:
        raise DDSException(code)


def wait(waitset: int) -> list[int]:
    """Wait until a condition holds; return the tokens of up to `_BATCH` conditions that hold."""
    tokens = (ct.c_ssize_t * _BATCH)()
    count = _wait(waitset, tokens, _BATCH, _FOREVER_NS)
    if count < 0:
        raise DDSException(count)
    return tokens[: min(count, _BATCH)]


class _Loan:
    """A sample on loan from Cyclone, which is returned when this object is deleted.

    The sample owns its memory, which is valid even after the reader or the participant was deleted.
    """

    def __init__(self, sample: int | None) -> None:
        self._sample = sample
        self._buffer = _Buffer()
        self._borrowed = _borrow(sample, 0, _size(sample), ct.byref(self._buffer))

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """The interface of numpy to the bytes, which are read-only."""
        return {
            'version': 3,
            'typestr': '|u1',
            'shape': (self._buffer.length,),
            'data': (self._buffer.base, True),
        }

    def view(self) -> memoryview:
        """Return a read-only view of the message, which keeps this object alive."""
        return np.asarray(self).data

    def copied(self) -> bytes:
        """Return a copy of the message."""
        return ct.string_at(self._buffer.base, self._buffer.length)

    def __del__(self) -> None:
        _give_back(self._borrowed, ct.byref(self._buffer))
        _release(self._sample)
