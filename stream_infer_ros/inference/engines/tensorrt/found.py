"""Whether TensorRT can work on this machine."""

from __future__ import annotations

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.availability import Availability, is_installed
from stream_infer_ros.inference.engines.nvidia_gpus import nvidia_gpus
from stream_infer_ros.inference.engines.tensorrt.flavour import FLAVOURS, flavour_named

_REMEDY = "pip install 'stream_infer_ros[tensorrt]', or [tensorrt-rtx] for RTX GPUs; JetPack brings its own"
_NO_GPU = 'a GPU and its driver (in a container: --gpus all, or --runtime nvidia)'


def find_tensorrt() -> Availability:
    """Looks for the library and for a GPU; it can build plans without one, but not run them."""
    if not any(is_installed(module) for module in FLAVOURS.values()):
        return Availability(problem='neither tensorrt nor tensorrt_rtx is installed', remedy=_REMEDY)
    try:
        flavour = flavour_named('auto')
    except EngineError as error:
        return Availability(problem=str(error), remedy=_REMEDY)
    gpus = nvidia_gpus()
    found = f'{flavour.name} {flavour.version}: {", ".join(map(str, gpus)) or "no GPU"}'
    if not gpus:
        return Availability(found, problem='no NVIDIA GPU is here, which running needs', remedy=_NO_GPU)
    return Availability(found, devices=tuple(f'cuda:{index}' for index in range(len(gpus))))
