"""The families that give a set of boxes, those with suppression inside, and those that give none."""

from __future__ import annotations

from stream_infer_ros.inference.decoders.detr import DetrDecoder, SigmoidDetrDecoder
from stream_infer_ros.inference.decoders.family import Family
from stream_infer_ros.inference.decoders.nanodet import (
    NanoDetDecoder,
    PicoDetDecoder,
    is_nanodet,
    is_nanodet_plus,
    is_picodet,
    nanodet_classes,
)
from stream_infer_ros.inference.decoders.nms_inside import (
    efficient_nms_decoder,
    is_efficient_nms,
    is_mmdeploy,
    is_nms_rows,
    is_paddle_nms,
    mmdeploy_decoder,
    nms_rows_decoder,
    paddle_nms_decoder,
)
from stream_infer_ros.inference.decoders.rtdetr import (
    claims_rtdetr,
    is_rtdetr,
    rtdetr_classes,
    rtdetr_decoder,
)
from stream_infer_ros.inference.decoders.segmentation import SegmentationDecoder, is_segmentation
from stream_infer_ros.inference.decoders.ssd import (
    is_surely_torchvision,
    is_tensorflow,
    is_torchvision,
    tensorflow_decoder,
    torchvision_decoder,
)
from stream_infer_ros.inference.decoders.which_detr import (
    is_query_detector,
    is_surely_sigmoid_of_normalised,
    is_surely_softmax,
    query_classes,
)
from stream_infer_ros.inference.input_packing import Normalisation
from stream_infer_ros.inference.model_card import ModelCard

_UNIT = Normalisation(scale=1 / 255)
_IMAGENET = Normalisation(1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# The same in NanoDet's order, blue first, and of pixels that are not scaled.
_NANODET = Normalisation(1.0, (103.53, 116.28, 123.675), (57.375, 57.12, 58.395))

SET_FAMILIES: dict[str, Family] = {
    'detr': Family(
        is_query_detector,
        'pred_boxes (batch, queries, 4) and logits (batch, queries, classes + 1), softmax',
        ModelCard('detr', normalisation=_IMAGENET, fit='stretch'),
        DetrDecoder,
        lambda io: query_classes(io, nothing=1),
        is_surely_softmax,
    ),
    'rtdetr': Family(
        is_rtdetr,
        'pred_boxes (batch, queries, 4) and logits (batch, queries, classes), sigmoid; '
        'or labels, boxes (batch, N, 4), scores',
        ModelCard('rtdetr', normalisation=_UNIT, fit='stretch'),
        rtdetr_decoder,
        rtdetr_classes,
        claims_rtdetr,
    ),
    'rfdetr': Family(
        is_query_detector,
        'dets (batch, queries, 4) and labels (batch, queries, classes), sigmoid; or the same as pred_boxes '
        'and logits (LW-DETR, Deformable, Conditional DETR)',
        ModelCard('rfdetr', normalisation=_IMAGENET, fit='stretch'),
        SigmoidDetrDecoder,
        query_classes,
        is_surely_sigmoid_of_normalised,
    ),
    'nanodet': Family(
        is_nanodet,
        'one (batch, cells, classes + 32), cells of the grids at strides 8, 16, 32 and perhaps 64',
        ModelCard('nanodet', colour='bgr', normalisation=_NANODET, fit='stretch'),
        NanoDetDecoder,
        nanodet_classes,
        is_nanodet_plus,
    ),
    'picodet': Family(
        is_picodet,
        'a (batch, cells, classes) and a (batch, cells, 32) for each stride; '
        'or boxes (batch, cells, 4) and scores (batch, classes, cells)',
        ModelCard('picodet', normalisation=_IMAGENET, fit='stretch'),
        PicoDetDecoder,
        claims=is_picodet,
    ),
    'torchvision': Family(
        is_torchvision,
        'boxes (N, 4), labels (N), scores (N), perhaps with a batch dimension',
        ModelCard('torchvision', normalisation=_UNIT),
        torchvision_decoder,
        claims=is_surely_torchvision,
    ),
    'tensorflow': Family(
        is_tensorflow,
        'detection_boxes (batch, N, 4), detection_classes and detection_scores (batch, N)',
        ModelCard('tensorflow', fit='stretch'),
        tensorflow_decoder,
        claims=is_tensorflow,
    ),
    'efficient_nms': Family(
        is_efficient_nms,
        'num_dets (batch, 1), det_boxes (batch, N, 4), det_scores and det_classes (batch, N)',
        ModelCard('efficient_nms', normalisation=_UNIT),
        efficient_nms_decoder,
        claims=is_efficient_nms,
    ),
    'nms_rows': Family(
        is_nms_rows,
        'one (N, 7): image, x0, y0, x1, y1, class, score',
        ModelCard('nms_rows', normalisation=_UNIT),
        nms_rows_decoder,
    ),
    'mmdeploy': Family(
        is_mmdeploy,
        'dets (batch, N, 5): x0, y0, x1, y1, score, and labels (batch, N)',
        ModelCard('mmdeploy', normalisation=_IMAGENET, fit='corner', padding=0),
        mmdeploy_decoder,
    ),
    'paddle_nms': Family(
        is_paddle_nms,
        'one (N, 6): class, score, x0, y0, x1, y1, and a count (batch)',
        ModelCard('paddle_nms', normalisation=_IMAGENET, fit='stretch'),
        paddle_nms_decoder,
    ),
    'segmentation': Family(
        is_segmentation,
        'one (batch, classes, h, w), or the class of each cell (batch, h, w), in the shape of the input',
        ModelCard('segmentation', normalisation=_IMAGENET, fit='stretch'),
        SegmentationDecoder,
    ),
}
