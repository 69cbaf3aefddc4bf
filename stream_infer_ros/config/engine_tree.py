"""Settings of the inference runtime."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from stream_infer_ros.config.section import Section

EngineKind = Literal['auto', 'tensorrt', 'torch', 'openvino', 'onnxruntime', 'kserve', 'fake']
Precision = Literal['auto', 'fp32', 'fp16', 'bf16', 'int8', 'fp8']


class TensorRtConfig(Section):
    """Building and running TensorRT plans, with `engine.kind: tensorrt`."""

    # In YAML, [8.6, 8.9] without quotes are numbers.
    model_config = ConfigDict(coerce_numbers_to_str=True)

    flavour: Literal['auto', 'tensorrt', 'tensorrt_rtx'] = Field(
        'auto',
        description='The product to use: tensorrt, or tensorrt_rtx (TensorRT for RTX). With auto, tensorrt '
        'is used if it is installed.',
    )
    compute_capabilities: tuple[str, ...] = Field(
        (),
        description='Compute capabilities of the GPUs to build for, e.g. [8.6, 8.9] (tensorrt_rtx only). '
        'If empty, the plan is built for the GPU of this machine.',
    )
    workspace_mb: int = Field(
        0, ge=0, description='Limit of the scratch memory of a layer, in MB. 0 means no limit.'
    )
    cuda_graphs: bool = Field(
        True,
        description='Capture a CUDA graph for each batch size and replay it. This lowers the cost of '
        'launching kernels.',
    )


class KserveConfig(Section):
    """Inference on servers with the KServe v2 protocol, e.g. Triton, with `engine.kind: kserve`."""

    endpoints: tuple[str, ...] = Field(
        (),
        description='Addresses of the servers, e.g. [grpc://gpu1:8001, http://gpu2:8000]. All of them must '
        'serve the same model.',
    )
    model: str = Field(
        '',
        description='Name of the model on the servers. If empty, the name of model.file without its suffix '
        'is used.',
    )
    version: str = Field('', description='Version of the model on the servers. If empty, the server chooses.')
    shared_memory: Literal['auto', 'none', 'system', 'cuda'] = Field(
        'auto',
        description='How images are passed to a server on the same host. With auto, system shared memory '
        'is used if the server supports it.',
    )
    timeout_ms: float = Field(
        0.0,
        ge=0.0,
        description='Time limit of a request in milliseconds, including retries. With 0, the limit is the '
        'time that bound_ms leaves.',
    )
    fallback: Literal['none', 'auto', 'tensorrt', 'torch', 'openvino', 'onnxruntime'] = Field(
        'none', description='Engine on this machine that is used while no server answers.'
    )


class EngineConfig(Section):
    """The inference runtime."""

    kind: EngineKind = Field(
        'auto',
        description='Inference engine. With auto, the fastest engine that works on this machine is used; '
        '`stream_infer engines` shows which one and why. If both openvino and onnxruntime work, a model '
        'other than the shipped one is first run on both for up to 2 s, and the result is kept in cache_dir.',
    )
    device: str = Field(
        'auto',
        description='Device, as the engine names it. openvino: CPU, GPU or NPU; torch and onnxruntime: cpu, '
        'cuda or cuda:1; tensorrt: cuda:0. With auto, the engine chooses.',
    )
    precision: Precision = Field(
        'auto',
        description='Numeric precision of the network. With auto, the engine uses the fastest precision '
        'that it considers safe. An engine that does not support the precision reports an error.',
    )
    threads: int = Field(0, ge=0, description='Number of CPU threads. With 0, the engine decides.')
    max_batch: int = Field(
        0,
        ge=0,
        le=256,
        description='Maximum number of images in a batch. With 0, it is the number of cameras.',
    )
    instances: int = Field(
        1,
        ge=1,
        le=16,
        description='Number of engines that work in parallel, each on its own thread. With device cuda, '
        'each GPU gets one engine.',
    )
    cache_dir: str = Field(
        '',
        description='Folder where built plans and results of engine trials are kept. If empty, it is '
        '$XDG_CACHE_HOME/stream_infer_ros.',
    )
    fake_latency_ms: float = Field(
        0.0, ge=0.0, description='Time that the fake engine takes for a batch, in milliseconds.'
    )
    fake_latency_per_image_ms: float = Field(
        0.0,
        ge=0.0,
        description='Additional time that the fake engine takes for each image of a batch, in milliseconds.',
    )
    tensorrt: TensorRtConfig = TensorRtConfig()
    kserve: KserveConfig = KserveConfig()
