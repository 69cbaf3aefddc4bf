"""The surround network: a small backbone with ReLU, and heads for detection and free space at stride 4.

With OpenVINO in bfloat16, it takes about 1.5 ms of CPU time per image. It has 0.9 million parameters, a stem
of plain 3x3 convolutions, and residual blocks at strides 8 and 16. It uses dilation instead of stride 32,
because 240 is not a multiple of 32. The heads compute at stride 8. A pixel shuffle converts their outputs to
stride 4, which only needs a wider last 1x1 convolution.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training import COLUMNS, STRIDE

BOX_CHANNELS = 6  # logarithmic distances to left, top, right and bottom; offset u, v of the contact point
BOX_UNIT_PX = 8.0  # a distance of exp(0) is this many pixels
CONTACT_UNIT_PX = 16.0  # a contact offset of 1 is this many pixels
PIXEL_MEAN = 110.0
PIXEL_STD = 60.0


class RawOutputs(NamedTuple):
    """The outputs of the heads before decoding, with h, w = 60, 80 (stride 4).

    Attributes:
        heat: (B, classes, h, w) float32, logit that the box of an object is centred here.
        box: (B, 6, h, w) float32, input of `decode_boxes`.
        column: (B, h, w) float32, logits over the rows of each column for the row where the nearest footprint
            begins.
        ground: (B, h, w) float32, logit that the place shows ground.
    """

    heat: Tensor
    box: Tensor
    column: Tensor
    ground: Tensor


def conv_bn(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Return a convolution without bias and a batch normalisation, which is folded into it for export."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False), nn.BatchNorm2d(outputs)
    )


def conv_bn_relu(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(*conv_bn(inputs, outputs, kernel, stride), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al. 2015), the first one dilated."""

    def __init__(self, channels: int, dilation: int = 1):
        super().__init__()
        self.first = conv_bn(channels, channels, dilation=dilation)
        self.second = conv_bn(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(F.relu(self.first(x), inplace=True)), inplace=True)


class SurroundNet(nn.Module):
    """Network from images (B, 240, 320, 3) uint8 RGB to RawOutputs."""

    def __init__(self, classes: int = 4, widths: tuple[int, int, int, int] = (16, 32, 64, 96)):
        super().__init__()
        c2, c4, c8, c16 = widths
        self.classes = classes
        self.stem = nn.Sequential(conv_bn_relu(3, c2, stride=2), conv_bn_relu(c2, c4, stride=2))
        self.stride8 = nn.Sequential(conv_bn_relu(c4, c8, stride=2), Residual(c8), Residual(c8))
        self.stride16 = nn.Sequential(
            conv_bn_relu(c8, c16, stride=2), *(Residual(c16, dilation) for dilation in (1, 2, 4))
        )
        self.lateral = conv_bn_relu(c16, c8, kernel=1)
        self.fuse = Residual(c8)
        self.object_features = conv_bn_relu(c8, c8)
        self.ground_features = conv_bn_relu(c8, c8)
        self.object_head = nn.Conv2d(c8, 4 * (classes + BOX_CHANNELS), 1)
        self.ground_head = nn.Conv2d(c8, 4 * 2, 1)
        with torch.no_grad():  # initial scores near 0.01, as usual with focal loss, because objects are rare
            self.object_head.bias[: 4 * classes] = -4.5
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> RawOutputs:
        return self.heads(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """Return the features that both heads use, (B, c8, 30, 40)."""
        x = (images.to(torch.float32).permute(0, 3, 1, 2) - PIXEL_MEAN) / PIXEL_STD
        fine = self.stride8(self.stem(x))
        coarse = F.interpolate(self.lateral(self.stride16(fine)), scale_factor=2.0, mode='nearest')
        return self.fuse(fine + coarse)

    def heads(self, features: Tensor) -> RawOutputs:
        objects = F.pixel_shuffle(self.object_head(self.object_features(features)), 2).float()
        ground = F.pixel_shuffle(self.ground_head(self.ground_features(features)), 2).float()
        return RawOutputs(objects[:, : self.classes], objects[:, self.classes :], ground[:, 0], ground[:, 1])


def decode_boxes(box: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Convert values of the box head to pixels.

    Args:
        box: (..., 6) head values.
        u, v: (...) centres of their places, in pixels of the network input.

    Returns:
        Boxes (..., 4) xyxy and contact points (..., 2) u, v, in pixels of the network input.
    """
    distance = BOX_UNIT_PX * torch.exp(box[..., :4].clamp(-4.0, 4.2))
    place = torch.stack([u, v], -1)
    xyxy = torch.cat([place - distance[..., :2], place + distance[..., 2:]], -1)
    return xyxy, place + CONTACT_UNIT_PX * box[..., 4:]


def place_centres(flat: Tensor) -> tuple[Tensor, Tensor]:
    """Return pixels (u, v) at the centres of places, given as flat indices into 60 x 80 places."""
    row = torch.div(flat, COLUMNS, rounding_mode='floor')
    half = (STRIDE - 1) / 2
    return (flat - row * COLUMNS) * STRIDE + half, row * STRIDE + half
