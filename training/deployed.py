"""The network for deployment, with decoding inside the graph, so that all runtimes give the same outputs."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training import COLUMNS, ROWS, STRIDE
from training.network import SurroundNet, decode_boxes, place_centres

TOP = 100  # boxes per image
WINDOW = 2  # rows on each side of the most likely one that are used to refine it
NO_PEAK = -20.0  # logit of a place that is not a peak; it gives a score of 2e-9


class DeployedNet(nn.Module):
    """Network from images (B, 240, 320, 3) uint8 RGB to the outputs described in ARCHITECTURE.md.

    Batch normalisation is folded into the convolutions. Coordinates are computed as small offsets until the
    last addition. A runtime that computes in bfloat16, which has 8 bits of precision, then loses hundredths
    of a pixel instead of whole pixels. The last convolutions are divided into one for each output, because
    OpenVINO takes 0.2 ms to split their common output.
    """

    def __init__(self, network: SurroundNet):
        super().__init__()
        self.network = folded(network)
        logits = 4 * network.classes
        self.heat_head = cut(network.object_head, 0, logits)
        self.box_head = cut(network.object_head, logits, network.object_head.out_channels)
        self.column_head = cut(network.ground_head, 0, 4)
        self.ground_head = cut(network.ground_head, 4, 8)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.network.features(images)
        objects, ground = self.network.object_features(features), self.network.ground_features(features)
        heat, box = F.pixel_shuffle(self.heat_head(objects), 2), F.pixel_shuffle(self.box_head(objects), 2)
        column = F.pixel_shuffle(self.column_head(ground), 2).squeeze(1)
        return (
            pick_boxes(heat, box),
            free_space(column),
            torch.sigmoid(F.pixel_shuffle(self.ground_head(ground), 2).squeeze(1)),
        )


def pick_boxes(heat: Tensor, box: Tensor) -> Tensor:
    """Return the `TOP` best peaks, (B, 100, 8), best score first.

    A peak is the maximum of its class within 3x3.
    """
    peaks = torch.where(heat == F.max_pool2d(heat, 3, 1, 1), heat, NO_PEAK)
    logit, class_id = peaks.flatten(2).max(1)
    best, place = logit.topk(TOP, 1)
    values = box.flatten(2).gather(2, place[:, None].expand(-1, box.shape[1], -1)).transpose(1, 2)
    u, v = place_centres(place)
    xyxy, contact = decode_boxes(values, u, v)
    label = class_id.gather(1, place).float()
    return torch.cat([xyxy, contact, torch.sigmoid(best)[..., None], label[..., None]], 2)


def free_space(column: Tensor) -> Tensor:
    """Return row and confidence of the boundary, (B, 80, 2).

    The row is the mean row near the most likely one, and the confidence is the probability of these rows.
    """
    probability = torch.softmax(column, 1)
    likeliest = probability.argmax(1, keepdim=True)
    offset = (torch.arange(ROWS)[None, :, None] - likeliest).float()
    near = probability * (offset.abs() <= WINDOW)
    confidence = near.sum(1)
    row = likeliest[:, 0].float() + (near * offset).sum(1) / confidence
    return torch.stack([row * STRIDE + (STRIDE - 1) / 2, confidence], 2)


def folded(network: SurroundNet) -> SurroundNet:
    """Return a copy for inference, with batch normalisations folded into the convolutions before them."""
    network = copy.deepcopy(network).eval()
    for block in list(network.modules()):
        if isinstance(block, nn.Sequential):
            layers = list(block)
            for index in range(len(layers) - 1):
                if isinstance(layers[index], nn.Conv2d) and isinstance(layers[index + 1], nn.BatchNorm2d):
                    block[index] = fuse_conv_bn_eval(layers[index], layers[index + 1])
                    block[index + 1] = nn.Identity()
    return network


def cut(convolution: nn.Conv2d, first: int, last: int) -> nn.Conv2d:
    """Return a 1x1 convolution with the output channels `first` to `last` (exclusive) of another one."""
    part = nn.Conv2d(convolution.in_channels, last - first, 1)
    with torch.no_grad():
        part.weight.copy_(convolution.weight[first:last])
        part.bias.copy_(convolution.bias[first:last])
    return part


OUTPUT_SHAPES = {'boxes': (TOP, 8), 'free_space': (COLUMNS, 2), 'ground': (ROWS, COLUMNS)}
