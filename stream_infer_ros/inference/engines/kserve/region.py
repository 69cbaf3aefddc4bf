"""Memory that is shared with a server on this host."""

from __future__ import annotations

import os
import secrets
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EngineError

PREFIX = 'stream_infer_'


class Region(Protocol):
    """A stretch of memory.

    Attributes:
        kind: 'system' or 'cuda', as the server calls it.
        name: unique among all processes.
        size: bytes.
    """

    kind: str
    name: str
    size: int

    def handle(self) -> str:
        """What the server opens it by."""
        ...

    def write(self, offset: int, array: NDArray[Any]) -> None:
        """Copy a contiguous array there."""
        ...

    def read(self, offset: int, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        """A copy of an array that lies there."""
        ...

    def close(self) -> None:
        """Give it back; servers that still map it keep their view. Safe to call twice."""
        ...


class SystemRegion:
    """POSIX shared memory. If this process is killed, Python's resource tracker removes it."""

    kind = 'system'

    def __init__(self, size: int) -> None:
        """Raises EngineError if there is no room for it."""
        self.name = unique_name()
        self.size = size
        try:
            self._memory: SharedMemory | None = SharedMemory(self.name, create=True, size=size)
        except OSError as error:
            raise EngineError(
                f'expected {size} bytes of shared memory, cannot have them ({error}); make /dev/shm larger '
                f'(docker: --shm-size), or set engine.kserve.shared_memory: none'
            ) from error
        self._bytes: NDArray[np.uint8] = np.ndarray(size, np.uint8, self._memory.buf)

    def handle(self) -> str:
        """See Region."""
        return f'/{self.name}'

    def write(self, offset: int, array: NDArray[Any]) -> None:
        """See Region."""
        self._bytes[offset : offset + array.nbytes].view(array.dtype).reshape(array.shape)[...] = array

    def read(self, offset: int, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        """See Region."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        stretch: NDArray[Any] = self._bytes[offset : offset + size].view(dtype)
        taken: NDArray[Any] = stretch.reshape(shape).copy()
        return taken

    def close(self) -> None:
        """See Region."""
        if self._memory is not None:
            self._bytes = np.zeros(0, np.uint8)  # the memory cannot be closed while an array is in it
            self._memory.close()
            self._memory.unlink()
            self._memory = None


def unique_name() -> str:
    """Of this process, never used before."""
    return f'{PREFIX}{os.getpid()}_{secrets.token_hex(4)}'


def is_left_over(name: str) -> bool:
    """Whether a region of that name belongs to a process of ours that is no more."""
    if not name.startswith(PREFIX):
        return False
    pid = name.removeprefix(PREFIX).partition('_')[0]
    if not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
