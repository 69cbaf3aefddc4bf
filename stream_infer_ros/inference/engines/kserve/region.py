"""Memory that is shared with a server on this host."""

from __future__ import annotations

import base64
import importlib
import os
import secrets
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EngineError

PREFIX = 'stream_infer_'


class Region(Protocol):
    """A block of shared memory.

    Attributes:
        kind: 'system' or 'cuda', the server's name for it.
        name: unique among all processes.
        size: bytes.
    """

    kind: str
    name: str
    size: int

    def handle(self) -> str:
        """Return the handle by which the server opens the memory."""
        ...

    def write(self, offset: int, array: NDArray[Any]) -> None:
        """Copy a contiguous array to an offset."""
        ...

    def read(self, offset: int, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        """Return a copy of the array at an offset."""
        ...

    def close(self) -> None:
        """Free the memory. Servers that still map it keep their mapping. May be called twice."""
        ...


class SystemRegion:
    """POSIX shared memory. If this process is killed, Python's resource tracker removes it."""

    kind = 'system'

    def __init__(self, size: int) -> None:
        """Raises EngineError if the memory cannot be allocated."""
        self.name = unique_name()
        self.size = size
        try:
            self._memory: SharedMemory | None = SharedMemory(self.name, create=True, size=size)
        except OSError as error:
            raise EngineError(
                f'expected {size} bytes of shared memory, cannot allocate them ({error}); enlarge /dev/shm '
                f'(docker: --shm-size), or set engine.kserve.shared_memory: none'
            ) from error
        self._bytes: NDArray[np.uint8] = np.ndarray(size, np.uint8, self._memory.buf)

    def handle(self) -> str:
        return f'/{self.name}'

    def write(self, offset: int, array: NDArray[Any]) -> None:
        self._bytes[offset : offset + array.nbytes].view(array.dtype).reshape(array.shape)[...] = array

    def read(self, offset: int, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        stretch: NDArray[Any] = self._bytes[offset : offset + size].view(dtype)
        taken: NDArray[Any] = stretch.reshape(shape).copy()
        return taken

    def close(self) -> None:
        if self._memory is not None:
            self._bytes = np.zeros(0, np.uint8)  # an array that views the memory would prevent closing it
            self._memory.close()
            self._memory.unlink()
            self._memory = None


def unique_name() -> str:
    """Return a name for a new region of this process."""
    return f'{PREFIX}{os.getpid()}_{secrets.token_hex(4)}'


def is_left_over(name: str) -> bool:
    """True if a region of that name belongs to a process of this package that has ended."""
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


_REMEDY = '`pip install cuda-python`, or set engine.kserve.shared_memory: system'


class CudaRegion:
    """Memory on GPU 0, which must be GPU 0 of the server, too. Images are copied to the GPU only once.

    Tests do not run it: it needs an NVIDIA GPU that both this process and the server can use.
    """

    kind = 'cuda'

    def __init__(self, size: int) -> None:
        """Raises EngineError if CUDA is missing or the memory cannot be allocated."""
        try:
            self._cuda: Any = importlib.import_module('cuda.bindings.runtime')
        except ImportError as error:
            raise EngineError(
                f'expected CUDA for shared memory, cannot import it ({error}); {_REMEDY}'
            ) from error
        self.name = unique_name()
        self.size = size
        self._address: int | None = None
        self._call('cudaSetDevice', 0)
        self._address = int(self._call('cudaMalloc', size))

    def handle(self) -> str:
        """Return the IPC handle, in base64."""
        return base64.b64encode(bytes(self._call('cudaIpcGetMemHandle', self._address).reserved)).decode()

    def write(self, offset: int, array: NDArray[Any]) -> None:
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._call('cudaMemcpy', self._at(offset), array.ctypes.data, array.nbytes, kind)

    def read(self, offset: int, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        array = np.empty(shape, dtype)
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._call('cudaMemcpy', array.ctypes.data, self._at(offset), array.nbytes, kind)
        return array

    def close(self) -> None:
        if self._address is not None:
            address, self._address = self._address, None
            self._call('cudaFree', address)

    def _at(self, offset: int) -> int:
        if self._address is None:
            raise EngineError('expected open CUDA memory, it was closed; load the engine again')
        return self._address + offset

    def _call(self, function: str, *arguments: Any) -> Any:
        """Call the CUDA runtime and return its result. Raises EngineError."""
        error, *values = getattr(self._cuda, function)(*arguments)
        if int(error) != 0:
            raise EngineError(
                f'expected {function} to work, CUDA says {error!r}; check nvidia-smi, '
                f'or set engine.kserve.shared_memory: system'
            )
        return values[0] if values else None
