"""The part of the configuration tree that is about the inference runtime."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from stream_infer_ros.config.section import Section

EngineKind = Literal['auto', 'tensorrt', 'torch', 'openvino', 'onnxruntime', 'kserve', 'fake']
Precision = Literal['auto', 'fp32', 'fp16', 'bf16', 'int8', 'fp8']


class TensorRtConfig(Section):
    """kind tensorrt: building and running plans."""

    # [8.6, 8.9] without quotes are numbers in YAML.
    model_config = ConfigDict(coerce_numbers_to_str=True)

    flavour: Literal['auto', 'tensorrt', 'tensorrt_rtx'] = Field(
        'auto', description='auto: tensorrt where it is installed, else tensorrt_rtx (TensorRT for RTX).'
    )
    compute_capabilities: tuple[str, ...] = Field(
        (), description='tensorrt_rtx: GPUs to build for, e.g. [8.6, 8.9]; empty: the one that is here.'
    )
    workspace_mb: int = Field(0, ge=0, description='Scratch memory a layer may take; 0: all there is.')
    cuda_graphs: bool = Field(True, description='Replay one CUDA graph per batch size.')


class KserveConfig(Section):
    """kind kserve: inference on servers that speak KServe v2, Triton among them."""

    endpoints: tuple[str, ...] = Field(
        (), description='Servers, e.g. [grpc://gpu1:8001, http://gpu2:8000]; all serve the same model.'
    )
    model: str = Field('', description='Name of the model there; empty: the stem of model.file.')
    version: str = Field('', description='Version of the model; empty: the server chooses.')
    shared_memory: Literal['auto', 'none', 'system', 'cuda'] = Field(
        'auto', description='How images reach a server on this host; auto: system where it can be had.'
    )
    timeout_ms: float = Field(
        0.0, ge=0.0, description='Longest a request may take, retries included; 0: what bound_ms leaves.'
    )
    fallback: Literal['none', 'auto', 'tensorrt', 'torch', 'openvino', 'onnxruntime'] = Field(
        'none', description='Engine on this machine that takes over while no server answers.'
    )


class EngineConfig(Section):
    """The inference runtime."""

    kind: EngineKind = Field(
        'auto', description='auto: the best that works here; `stream_infer engines` says which and why.'
    )
    device: str = Field(
        'auto',
        description='auto, or what the runtime calls it: openvino CPU, GPU, NPU; torch and onnxruntime cpu, '
        'cuda, cuda:1; tensorrt cuda:0.',
    )
    precision: Precision = Field(
        'auto', description='auto: the fastest the runtime holds safe; any other is honoured or refused.'
    )
    threads: int = Field(0, ge=0, description='CPU threads; 0: the runtime decides.')
    max_batch: int = Field(
        0, ge=0, le=256, description='Most images in one run; 0: as many as there are cameras.'
    )
    instances: int = Field(
        1,
        ge=1,
        le=16,
        description='Engines side by side, each with a thread of its own; with device cuda, one on each GPU.',
    )
    cache_dir: str = Field(
        '', description='Where built plans are kept; empty: $XDG_CACHE_HOME/stream_infer_ros.'
    )
    fake_latency_ms: float = Field(0.0, ge=0.0, description='fake: time one batch takes.')
    fake_latency_per_image_ms: float = Field(
        0.0, ge=0.0, description='fake: time each image of a batch adds.'
    )
    tensorrt: TensorRtConfig = TensorRtConfig()
    kserve: KserveConfig = KserveConfig()
