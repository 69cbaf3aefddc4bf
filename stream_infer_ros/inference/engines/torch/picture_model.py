"""A torch network with a preceding step that converts pictures to its input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.engines.runtime import last_line
from stream_infer_ros.inference.engines.torch.description import OURS
from stream_infer_ros.inference.engines.torch.torch_file import TorchFile, dtype_name
from stream_infer_ros.inference.input_packing import AS_THEY_ARE, ImageInput
from stream_infer_ros.inference.network_io import TensorInfo

# The exceptions of torch if a network does not accept its input, or the device fails.
RUN_ERRORS = (RuntimeError, AssertionError, ValueError, TypeError, IndexError)
_HALVES = {'fp16': 'float16', 'bf16': 'bfloat16'}


class PictureModel:
    """A torch network that takes uint8 pictures on the device."""

    def __init__(
        self, file: TorchFile, image_input: ImageInput, torch: Any, device: str, precision: str
    ) -> None:
        """`device` is torch's name of it. Raises EngineError if the precision is not supported."""
        self._torch = torch
        self._device = device
        self._input = image_input
        self._half = _half(file.module, torch, precision)
        # Pictures have their channels last. Convolutions are fastest in that format.
        self._module = file.module.to(memory_format=torch.channels_last)
        self._scaling: tuple[Any, Any] | None = None
        if image_input.normalisation != AS_THEY_ARE:
            shape = (3, 1, 1) if image_input.layout == 'nchw' else (3,)
            scaling = (image_input.normalisation.factor(), image_input.normalisation.offset())
            factor, offset = (torch.from_numpy(values.reshape(shape)).to(device) for values in scaling)
            self._scaling = (factor, offset)

    def __call__(self, pictures: Any) -> dict[str, Any]:
        """Run a uint8 tensor (n, height, width, 3). Return outputs by name, as the network names them."""
        images = pictures.permute(0, 3, 1, 2) if self._input.layout == 'nchw' else pictures
        if self._input.dtype != 'uint8':
            dtype = getattr(self._torch, self._input.dtype)
            if self._scaling is not None:
                factor, offset = self._scaling
                images = images.to(self._torch.float32) * factor + offset
            images = images.to(dtype)
        with ExitStack() as modes:
            modes.enter_context(self._torch.inference_mode())
            if self._half is not None:
                kind = self._device.partition(':')[0]
                # The cache of autocast does not work with CUDA graphs.
                modes.enter_context(self._torch.autocast(kind, self._half, cache_enabled=False))
            outputs = dict(_flat(self._module(images), '', self._torch.Tensor))
            # numpy has no bfloat16.
            return {
                name: tensor.float() if tensor.dtype == self._torch.bfloat16 else tensor.contiguous()
                for name, tensor in outputs.items()
            }

    def outputs(self, named: Sequence[str], path: Path) -> tuple[TensorInfo, ...]:
        """Find the outputs by running one image and then two. Raises ModelError or EngineError."""
        shape = self._input.shape(1)
        size = (self._input.height, self._input.width, 3)
        counts = [self._input.fixed_batch] * 2 if self._input.fixed_batch else [1, 2]
        try:
            runs = [
                self(self._torch.zeros((n, *size), dtype=self._torch.uint8, device=self._device))
                for n in counts
            ]
        except RUN_ERRORS as error:
            half = f' in {dtype_name(self._half)}' if self._half is not None else ''
            raise EngineError(
                f'expected {path} to run {counts[-1]} image(s) of {shape[1:]} on {self._device}{half}, torch '
                f'says: {last_line(error)}; export it for these, or set engine.device or engine.precision'
            ) from error
        names = list(named) or list(runs[0])
        if len(names) != len(runs[0]):
            raise ModelError(
                f'expected names of {len(runs[0])} outputs for {path}, got {", ".join(names)}; correct '
                f'outputs in {OURS} or {path.stem}.json'
            )
        return tuple(
            TensorInfo(name, dtype_name(one.dtype), _free(one.shape, two.shape))
            for name, one, two in zip(names, runs[0].values(), runs[1].values(), strict=True)
        )


def _half(module: Any, torch: Any, precision: str) -> Any:
    """Return the type for autocast; None if the network runs in its own types."""
    if precision == 'auto':
        return None
    if precision not in ('fp32', *_HALVES):
        raise EngineError(
            f'expected engine.precision of auto, fp32, fp16 or bf16 for engine torch, got {precision}; '
            f'export a quantised network and leave it at auto, or use tensorrt or openvino'
        )
    own = {tensor.dtype for tensor in module.parameters() if tensor.is_floating_point()}
    if own - {torch.float32}:
        raise EngineError(
            f'expected a network of float32 weights for engine.precision {precision}, got '
            f'{", ".join(sorted(map(dtype_name, own)))}; set it to auto, or export the network in float32'
        )
    return getattr(torch, _HALVES[precision]) if precision in _HALVES else None


def _flat(value: Any, name: str, tensor: type) -> Iterator[tuple[str, Any]]:
    """Yield the tensors of nested tuples and dicts in order, named by their keys or output0, output1, ..."""
    if isinstance(value, tensor):
        yield name or 'output0', value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f'{name}.{key}' if name else str(key), tensor)
    elif isinstance(value, (tuple, list)):
        for place, item in enumerate(value):
            yield from _flat(item, f'{name}.{place}' if name else f'output{place}', tensor)
    else:
        raise ModelError(
            f'expected tensors from the network, got {type(value).__name__}; export it with tensors only'
        )


def _free(one: Sequence[int], two: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of an output, from a run of one image and a run of two."""
    if len(one) != len(two):
        raise ModelError(f'expected outputs of one rank, got {tuple(one)} and {tuple(two)}; export it again')
    return tuple(int(a) if a == b else -1 for a, b in zip(one, two, strict=True))
