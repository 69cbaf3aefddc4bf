"""The stand-in network as PyTorch has it: the same weights, the same outputs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from stream_infer_ros.inference.surround_contract import BOX_FIELDS, BOXES, METADATA

OUTPUTS = ['boxes', 'free_space', 'ground']
_ROWS, _COLUMNS = 60, 80


class StandIn(nn.Module):
    """See `write_stand_in` of stand_in_network."""

    def __init__(self, layout: str = 'nhwc') -> None:
        super().__init__()
        self.layout = layout
        weights = np.random.default_rng(1).normal(0.0, 0.01, (3 * _ROWS * _COLUMNS // 16, BOXES * BOX_FIELDS))
        self.weights = nn.Parameter(torch.from_numpy(weights.astype(np.float32)))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        planes = images.float()
        if self.layout == 'nhwc':
            planes = planes.permute(0, 3, 1, 2)
        cells = F.avg_pool2d(planes * (1 / 255), 4)
        ground = cells.mean(1)
        confidence = ground.mean(1)[..., None]
        boxes = F.avg_pool2d(cells, 4).flatten(1) @ self.weights
        return boxes.unflatten(1, (BOXES, BOX_FIELDS)), torch.cat([-confidence, confidence], 2), ground


def write_torch_stand_in(
    path: Path,
    *,
    batch: int | str = 'batch',
    height: int | str = 240,
    width: int | str = 320,
    dtype: str = 'uint8',
    layout: str = 'nhwc',
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write the network as an exported program (.pt2) or TorchScript; strings stand for free dimensions."""
    examples = {'batch': 2, 'h': 240, 'w': 320}
    sizes: list[Any] = [batch, height, width, 3] if layout == 'nhwc' else [batch, 3, height, width]
    images = torch.zeros([examples.get(size, size) for size in sizes], dtype=getattr(torch, dtype))
    told: dict[str, Any] = {'outputs': OUTPUTS, 'metadata': METADATA if metadata is None else metadata}
    network = StandIn(layout).eval()
    if path.suffix == '.pt2':
        free = {place: torch.export.Dim.AUTO for place, size in enumerate(sizes) if isinstance(size, str)}
        program = torch.export.export(network, (images,), dynamic_shapes={'images': free} if free else None)
        torch.export.save(program, path, extra_files={'stream_infer.json': json.dumps(told)})
        return path
    shape = [-1 if isinstance(size, str) else size for size in sizes]
    told['input'] = {'name': 'images', 'dtype': dtype, 'shape': shape}
    script = torch.jit.trace(network, images)
    torch.jit.save(script, path, _extra_files={'stream_infer.json': json.dumps(told)})
    return path


class Identity(nn.Module):
    """Hands its input through."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


class Sum(nn.Module):
    """Takes two."""

    def forward(self, images: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return images + other


def write_torch_identity(path: Path, shape: list[int], dtype: str = 'float32', inputs: int = 1) -> Path:
    """Write a network that hands its input through, as TorchScript that says it takes `shape`; or of two."""
    if inputs == 2:
        images = torch.zeros(shape, dtype=getattr(torch, dtype))
        torch.export.save(torch.export.export(Sum(), (images, images)), path.with_suffix('.pt2'))
        return path.with_suffix('.pt2')
    told = {'input': {'name': 'images', 'dtype': dtype, 'shape': shape}}
    extra_files = {'stream_infer.json': json.dumps(told)}
    torch.jit.save(torch.jit.script(Identity()), path.with_suffix('.pt'), _extra_files=extra_files)
    return path.with_suffix('.pt')
