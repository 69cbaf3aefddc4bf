"""The GPUs that a plan is built for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stream_infer_ros.config.engine_tree import TensorRtConfig
from stream_infer_ros.errors import ConfigError, EngineError
from stream_infer_ros.inference.engines.availability import NvidiaGpu
from stream_infer_ros.inference.engines.tensorrt.flavour import Flavour


@dataclass(frozen=True, slots=True)
class Target:
    """The GPUs that a plan runs on.

    Attributes:
        gpu: name of the GPU that the plan is tuned on; '' if there is none.
        capabilities: compute capabilities, e.g. '8.9', lowest first.
        named: the builder gets the capabilities and needs no GPU.
    """

    gpu: str
    capabilities: tuple[str, ...]
    named: bool


def target_of(config: TensorRtConfig, flavour: Flavour, gpu: NvidiaGpu | None) -> Target:
    """Return the target that follows from the settings and the GPU.

    Raises ConfigError or EngineError if the flavour cannot build for it.
    """
    if not flavour.names_gpus:
        if config.compute_capabilities:
            raise EngineError(
                f'expected no tensorrt.compute_capabilities with TensorRT {flavour.version}, which builds '
                f'for the GPU of this machine; remove them, or set tensorrt.flavour tensorrt_rtx'
            )
        if gpu is None:
            raise EngineError(
                f'expected an NVIDIA GPU to build for with TensorRT {flavour.version}, found none; build on '
                f'the machine that runs the plan, or set tensorrt.flavour tensorrt_rtx and '
                f'tensorrt.compute_capabilities'
            )
        return Target(gpu.name, (gpu.compute_capability,), named=False)
    named = tuple(sorted(set(config.compute_capabilities), key=_version))
    if not named and gpu is None:
        raise EngineError(
            'expected an NVIDIA GPU or tensorrt.compute_capabilities to build for, found neither; set '
            f'tensorrt.compute_capabilities to some of {", ".join(known_capabilities(flavour))}'
        )
    if named and gpu is not None and gpu.compute_capability not in named:
        raise EngineError(
            f'expected tensorrt.compute_capabilities with {gpu.compute_capability}, which the {gpu.name} '
            f'here has, got {", ".join(named)}; add it, or remove the setting'
        )
    capabilities = named or ((gpu.compute_capability,) if gpu else ())
    known = known_capabilities(flavour)
    for capability in capabilities:
        if capability not in known:
            raise EngineError(
                f'expected a GPU that TensorRT for RTX {flavour.version} runs on ({", ".join(known)}), got '
                f'compute capability {capability}; use tensorrt, or another engine.kind'
            )
    return Target(gpu.name if gpu and not named else '', capabilities, named=True)


def known_capabilities(flavour: Flavour) -> tuple[str, ...]:
    """Return the compute capabilities that a flavour can build for, lowest first."""
    names = flavour.trt.ComputeCapability.__members__
    matches = (re.fullmatch(r'SM(\d+)(\d)', name) for name in names)
    return tuple(sorted((f'{m[1]}.{m[2]}' for m in matches if m), key=_version))


def member_named(capability: str) -> str:
    """Return the name of a capability in `trt.ComputeCapability`: 'SM89' for '8.9'."""
    return f'SM{capability.replace(".", "")}'


def _version(capability: str) -> tuple[int, int]:
    match = re.fullmatch(r'(\d+)\.(\d)', capability)
    if match is None:
        raise ConfigError(
            f'expected tensorrt.compute_capabilities like 8.9, got {capability!r}; see '
            f'https://developer.nvidia.com/cuda-gpus'
        )
    return int(match[1]), int(match[2])
