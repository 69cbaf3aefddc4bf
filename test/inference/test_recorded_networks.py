"""Architectures that were exported once are recognised wherever these tests run."""

from dataclasses import replace
from pathlib import Path

import pytest
from recorded_networks import RECORDED, recorded

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ConfigError, ModelError
from stream_infer_ros.inference import make_decoder

THINGS = tuple(f'thing{index}' for index in range(7))
WITH_NAMES = {
    'detr': ('detr', THINGS),
    'yolos': ('detr', THINGS),
    'conditional_detr': ('rtdetr', THINGS),
    'rtdetr': ('rtdetr', THINGS),
    'rtdetr_v2': ('rtdetr', THINGS),
    'dfine': ('rtdetr', THINGS),
    'rf_detr': ('rtdetr', THINGS),
    'segformer': ('segmentation', ('road', 'building')),
    'timm_segmentation': ('segmentation', ('road', 'building')),
    'torchvision_ssd': ('torchvision', ('cat', 'dog', 'cow')),
}


def named(tmp_path: Path, names: tuple[str, ...]) -> ModelConfig:
    path = tmp_path / 'names.txt'
    path.write_text('\n'.join(names))
    return ModelConfig(class_names_file=str(path))


@pytest.mark.parametrize('name', WITH_NAMES)
def test_with_its_class_names_it_needs_no_other_word(name, tmp_path):
    family, names = WITH_NAMES[name]
    decoder = make_decoder(named(tmp_path, names), recorded(name))
    assert decoder.card.family == family
    assert decoder.class_names == names


@pytest.mark.parametrize('name', [name for name in RECORDED if name not in ('lw_detr', 'rf_detr')])
def test_without_a_word_there_is_one_question(name):
    with pytest.raises(ModelError, match=r'model\.(family|class_names_file)|model card') as question:
        make_decoder(ModelConfig(), recorded(name))
    assert '?' in str(question.value)
    assert len(str(question.value).splitlines()) == 1


def test_the_number_of_queries_is_enough_where_it_is_told():
    assert make_decoder(ModelConfig(), recorded('rf_detr')).card.family == 'rtdetr'


@pytest.mark.parametrize(
    ('card', 'name', 'logits', 'family'),
    [
        ('detr_coco', 'detr', 92, 'detr'),
        ('deformable_detr_coco', 'conditional_detr', 91, 'rtdetr'),
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


def test_lw_detr_has_as_many_queries_as_detr_and_has_to_be_named(tmp_path):
    config = named(tmp_path, THINGS)
    with pytest.raises(ConfigError, match=r'expected 6 names .* set model\.family if it is not detr'):
        make_decoder(config, recorded('lw_detr'))
    rtdetr = config.model_copy(update={'family': 'rtdetr'})
    assert make_decoder(rtdetr, recorded('lw_detr')).class_names == THINGS
