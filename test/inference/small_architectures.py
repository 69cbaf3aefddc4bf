"""Published architectures in a small size with random weights, made into ONNX files.

Needs torch, transformers, torchvision and timm.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers as hf

SIZE = 160
THINGS = tuple(f'thing{index}' for index in range(7))
AREAS = ('road', 'building')
_SMALL = {'embedding_size': 8, 'hidden_sizes': [8, 16, 24, 32], 'depths': [1, 1, 1, 1], 'layer_type': 'basic'}
_THREE = {'out_features': ['stage2', 'stage3', 'stage4']}


class Architecture(NamedTuple):
    """One network.

    Attributes:
        make: the network, with random weights.
        outputs: names of its outputs, in order.
        names: of its classes.
        family: of ours.
        processor: name of the class in transformers that prepares its pictures and reads its outputs.
        dynamo: whether only torch.export can export it.
    """

    make: Callable[[], torch.nn.Module]
    outputs: tuple[str, ...]
    names: tuple[str, ...]
    family: str
    processor: str = ''
    dynamo: bool = False


def _labels(names: tuple[str, ...]) -> dict[str, Any]:
    return {'id2label': dict(enumerate(names)), 'label2id': {name: index for index, name in enumerate(names)}}


def _detr_options(queries: int, **backbone: object) -> dict[str, Any]:
    layers = {f'{part}_{key}': value for part in ('encoder', 'decoder') for key, value in _LAYER.items()}
    return {
        'backbone_config': hf.ResNetConfig(**_SMALL, **backbone),
        'backbone': None,
        'use_timm_backbone': False,
        'use_pretrained_backbone': False,
        'd_model': 32,
        'num_queries': queries,
        **layers,
        **_labels(THINGS),
    }


_LAYER = {'layers': 1, 'attention_heads': 2, 'ffn_dim': 32}


def detr() -> torch.nn.Module:
    return hf.DetrForObjectDetection(hf.DetrConfig(**_detr_options(100, out_features=['stage4'])))


def conditional_detr() -> torch.nn.Module:
    options = _detr_options(300, out_features=['stage4'])
    return hf.ConditionalDetrForObjectDetection(hf.ConditionalDetrConfig(**options))


def yolos() -> torch.nn.Module:
    config = hf.YolosConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=[SIZE, SIZE],
        num_detection_tokens=100,
        **_labels(THINGS),
    )
    return hf.YolosForObjectDetection(config)


def _rt_options(backbone: hf.PreTrainedConfig, points: int | list[int] = 2) -> dict[str, Any]:
    return {
        'backbone_config': backbone,
        'backbone': None,
        'use_pretrained_backbone': False,
        'd_model': 32,
        'encoder_hidden_dim': 32,
        'encoder_ffn_dim': 32,
        'encoder_attention_heads': 2,
        'encoder_in_channels': [16, 24, 32],
        'decoder_in_channels': [32, 32, 32],
        'decoder_ffn_dim': 32,
        'decoder_attention_heads': 2,
        'decoder_layers': 2,
        'decoder_n_points': points,
        'num_queries': 300,
        'num_denoising': 0,
        **_labels(THINGS),
    }


def rtdetr() -> torch.nn.Module:
    backbone = hf.RTDetrResNetConfig(**_SMALL, **_THREE)
    return hf.RTDetrForObjectDetection(hf.RTDetrConfig(**_rt_options(backbone)))


def rtdetr_v2() -> torch.nn.Module:
    backbone = hf.RTDetrResNetConfig(**_SMALL, **_THREE)
    return hf.RTDetrV2ForObjectDetection(hf.RTDetrV2Config(**_rt_options(backbone)))


def dfine() -> torch.nn.Module:
    backbone = hf.HGNetV2Config(
        stem_channels=[3, 8, 8],
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        stage_in_channels=[8, 8, 16, 24],
        stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[8, 16, 24, 32],
        stage_num_blocks=[1, 1, 1, 1],
        stage_downsample=[False, True, True, True],
        stage_light_block=[False, False, True, True],
        stage_kernel_size=[3, 3, 5, 5],
        stage_numb_of_layers=[1, 1, 1, 1],
        **_THREE,
    )
    return hf.DFineForObjectDetection(hf.DFineConfig(**_rt_options(backbone, [2, 2, 2])))


def rf_detr() -> torch.nn.Module:
    backbone = hf.RfDetrDinov2Config(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        mlp_ratio=1,
        image_size=SIZE,
        patch_size=8,
        num_windows=2,
        out_features=['stage2', 'stage4'],
        window_block_indexes=[0, 2],
    )
    config = hf.RfDetrConfig(
        backbone_config=backbone,
        d_model=32,
        decoder_layers=2,
        decoder_ffn_dim=32,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2,
        decoder_n_points=2,
        num_queries=300,
        group_detr=2,
        c2f_num_blocks=1,
        **_labels(THINGS),
    )
    return hf.RfDetrForObjectDetection(config)


def lw_detr() -> torch.nn.Module:
    backbone = hf.LwDetrViTConfig(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=SIZE,
        pretrain_image_size=SIZE,
        window_block_indices=[0, 2],
        out_indices=[2, 4],
        num_windows=4,
    )
    config = hf.LwDetrConfig(
        backbone_config=backbone,
        d_model=32,
        decoder_layers=1,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2,
        decoder_ffn_dim=32,
        num_queries=100,
        group_detr=2,
        projector_scale_factors=[1.0],
        **_labels(THINGS),
    )
    return hf.LwDetrForObjectDetection(config)


def segformer() -> torch.nn.Module:
    config = hf.SegformerConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 8, 16, 16],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16,
        **_labels(AREAS),
    )
    return hf.SegformerForSemanticSegmentation(config)


class _TimmSegmentation(torch.nn.Module):
    """A backbone of timm with one convolution behind it, which is all that many robots' networks are."""

    def __init__(self) -> None:
        super().__init__()
        import timm  # noqa: PLC0415 - not every machine with transformers has it

        name = 'mobilenetv3_small_050'
        self.backbone = timm.create_model(name, pretrained=False, features_only=True, out_indices=(2,))
        self.head = torch.nn.Conv2d(self.backbone.feature_info.channels()[-1], len(AREAS), 1)

    def forward(self, pixel_values: torch.Tensor) -> dict[str, torch.Tensor]:
        return {'out': self.head(self.backbone(pixel_values)[-1])}


class _TorchvisionSsd(torch.nn.Module):
    """As torchvision's documentation exports it: one image, lists without a batch dimension."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models.detection import ssdlite320_mobilenet_v3_large  # noqa: PLC0415

        self.ssd = ssdlite320_mobilenet_v3_large(
            weights=None, weights_backbone=None, num_classes=4, score_thresh=0.0, detections_per_img=20
        )
        # As they are, all scores are equal, and which boxes come is up to the runtime: normalise each layer
        # to what noise makes of it, as training would.
        for module in self.ssd.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
        self.ssd.backbone.train()
        with torch.no_grad():
            features = self.ssd.backbone(torch.rand(4, 3, 320, 320))
            self.ssd.head.train()(list(features.values()))
        for module in self.ssd.head.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.normal_(module.weight, std=0.01)

    def forward(self, pixel_values: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.ssd(list(pixel_values.unbind(0)))[0]


_QUERIES = ('logits', 'pred_boxes')
ARCHITECTURES = {
    'detr': Architecture(detr, _QUERIES, THINGS, 'detr', 'DetrImageProcessor'),
    'yolos': Architecture(yolos, _QUERIES, THINGS, 'detr', 'YolosImageProcessor'),
    'conditional_detr': Architecture(
        conditional_detr, _QUERIES, THINGS, 'rfdetr', 'ConditionalDetrImageProcessor'
    ),
    'rtdetr': Architecture(rtdetr, _QUERIES, THINGS, 'rtdetr', 'RTDetrImageProcessor'),
    'rtdetr_v2': Architecture(rtdetr_v2, _QUERIES, THINGS, 'rtdetr', 'RTDetrImageProcessor'),
    'dfine': Architecture(dfine, _QUERIES, THINGS, 'rtdetr', 'RTDetrImageProcessor'),
    'lw_detr': Architecture(lw_detr, _QUERIES, THINGS, 'rfdetr', 'DeformableDetrImageProcessor'),
    'rf_detr': Architecture(rf_detr, _QUERIES, THINGS, 'rfdetr', 'DeformableDetrImageProcessor', dynamo=True),
    'segformer': Architecture(segformer, ('logits',), AREAS, 'segmentation', 'SegformerImageProcessor'),
    'timm_segmentation': Architecture(_TimmSegmentation, ('out',), AREAS, 'segmentation'),
    'torchvision_ssd': Architecture(
        _TorchvisionSsd, ('boxes', 'scores', 'labels'), ('cat', 'dog', 'cow'), 'torchvision'
    ),
}


class _InOrder(torch.nn.Module):
    def __init__(self, network: torch.nn.Module, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.outputs = network, outputs

    def forward(self, pixel_values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        told = self.network(pixel_values=pixel_values)
        return tuple(told[name] for name in self.outputs)


def build(name: str) -> torch.nn.Module:
    """The network, always with the same weights."""
    torch.manual_seed(len(name))
    return ARCHITECTURES[name].make().eval()


def export(name: str, path: Path) -> Path:
    """Write it as ONNX, with as free a batch as its exporter manages."""
    architecture = ARCHITECTURES[name]
    network = _InOrder(build(name), architecture.outputs)
    listed = architecture.family == 'torchvision'
    pictures = torch.rand(1 if listed else 2, 3, SIZE, SIZE)
    options: dict[str, Any] = {'dynamo': False, 'opset_version': 17}
    if architecture.dynamo:
        free = ({0: torch.export.Dim('batch')},)
        options = {'dynamo': True, 'opset_version': 18, 'external_data': False, 'dynamic_shapes': free}
    elif not listed:
        options['dynamic_axes'] = {'pixel_values': {0: 'batch'}}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')  # exporters warn of what their next versions will do
        torch.onnx.export(
            network,
            (pictures,),
            str(path),
            input_names=['pixel_values'],
            output_names=list(architecture.outputs),
            **options,
        )
    return path
