"""Loss functions of the heads."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from training.batches import Batch
from training.network import RawOutputs, decode_boxes, place_centres

WEIGHTS = {'heat': 1.0, 'box': 5.0, 'contact': 2.5, 'column': 0.5, 'ground': 2.0}
CONTACT_BETA_PX = 0.5  # below this error the contact loss is quadratic
CONTACT_SCALE_PX = 8.0


class Losses(NamedTuple):
    """The losses, as scalars without weights."""

    heat: Tensor
    box: Tensor
    contact: Tensor
    column: Tensor
    ground: Tensor

    def total(self) -> Tensor:
        return sum(weight * getattr(self, name) for name, weight in WEIGHTS.items())


def losses(raw: RawOutputs, batch: Batch) -> Losses:
    """Return the losses of raw outputs for a batch."""
    flat = raw.box.flatten(2)[batch.image, :, batch.place]
    boxes, contacts = decode_boxes(flat, *place_centres(batch.place))
    box = ((1.0 - generalized_iou(boxes, batch.box)) * batch.weight).sum() / batch.weight.sum().clamp(1.0)
    known = batch.contact.isfinite().all(1)
    miss = F.smooth_l1_loss(
        contacts[known], batch.contact[known], reduction='none', beta=CONTACT_BETA_PX
    ).sum(1)
    weight = batch.weight[known]
    contact = (miss * weight).sum() / weight.sum().clamp(1.0) / CONTACT_SCALE_PX
    column = -(batch.column * F.log_softmax(raw.column, 1)).sum(1).mean()
    ground = F.binary_cross_entropy_with_logits(raw.ground, batch.ground)
    return Losses(focal_loss(raw.heat, batch.heat, batch.judged), box, contact, column, ground)


def focal_loss(logits: Tensor, heat: Tensor, judged: Tensor) -> Tensor:
    """Return the focal loss of CornerNet (Law and Deng 2018, equation 1) with alpha 2 and beta 4.

    Args:
        logits, heat: (B, classes, h, w); heat is 1 at centres.
        judged: (B, h, w), 0 where scores are ignored, else 1.
    """
    p = torch.sigmoid(logits).clamp(1e-4, 1 - 1e-4)
    centre = (heat >= 0.999).to(p.dtype)
    hit = centre * (1 - p).square() * p.log()
    miss = (1 - centre) * judged[:, None] * (1 - heat).pow(4) * p.square() * (1 - p).log()
    return -(hit + miss).sum() / centre.sum().clamp(1.0)


def generalized_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the generalized IoU (N,), in -1..1, of boxes xyxy (N, 4) and (N, 4) (Rezatofighi et al.

    2019).
    """
    inner = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(0).prod(1)
    outer = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).clamp(0).prod(1) + 1e-6
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - inner + 1e-6
    return inner / union - (outer - union) / outer
