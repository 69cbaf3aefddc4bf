"""Model cards: what the user says, else the metadata, else what is usual."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.config import ModelConfig, ModelFamily
from stream_infer_ros.errors import ConfigError, ModelError
from stream_infer_ros.inference import EngineIo, TensorInfo, Thresholds, fit, make_decoder
from stream_infer_ros.inference.card_file import CardFile, read_card, shipped_cards
from stream_infer_ros.inference.decoders import decoders, network_card
from stream_infer_ros.inference.decoders.yolov8 import Yolov8Decoder
from stream_infer_ros.inference.input_packing import AS_THEY_ARE, Normalisation
from stream_infer_ros.inference.model_card import ModelCard, merged_card
from stream_infer_ros.inference.model_metadata import class_names, keypoint_channels, selects_boxes
from stream_infer_ros.resources import share_directory


def yolov8_io(classes: int = 3, dtype: str = 'float32', **metadata: str) -> EngineIo:
    return EngineIo(
        (TensorInfo('images', dtype, (1, 3, 64, 64) if dtype != 'uint8' else (1, 64, 64, 3)),),
        (TensorInfo('output0', 'float32', (1, 4 + classes, 84)),),
        {'family': 'yolov8', **metadata},
    )


@pytest.fixture
def card(tmp_path):
    """Writes a card; gives the configuration that names it."""

    def write(text: str, **more: object) -> ModelConfig:
        path = tmp_path / 'card.yaml'
        path.write_text(text)
        return ModelConfig(card=str(path), **more)

    return write


class TestShippedCards:
    @pytest.mark.parametrize('name', shipped_cards())
    def test_each_can_be_read_and_names_a_family(self, name):
        read = read_card(name)
        assert read.family in decoders()
        assert read.source.startswith('https://')

    def test_the_names_of_coco_are_written_once(self):
        names = read_card('yolov8_coco').class_names
        assert len(names) == len(set(names)) == 80
        assert (names[0], names[79]) == ('person', 'toothbrush')
        assert read_card('yolox_coco').class_names == names

    def test_a_card_without_a_file_is_asked_about_with_those_there_are(self):
        with pytest.raises(ConfigError, match=r'nowhere\.yaml.*yolov8_coco'):
            read_card('nowhere')

    def test_every_family_can_be_configured(self):
        assert set(get_args(ModelFamily)) == {'auto', *decoders()}


class TestWhoIsRight:
    def test_a_card_goes_before_the_metadata_and_they_before_what_is_usual(self, card):
        io = yolov8_io(names="{0: 'a', 1: 'b', 2: 'c'}", input_padding='9', input_colour='bgr')
        usual = network_card(ModelConfig(), yolov8_io())
        assert usual == Yolov8Decoder.default_card
        told = network_card(ModelConfig(), io)
        assert told == replace(usual, class_names=('a', 'b', 'c'), padding=9, colour='bgr')
        said = network_card(card('class_names: [x, y, z]\npadding: 3\nmean: [1, 2, 3]\nfit: stretch'), io)
        normalisation = Normalisation(usual.normalisation.scale, mean=(1.0, 2.0, 3.0))
        assert said == replace(
            told, class_names=('x', 'y', 'z'), padding=3, fit='stretch', normalisation=normalisation
        )

    def test_the_setting_goes_before_the_card(self, card, tmp_path):
        names = tmp_path / 'names.txt'
        names.write_text('x\ny\nz\n')
        config = card('family: yolox\nclass_names: [a, b]', family='yolov8', class_names_file=str(names))
        assert make_decoder(config, yolov8_io(family='')).class_names == ('x', 'y', 'z')
        assert make_decoder(config, yolov8_io(family='')).card.family == 'yolov8'

    def test_what_the_user_says_helps_against_metadata_that_make_no_sense(self, card):
        broken = yolov8_io(family='', names='{0: cat', input_scale='-3')
        names = 'class_names: [a, b, c]\n'
        with pytest.raises(ModelError, match=r'set model\.class_names_file'):
            network_card(ModelConfig(), broken)
        with pytest.raises(ModelError, match='scale: expected'):
            network_card(card(names), broken)
        told = network_card(card(names + 'scale: 0.5\n'), broken)
        assert told.class_names == ('a', 'b', 'c')
        assert told.normalisation.scale == 0.5

    def test_a_card_tells_the_family_where_outputs_leave_it_open(self, card):
        assert network_card(card('family: yolov8'), yolov8_io(family='')).family == 'yolov8'

    def test_the_file_of_names_lies_beside_the_card(self, card, tmp_path):
        (tmp_path / 'three.txt').write_text('x\ny\n\nz\n')
        assert network_card(card('class_names: three.txt'), yolov8_io()).class_names == ('x', 'y', 'z')
        with pytest.raises(ConfigError, match=r'four\.txt.*check class_names in model card'):
            network_card(card('class_names: four.txt'), yolov8_io())

    def test_a_network_of_uint8_pixels_normalises_by_itself(self, card):
        assert network_card(ModelConfig(), yolov8_io(dtype='uint8')).normalisation == AS_THEY_ARE

    def test_every_key_of_a_card_arrives(self):
        said = CardFile(
            family='yolov5',
            class_names=('a', 'b'),
            colour='bgr',
            scale=0.5,
            mean=(1, 2, 3),
            std=(4, 5, 6),
            fit='corner',
            padding=0,
            strides=(8, 16),
            anchors=(((1, 2), (3, 4)), ((5, 6),)),
            background=0,
            boxes_output='913',
            box_coding='centre_size',
        )
        assert set(CardFile.model_fields) == {field.name for field in fields(ModelCard)} - {
            'normalisation'
        } | {
            'scale',
            'mean',
            'std',
            'source',
            'input_size',  # of the engine: it has to be known before anything else
        }
        assert merged_card(said, {}, ModelCard('yolov5')) == ModelCard(
            'yolov5',
            ('a', 'b'),
            'bgr',
            Normalisation(0.5, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)),
            'corner',
            0,
            (8, 16),
            (((1.0, 2.0), (3.0, 4.0)), ((5.0, 6.0),)),
            0,
            (),
            '913',
            'centre_size',
        )


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('colours: rgb', r"expected keys of family, class_names, .*got 'colours'"),
        ('mean: [1, 2]', r'mean: expected three numbers.*got \[1, 2\]'),
        ('std: [1, 0, 1]', r'std: expected three numbers above 0'),
        ('scale: fast', r"scale: expected a number above 0.*got 'fast'"),
        ('scale: .inf', r'scale: expected a number'),
        ('fit: squeeze', r"fit: expected letterbox, corner or stretch, got 'squeeze'"),
        ('colour: hsv', r"colour: expected rgb or bgr, got 'hsv'"),
        ('padding: 300', r'padding: expected a grey value 0\.\.255, got 300'),
        ('class_names: [a, 7]', r'class_names: expected a list of names'),
        ('family: retinanet', r"family: expected a family, see model\.family, got 'retinanet'"),
        ('anchors: [[1, 2]]', r'anchors: expected a list of anchors'),
        ('background: -1', r'background: expected the class_id'),
        ('- a\n- b', r'expected keys of .*got list'),
        ('', r'expected keys of .*got NoneType'),
        ('a: [', r'expected YAML'),
    ],
)
def test_a_card_that_is_wrong_says_what_was_expected(card, text, words):
    config = card(text)
    with pytest.raises(ConfigError, match=words) as refusal:
        network_card(config, yolov8_io())
    assert config.card in str(refusal.value)
    assert '\n' not in str(refusal.value)


def test_two_wrong_keys_are_told_at_once(card):
    with pytest.raises(ConfigError, match=r'scale: expected .*; padding: expected'):
        network_card(card('scale: -1\npadding: -1'), yolov8_io())


NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=12)


class TestNamesInMetadata:
    @given(NAMES)
    def test_in_the_forms_of_several_exporters(self, names):
        by_id = dict(enumerate(names))
        for key, text in [
            ('names', str(by_id)),
            ('names', str(names)),
            ('id2label', json.dumps(by_id)),
            ('labels', json.dumps(names)),
        ]:
            assert class_names({key: text}) == tuple(names)

    def test_ours_between_commas(self):
        assert class_names({'class_names': 'cat, two words,cow,'}) == ('cat', 'two words', 'cow')

    def test_half_a_character_is_replaced(self):
        assert class_names({'names': '{"0": "a\\ud800"}'}) == ('a?',)

    def test_gaps_are_filled(self):
        assert class_names({'names': "{1: 'person', 3: 'car'}"}) == ('class0', 'person', 'class2', 'car')

    @pytest.mark.parametrize(
        'text',
        [
            '{',
            "{'a': 'b'}",
            '{0: ',
            '{-1: "a"}',
            '{999999999: "a"}',
            "__import__('os').getcwd()[0]",
            '[' * 5000,
            '(1).__class__',
            '{1: 2}{',
        ],
    )
    def test_what_is_no_list_is_refused_or_taken_for_words_never_run(self, text):
        if text[0] in '[{(':
            with pytest.raises(ModelError, match=r'metadata names of class names.*class_names_file'):
                class_names({'names': text})
        else:
            assert class_names({'names': text}) == (text,)

    def test_other_values_are_checked_like_a_card(self):
        with pytest.raises(ModelError, match=r"metadata: colour: expected rgb or bgr, got 'hsv'"):
            network_card(ModelConfig(), yolov8_io(input_colour='hsv'))
        with pytest.raises(ModelError, match='mean: expected three numbers'):
            network_card(ModelConfig(), yolov8_io(input_mean='[1]'))

    def test_what_ultralytics_writes_of_the_head(self):
        assert selects_boxes({'end2end': 'True'})
        assert selects_boxes({'args': "{'batch': 1, 'nms': True}"})
        assert not selects_boxes({'args': "{'batch': 1, 'nms': False}"})
        assert not selects_boxes({'args': 'broken'})
        assert keypoint_channels({'kpt_shape': '[17, 3]'}) == 51
        with pytest.raises(ModelError, match='kpt_shape of two numbers'):
            keypoint_channels({'kpt_shape': '17'})


def test_wrong_numbers_of_names_are_told_with_their_source(card, tmp_path):
    with pytest.raises(ModelError, match=r"expected 3 class names in the network's metadata, got 2"):
        make_decoder(ModelConfig(), yolov8_io(class_names='a,b'))
    with pytest.raises(ModelError, match=r'expected 3 class names in model\.card .*card\.yaml, got 1'):
        make_decoder(card('class_names: [a]'), yolov8_io())


def test_anchors_of_a_card_reach_the_decoder():
    heads = tuple(TensorInfo(f'h{n}', 'float32', (1, 3, n, n, 7)) for n in (2, 4, 8))
    io = EngineIo((TensorInfo('images', 'float32', (1, 3, 64, 64)),), heads, {})
    with pytest.raises(ModelError, match=r'which anchors .*model\.card'):
        make_decoder(ModelConfig(), io)
    # The card's names are COCO's, the network's two classes are not.
    with pytest.raises(ModelError, match=r'expected 2 class names in model\.card yolov5_coco, got 80'):
        make_decoder(ModelConfig(card='yolov5_coco'), io)
    anchors = yaml.safe_load((share_directory() / 'config/models/yolov5_coco.yaml').read_text())['anchors']
    decoder = make_decoder(ModelConfig(), replace(io, metadata={'anchors': str(anchors)}))
    raw = {head.name: np.full(head.shape, -9.0, np.float32) for head in heads}
    # Stride 16, third anchor (59, 119), row 1, column 2, a quarter of a cell right of its middle.
    raw['h4'][0, 2, 1, 2] = [np.log(0.625 / 0.375), 0.0, 0.0, 0.0, 9.0, -9.0, 9.0]
    detections = decoder.decode(raw, [fit(640, 640, 64, 64)], Thresholds.of(ModelConfig()))[0].detections
    assert detections.class_id.tolist() == [1]
    centre = np.array([(2.75 * 16 - 0.5), (1.5 * 16 - 0.5)])
    half = np.array([59, 119]) / 2
    box = np.clip(np.concatenate([centre - half, centre + half]) + 0.5, 0.0, 64.0) * 10.0 - 0.5
    np.testing.assert_allclose(detections.xyxy[0], box, atol=1e-2)
    with pytest.raises(ModelError, match=r'3 heads of 3 each, got \[3, 3\]'):
        make_decoder(ModelConfig(), replace(io, metadata={'anchors': str(anchors[:2])}))


def test_the_docs_name_every_family_and_key():
    told = (Path(__file__).resolve().parents[2] / 'docs' / 'reference' / 'models.md').read_text()
    for name, family in decoders().items():
        assert f'| `{name}` | {"; or ".join(each.output_layout for each in family)} |' in told
    for key, field in CardFile.model_fields.items():
        assert f'| `{key}` | {field.description} |' in told
