"""TensorRT on this machine: whether it is installed, and the GPUs it can use."""

from __future__ import annotations

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.availability import Availability, NvidiaGpu, is_installed, nvidia_gpus
from stream_infer_ros.inference.engines.tensorrt.flavour import FLAVOURS, Flavour, flavour_named
from stream_infer_ros.inference.engines.tensorrt.target import known_capabilities

_REMEDY = "pip install 'stream_infer_ros[tensorrt]', or [tensorrt-rtx] for RTX GPUs; JetPack brings its own"
# Packages that building and running need in addition to the library.
_BESIDE = {'onnx': 'onnx', 'cuda': 'cuda-bindings'}
_ANOTHER = "pip install 'stream_infer_ros[tensorrt]'"
_NO_GPU = 'a GPU and its driver (in a container: --gpus all, or --runtime nvidia)'


def find_tensorrt() -> Availability:
    """Return whether the library and a GPU are present. Plans can be built without a GPU, but not run."""
    if not any(is_installed(module) for module in FLAVOURS.values()):
        return Availability(problem='neither tensorrt nor tensorrt_rtx is installed', remedy=_REMEDY)
    try:
        flavour = flavour_named('auto')
    except EngineError as error:
        return Availability(problem=str(error), remedy=_REMEDY)
    for module, package in _BESIDE.items():
        if not is_installed(module):
            return Availability(
                f'{flavour.name} {flavour.version}', f'{package} is not installed', f'pip install {package}'
            )
    gpus = nvidia_gpus()
    found = f'{flavour.name} {flavour.version}: {", ".join(map(str, gpus)) or "no GPU"}'
    if not gpus:
        return Availability(found, problem='running needs an NVIDIA GPU, and there is none', remedy=_NO_GPU)
    fitting = [index for index, gpu in enumerate(gpus) if _runs_on(flavour, gpu)]
    if not fitting:
        known = ', '.join(known_capabilities(flavour))
        return Availability(found, f'it runs on GPUs of SM {known} only', _ANOTHER)
    return Availability(found, devices=tuple(f'cuda:{index}' for index in fitting))


def _runs_on(flavour: Flavour, gpu: NvidiaGpu) -> bool:
    return not flavour.names_gpus or gpu.compute_capability in known_capabilities(flavour)
