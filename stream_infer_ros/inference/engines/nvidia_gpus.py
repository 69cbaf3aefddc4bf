"""Which NVIDIA GPUs there are, asked of the driver itself: no package is needed, and nothing is allocated."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

_DRIVER = 'libcuda.so.1'
# CUdevice_attribute, cuda.h.
_SM_MAJOR, _SM_MINOR = 75, 76
_LONGEST_NAME = 256


class NvidiaGpu(NamedTuple):
    """Name as the driver says it, and compute capability, '8.9'."""

    name: str
    compute_capability: str

    def __str__(self) -> str:
        return f'{self.name} (SM {self.compute_capability})'


def nvidia_gpus() -> tuple[NvidiaGpu, ...]:
    """In CUDA's order; none where there is no driver, or it has no GPU that it lets this process see."""
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        return ()
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return ()
    return tuple(_gpu(driver, ordinal) for ordinal in range(count.value))


def _gpu(driver: ctypes.CDLL, ordinal: int) -> NvidiaGpu:
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    name = ctypes.create_string_buffer(_LONGEST_NAME)
    driver.cuDeviceGet(ctypes.byref(device), ordinal)
    driver.cuDeviceGetName(name, _LONGEST_NAME, device)
    driver.cuDeviceGetAttribute(ctypes.byref(major), _SM_MAJOR, device)
    driver.cuDeviceGetAttribute(ctypes.byref(minor), _SM_MINOR, device)
    return NvidiaGpu(name.value.decode(errors='replace'), f'{major.value}.{minor.value}')
