"""Architectures that were exported once are recognised wherever these tests run."""

from dataclasses import replace
from pathlib import Path

import pytest
from recorded_networks import RECORDED, recorded

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference import EngineIo, make_decoder

THINGS = tuple(f'thing{index}' for index in range(7))
WITH_NAMES = {
    'detr': ('detr', THINGS),
    'yolos': ('detr', THINGS),
    'rtdetr': ('rtdetr', THINGS),
    'rtdetr_v2': ('rtdetr', THINGS),
    'dfine': ('rtdetr', THINGS),
    'segformer': ('segmentation', ('road', 'building')),
    'timm_segmentation': ('segmentation', ('road', 'building')),
    'torchvision_ssd': ('torchvision', ('cat', 'dog', 'cow')),
}


def named(tmp_path: Path, names: tuple[str, ...]) -> ModelConfig:
    path = tmp_path / 'names.txt'
    path.write_text('\n'.join(names))
    return ModelConfig(class_names_file=str(path))


def at_size(io: EngineIo, size: int) -> EngineIo:
    picture = replace(io.inputs[0], shape=(*io.inputs[0].shape[:2], size, size))
    return replace(io, inputs=(picture, *io.inputs[1:]))


@pytest.mark.parametrize('name', WITH_NAMES)
def test_with_its_class_names_it_needs_no_other_word(name, tmp_path):
    family, names = WITH_NAMES[name]
    io = at_size(recorded(name), 640) if family == 'rtdetr' else recorded(name)
    decoder = make_decoder(named(tmp_path, names), io)
    assert decoder.card.family == family
    assert decoder.class_names == names


# LW-DETR's smallest has as many queries as DETR, and as many logits as a DETR of other classes may have.
@pytest.mark.parametrize('name', [name for name in RECORDED if name != 'lw_detr'])
def test_without_a_word_there_is_one_question(name):
    with pytest.raises(ModelError, match=r'model\.(family|class_names_file)|model card') as question:
        make_decoder(ModelConfig(), recorded(name))
    assert '?' in str(question.value)
    assert len(str(question.value).splitlines()) == 1


@pytest.mark.parametrize(
    ('card', 'name', 'logits', 'family'),
    [
        ('detr_coco', 'detr', 92, 'detr'),
        ('deformable_detr_coco', 'conditional_detr', 91, 'rfdetr'),
        ('rtdetr_coco', 'rtdetr', 80, 'rtdetr'),
        ('segformer_cityscapes', 'segformer', 19, 'segmentation'),
    ],
)
def test_the_cards_that_ship_fit_the_published_weights(card, name, logits, family):
    io = recorded(name)
    published = replace(io.outputs[0], shape=(-1, *io.outputs[0].shape[1:2], logits))
    if family == 'segmentation':
        published = replace(io.outputs[0], shape=(-1, logits, -1, -1))
    decoder = make_decoder(ModelConfig(card=card), replace(io, outputs=(published, *io.outputs[1:])))
    assert decoder.card.family == family
    assert ('road' if family == 'segmentation' else 'person') in decoder.class_names


@pytest.mark.parametrize('name', ['conditional_detr', 'rf_detr', 'lw_detr'])
def test_those_that_differ_from_rt_detr_by_their_pixels_only_are_asked_about_and_can_be_named(name, tmp_path):
    config = named(tmp_path, THINGS)
    with pytest.raises(ModelError, match=r'is this network rtdetr with 7 classes or rfdetr with 7 classes\?'):
        make_decoder(config, recorded(name))
    decoder = make_decoder(config.model_copy(update={'family': 'rfdetr'}), recorded(name))
    assert decoder.class_names == THINGS
    assert decoder.card.normalisation.mean[0] == 0.485
