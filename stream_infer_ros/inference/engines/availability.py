"""The inference runtimes and NVIDIA GPUs of this machine."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import NamedTuple

_DRIVER = 'libcuda.so.1'
# CUdevice_attribute, cuda.h.
_SM_MAJOR, _SM_MINOR = 75, 76
_LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class Availability:
    """The state of one engine on this machine.

    Attributes:
        found: runtime, version and devices as text; empty if nothing is installed.
        problem: the reason why the engine does not work here; empty if it works.
        remedy: how to solve the problem.
        devices: the values that `engine.device` may have, best first.
    """

    found: str = ''
    problem: str = ''
    remedy: str = ''
    devices: tuple[str, ...] = ()

    @property
    def works(self) -> bool:
        return not self.problem


def missing(module: str, package: str = '') -> Availability:
    """Describe a runtime that is not installed."""
    return Availability(problem=f'{module} is not installed', remedy=f'pip install {package or module}')


def broken(module: str, error: Exception) -> Availability:
    """Describe a runtime that is installed and does not start."""
    return Availability(
        f'{module} {version_of(module)}'.rstrip(),
        ' '.join(str(error).split()),
        f'pip install --force-reinstall {module}; check the driver of its device',
    )


def is_installed(module: str) -> bool:
    """True if the module can be found. It is not imported, because importing a runtime takes seconds."""
    return find_spec(module) is not None


def version_of(distribution: str) -> str:
    """Return the version of an installed distribution; empty if it is not known (e.g. a system package)."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ''


class NvidiaGpu(NamedTuple):
    """Name of a GPU as the driver gives it, and its compute capability, e.g. '8.9'."""

    name: str
    compute_capability: str

    def __str__(self) -> str:
        return f'{self.name} (SM {self.compute_capability})'


def nvidia_gpus() -> tuple[NvidiaGpu, ...]:
    """Return the GPUs that this process may use, in CUDA's order; empty if there is no driver.

    The driver itself is asked. That needs no Python package and allocates nothing on a GPU.
    """
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
