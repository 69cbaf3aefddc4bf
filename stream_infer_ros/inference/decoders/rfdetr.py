"""RF-DETR, and the other sigmoid DETRs with pixels normalised by ImageNet's mean and standard deviation.

Robinson et al., RF-DETR, github.com/roboflow/rf-detr; Chen et al., LW-DETR, arXiv:2406.03459; Zhu et al.,
Deformable DETR, arXiv:2010.04159; Meng et al., Conditional DETR, arXiv:2108.06152.
"""

from __future__ import annotations

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.detr import QueryDecoder
from stream_infer_ros.inference.decoders.detr_variants import is_certainly_rfdetr
from stream_infer_ros.inference.model_card import IMAGENET, ModelCard, class_names_of
from stream_infer_ros.inference.network_io import EngineIo


class RfDetrDecoder(QueryDecoder):
    """A sigmoid for each class."""

    default_card = ModelCard('rfdetr', normalisation=IMAGENET, fit='stretch')
    output_layout = (
        'dets (batch, queries, 4) and labels (batch, queries, classes), sigmoid; or the same as pred_boxes '
        'and logits (LW-DETR, Deformable, Conditional DETR)'
    )

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return is_certainly_rfdetr(io)

    def find_class_names(self, config: ModelConfig) -> tuple[str, ...]:
        count = self.class_count(self.io)
        # RF-DETR has one logit more than its data set has classes, and no training ever raised it.
        if count is not None and len(self.card.class_names) == count - 1:
            return (*self.card.class_names, 'none')
        return class_names_of(self.card, config, count)
