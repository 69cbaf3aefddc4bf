"""Which GPU an engine runs on."""

from __future__ import annotations

import re

from stream_infer_ros.errors import ConfigError, EngineError
from stream_infer_ros.inference.engines.device.cuda import Cuda, CudaDevice


def choose_device(cuda: Cuda, wanted: str) -> CudaDevice:
    """The GPU that `engine.device` names: 'auto' and 'cuda' are the first, 'cuda:1' the second.

    Asks CUDA for the count before anything else: a runtime that is started without a GPU may crash.
    Raises ConfigError for any other name, EngineError if there is no such GPU.
    """
    named = re.fullmatch(r'(?:auto|cuda|gpu)(?::(\d+))?', wanted.strip().lower())
    if named is None:
        raise ConfigError(
            f"expected engine.device of auto, cuda or cuda:<number>, got '{wanted}'; correct it"
        )
    index = int(named.group(1) or 0)
    count = cuda.device_count()
    if index >= count:
        raise EngineError(
            f"expected an NVIDIA GPU for engine.device '{wanted}', found {count or 'none'}; check "
            f'nvidia-smi, start a container with --gpus all, or choose another engine.kind'
        )
    return cuda.device(index)
