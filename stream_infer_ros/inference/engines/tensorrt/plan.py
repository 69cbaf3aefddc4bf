"""A network built for one kind of GPU, ready for a TensorRT runtime to read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stream_infer_ros.inference.engines.tensorrt.flavour import Flavour
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.network_io import EngineIo


@dataclass(frozen=True, slots=True)
class Plan:
    """What a build makes, or the cache holds.

    Attributes:
        serialized: for `flavour.trt.Runtime(flavour.logger).deserialize_cuda_engine`.
        flavour: the TensorRT that built it, and the only one that reads it.
        io: inputs, outputs and metadata as the ONNX file declares them; the outputs of the plan are these.
        image_input: what the plan is fed: uint8 NHWC as it comes, whatever the file takes, since the cast,
            the transpose and the normalisation are in the plan. Its name differs from the file's where they
            had to be put in front; `fixed_batch` is as in the file.
        max_batch: most images in one run; the profile's, or `fixed_batch`.
        precision: what it was built in: 'fp32', 'fp16', 'bf16', 'int8' or 'fp8'.
        path: where it is kept, if it is.
    """

    serialized: bytes
    flavour: Flavour
    io: EngineIo
    image_input: ImageInput
    max_batch: int
    precision: str
    path: Path | None = None
