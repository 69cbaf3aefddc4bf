"""NanoDet, FastestDet, Yolo-FastestV2, UltraFace, SCRFD, and boxes and scores by cell.

The references follow the authors' code, cell by cell. The networks are ONNX files with constant outputs.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import pytest
from engine_runs import infer

from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference import (
    EngineIo,
    ImageInput,
    TensorInfo,
    Thresholds,
    fit,
    make_decoder,
    make_engine,
    network_card,
)
from stream_infer_ros.inference.class_name_hint import fitting_cards
from stream_infer_ros.inference.engines import EngineSpec

pytest.importorskip('onnx', reason='onnx is not installed: no network can be written')
from constant_network import write_constant

WIDTH, HEIGHT = 96, 64
NAMES = {'class_names': 'cat,dog,cow'}
RUNTIMES = [kind for kind in ('openvino', 'onnxruntime') if find_spec(kind)]
THRESHOLDS = Thresholds(score=0.4, iou=1.0)


class Box(NamedTuple):
    """A box as the authors give it: pixels of the input, measured from its corner."""

    score: float
    class_id: int
    xyxy: tuple[float, float, float, float]


class Example(NamedTuple):
    """A network, and the boxes that the reference finds in its outputs."""

    outputs: dict[str, np.ndarray]
    boxes: list[Box]
    metadata: dict[str, str] | None = None


def random() -> np.random.Generator:
    return np.random.default_rng(5)


def cells(stride: int) -> Iterator[tuple[int, int]]:
    for row in range(math.ceil(HEIGHT / stride)):
        for column in range(math.ceil(WIDTH / stride)):
            yield column, row


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


# NanoDet: demo_ncnn/nanodet.cpp, decode_infer and disPred2Bbox.


def nanodet_outputs(strides: tuple[int, ...], classes: int, steps: int) -> tuple[list, list]:
    rng = random()
    counts = [len(list(cells(stride))) for stride in strides]
    scores = [rng.uniform(0, 0.6, (n, classes)) for n in counts]
    return scores, [rng.normal(0, 2, (n, 4 * steps)) for n in counts]


def nanodet_boxes(strides, scores, sides, steps: int, offset: float) -> list[Box]:
    found = []
    for stride, score, side in zip(strides, scores, sides, strict=True):
        for row, (column_index, row_index) in enumerate(cells(stride)):
            distance = []
            for logits in side[row].reshape(4, steps):
                odds = np.exp(logits)
                distance.append(sum(i * p for i, p in enumerate(odds / odds.sum())) * stride)
            u, v = (column_index + offset) * stride, (row_index + offset) * stride
            box = u - distance[0], v - distance[1], u + distance[2], v + distance[3]
            found.append(Box(score[row].max(), int(score[row].argmax()), box))
    return found


def nanodet_m(classes: int = 3, steps: int = 8, order: str = 'grouped') -> Example:
    strides = (8, 16, 32)
    scores, sides = nanodet_outputs(strides, classes, steps)
    by_name = {f'cls_pred_stride_{s}': it[None] for s, it in zip(strides, scores, strict=True)}
    by_name |= {f'dis_pred_stride_{s}': it[None] for s, it in zip(strides, sides, strict=True)}
    names = list(by_name)
    if order == 'interleaved':
        names = [f'{kind}_pred_stride_{s}' for s in strides for kind in ('cls', 'dis')]
    elif order == 'reversed':
        names = [f'{kind}_pred_stride_{s}' for s in strides[::-1] for kind in ('dis', 'cls')]
    boxes = nanodet_boxes(strides, scores, sides, steps, 0.5)
    return Example({name: by_name[name] for name in names}, boxes)


def nanodet_merged(strides: tuple[int, ...], steps: int, offset: float) -> Example:
    scores, sides = nanodet_outputs(strides, 3, steps)
    rows = np.concatenate([np.concatenate(both, 1) for both in zip(scores, sides, strict=True)])
    return Example({'output': rows[None]}, nanodet_boxes(strides, scores, sides, steps, offset))


def nanodet_plus_by_stride() -> Example:
    strides = (8, 16, 32, 64)
    scores, sides = nanodet_outputs(strides, 3, 8)
    outputs = {}
    for stride, score, side in zip(strides, scores, sides, strict=True):
        outputs |= {f'cls_pred_stride_{stride}': score[None], f'dis_pred_stride_{stride}': side[None]}
    return Example(outputs, nanodet_boxes(strides, scores, sides, 8, 0.0))


# FastestDet: example/onnx-runtime/runtime.py, detection.


def fastestdet() -> Example:
    rng = random()
    rows, columns = HEIGHT // 16, WIDTH // 16
    values = rng.normal(0, 1, (8, rows, columns))
    values[[0, 5, 6, 7]] = rng.uniform(0, 1, (4, rows, columns))
    found = []
    for row in range(rows):
        for column in range(columns):
            cell = values[:, row, column]
            score = cell[0] ** 0.6 * cell[5:].max() ** 0.4
            u, v = (column + math.tanh(cell[1])) / columns, (row + math.tanh(cell[2])) / rows
            w, h = sigmoid(cell[3]), sigmoid(cell[4])
            box = (u - w / 2) * WIDTH, (v - h / 2) * HEIGHT, (u + w / 2) * WIDTH, (v + h / 2) * HEIGHT
            found.append(Box(score, int(cell[5:].argmax()), box))
    return Example({'758': values[None]}, found)


# Yolo-FastestV2: utils/utils.py, handel_preds.


ANCHORS = [[[12.64, 19.39], [37.88, 51.48], [55.71, 138.31]], [[126.9, 78.2], [131.6, 214.6], [279.9, 258.9]]]


def yolo_fastest(channels_first: bool = False, swapped: bool = False) -> Example:
    rng = random()
    outputs, found = {}, []
    for name, stride, anchors in (('770', 16, ANCHORS[0]), ('771', 32, ANCHORS[1])):
        values = rng.uniform(0, 1, (HEIGHT // stride, WIDTH // stride, 15 + 3))
        for row in range(values.shape[0]):
            for column in range(values.shape[1]):
                cell = values[row, column]
                for index, (width, height) in enumerate(anchors):
                    r = cell[4 * index : 4 * index + 4]
                    u, v = (r[0] * 2 - 0.5 + column) * stride, (r[1] * 2 - 0.5 + row) * stride
                    w, h = (r[2] * 2) ** 2 * width, (r[3] * 2) ** 2 * height
                    box = u - w / 2, v - h / 2, u + w / 2, v + h / 2
                    found.append(Box(cell[12 + index] * cell[15:].max(), int(cell[15:].argmax()), box))
        outputs[name] = (values.transpose(2, 0, 1) if channels_first else values)[None]
    if swapped:
        outputs = dict(reversed(outputs.items()))
    return Example(outputs, found, {**NAMES, 'anchors': str(ANCHORS)})


# UltraFace: vision/ssd/config/fd_config.py, vision/utils/box_utils.py, run_video_face_detect_onnx.py.


def ultraface(decoded: bool = True) -> Example:
    rng = random()
    priors = []
    for stride, sides in ((8, (10, 16, 24)), (16, (32, 48)), (32, (64, 96)), (64, (128, 192, 256))):
        columns, rows = math.ceil(WIDTH / stride), math.ceil(HEIGHT / stride)
        for column, row in cells(stride):
            for side in sides:
                prior = ((column + 0.5) / columns, (row + 0.5) / rows, side / WIDTH, side / HEIGHT)
                priors.append([min(max(value, 0.0), 1.0) for value in prior])
    face = rng.uniform(0, 0.6, len(priors))
    offsets = rng.normal(0, 1, (len(priors), 4))
    boxes = np.empty((len(priors), 4))
    for place, (prior, offset) in enumerate(zip(priors, offsets, strict=True)):
        u, v = offset[0] * 0.1 * prior[2] + prior[0], offset[1] * 0.1 * prior[3] + prior[1]
        w, h = math.exp(offset[2] * 0.2) * prior[2], math.exp(offset[3] * 0.2) * prior[3]
        boxes[place] = u - w / 2, v - h / 2, u + w / 2, v + h / 2
    found = [
        Box(score, 0, tuple(box * [WIDTH, HEIGHT, WIDTH, HEIGHT]))
        for score, box in zip(face, boxes, strict=True)
    ]
    scores = np.stack([1 - face, face], axis=1)
    return Example({'scores': scores[None], 'boxes': (boxes if decoded else offsets)[None]}, found)


# SCRFD: tools/scrfd.py, forward.


def scrfd(landmarks: bool = True, batched: bool = False) -> Example:
    rng, anchors = random(), 2
    scores, boxes, marks, found = {}, {}, {}, []
    for stride in (8, 16, 32):
        rows, columns = HEIGHT // stride, WIDTH // stride
        n = rows * columns * anchors
        score, distance = rng.uniform(0, 0.6, (n, 1)), rng.uniform(0, 4, (n, 4))
        centres = [
            (column * stride, row * stride)
            for row in range(rows)
            for column in range(columns)
            for _ in range(anchors)
        ]
        for place, (u, v) in enumerate(centres):
            left, top, right, bottom = distance[place] * stride
            found.append(Box(score[place, 0], 0, (u - left, v - top, u + right, v + bottom)))
        scores[f'score_{stride}'], boxes[f'bbox_{stride}'] = score, distance
        marks[f'kps_{stride}'] = rng.normal(0, 1, (n, 10))
    outputs = scores | boxes | (marks if landmarks else {})
    return Example({name: it[None] if batched else it for name, it in outputs.items()}, found)


# Boxes and scores by cell: the boxes as they are; centre and size as xywh2xyxy of Ultralytics.


def boxes_by_cell(
    coding: str = 'corners', transposed: str = '', swapped: bool = False, fractions: bool = False, classes=3
) -> Example:
    rng = random()
    scores, boxes, found = [], [], []
    for stride in (8, 16, 32):
        for column, row in cells(stride):
            u, v = (column + 0.5) * stride, (row + 0.5) * stride
            w, h = rng.uniform(4, 60, 2)
            corner_box = u - w / 2, v - h / 2, u + w / 2, v + h / 2
            boxes.append(corner_box if coding == 'corners' else (u, v, w, h))
            scores.append(rng.uniform(0, 0.6, classes))
            found.append(Box(scores[-1].max(), int(scores[-1].argmax()), corner_box))
    rows = np.array(boxes) / ([WIDTH, HEIGHT, WIDTH, HEIGHT] if fractions else 1)
    outputs = {'913': rows[None], '904': np.array(scores)[None]}
    if 'b' in transposed:
        outputs['913'] = outputs['913'].transpose(0, 2, 1)
    if 's' in transposed:
        outputs['904'] = outputs['904'].transpose(0, 2, 1)
    return Example(dict(reversed(outputs.items())) if swapped else outputs, found)


EXAMPLES = {
    'nanodet m, grouped': ('nanodet', nanodet_m()),
    'nanodet m, interleaved': ('nanodet', nanodet_m(order='interleaved')),
    'nanodet m, reversed': ('nanodet', nanodet_m(order='reversed')),
    'nanodet with 11 steps': ('nanodet', nanodet_m(steps=11)),
    'nanodet of 32 classes': ('nanodet', nanodet_m(classes=32, order='interleaved')),
    'nanodet, one output': ('nanodet', nanodet_merged((8, 16, 32), 8, 0.5)),
    'nanodet, one output with 11 steps': ('nanodet', nanodet_merged((8, 16, 32), 11, 0.5)),
    'nanodet plus': ('nanodet', nanodet_merged((8, 16, 32, 64), 8, 0.0)),
    'nanodet plus by stride': ('nanodet', nanodet_plus_by_stride()),
    'fastestdet': ('fastestdet', fastestdet()),
    'yolo_fastest_v2': ('yolo_fastest_v2', yolo_fastest()),
    'yolo_fastest_v2, swapped': ('yolo_fastest_v2', yolo_fastest(swapped=True)),
    'yolo_fastest_v2, channels first': ('yolo_fastest_v2', yolo_fastest(channels_first=True)),
    'ultraface': ('ultraface', ultraface()),
    'ultraface with offsets': ('ultraface', ultraface(decoded=False)),
    'scrfd': ('scrfd', scrfd()),
    'scrfd without landmarks': ('scrfd', scrfd(landmarks=False)),
    'scrfd with a batch dimension': ('scrfd', scrfd(batched=True)),
    'corners': ('boxes_by_cell', boxes_by_cell()),
    'corners, scores first': ('boxes_by_cell', boxes_by_cell(swapped=True)),
    'corners, boxes transposed': ('boxes_by_cell', boxes_by_cell(transposed='b')),
    'corners, scores transposed': ('boxes_by_cell', boxes_by_cell(transposed='s', swapped=True)),
    'corners, both transposed': ('boxes_by_cell', boxes_by_cell(transposed='bs')),
    'corners as fractions': ('boxes_by_cell', boxes_by_cell(fractions=True)),
    'centre and size': ('boxes_by_cell', boxes_by_cell('centre_size')),
    'centre and size, both transposed': ('boxes_by_cell', boxes_by_cell('centre_size', 'bs', swapped=True)),
    'centre and size as fractions': ('boxes_by_cell', boxes_by_cell('centre_size', fractions=True)),
}


def io_of(example: Example, input_name: str = 'images') -> EngineIo:
    outputs = tuple(TensorInfo(name, 'float32', it.shape) for name, it in example.outputs.items())
    names = example.metadata or (NAMES if is_named(example) else {})
    return EngineIo((TensorInfo(input_name, 'float32', (1, 3, HEIGHT, WIDTH)),), outputs, dict(names))


def is_named(example: Example) -> bool:
    return {box.class_id for box in example.boxes} == {0, 1, 2}


def expected(example: Example) -> np.ndarray:
    """Return (N, 6) score, class and box in our pixels, best first, of the boxes that are published."""
    found = []
    for box in example.boxes:
        x0, y0, x1, y1 = np.clip(np.array(box.xyxy) - 0.5, -0.5, [WIDTH - 0.5, HEIGHT - 0.5] * 2)
        if box.score >= THRESHOLDS.score and x1 > x0 and y1 > y0:
            found.append((box.score, box.class_id, x0, y0, x1, y1))
    return np.array(sorted(found, reverse=True))


@pytest.mark.parametrize('kind', RUNTIMES)
@pytest.mark.parametrize('name', EXAMPLES)
def test_boxes_are_those_of_the_authors_code(kind, name, tmp_path):
    family, example = EXAMPLES[name]
    path = write_constant(tmp_path / 'model.onnx', example.outputs, io_of(example).metadata)
    engine = make_engine(EngineSpec(EngineConfig(kind=kind, threads=1, precision='fp32'), path, 2))
    engine.load()
    try:
        decoder = make_decoder(ModelConfig(), engine.io)
        assert ImageInput.of(engine.io).width == WIDTH
        outputs = infer(engine, np.zeros((2, HEIGHT, WIDTH, 3), np.uint8))
    finally:
        engine.close()
    assert decoder.card.family == family
    letterbox = fit(WIDTH, HEIGHT, WIDTH, HEIGHT)
    want = expected(example)
    assert 5 <= len(want) <= 300
    for perception in decoder.decode(outputs, [letterbox, letterbox], THRESHOLDS):
        seen = perception.detections
        assert perception.invalid == 0
        got = np.column_stack([seen.score, seen.class_id, seen.xyxy])
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=2e-3)


CARDS = {
    'nanodet m, grouped': ('bgr', 'letterbox', 0, 1.0, 103.53),
    'nanodet, one output': ('bgr', 'letterbox', 0, 1.0, 103.53),
    'nanodet plus': ('bgr', 'stretch', 114, 1.0, 103.53),
    'nanodet plus by stride': ('bgr', 'stretch', 114, 1.0, 103.53),
    'fastestdet': ('bgr', 'stretch', 114, 1 / 255, 0.0),
    'yolo_fastest_v2': ('bgr', 'stretch', 114, 1 / 255, 0.0),
    'ultraface': ('rgb', 'stretch', 114, 1.0, 127.0),
    'scrfd': ('rgb', 'corner', 0, 1.0, 127.5),
    'corners': ('rgb', 'letterbox', 114, 1 / 255, 0.0),
}


@pytest.mark.parametrize('name', CARDS)
def test_pictures_are_prepared_as_in_training(name):
    card = network_card(ModelConfig(), io_of(EXAMPLES[name][1]))
    pixels = card.normalisation
    assert (card.colour, card.fit, card.padding, pixels.scale, pixels.mean[0]) == CARDS[name]


def test_the_card_of_the_other_nanodet_is_neither_proposed_nor_accepted():
    """They differ in how a picture is fitted into the network."""
    counts = {'nanodet_coco': (8, 16, 32), 'nanodet_plus_coco': (8, 16, 32, 64)}
    other = dict(zip(counts, reversed(counts), strict=True))
    for card, strides in counts.items():
        rows = sum(len(list(cells(stride))) for stride in strides)
        io = shapes({'output': (1, rows, 112)}, size=(HEIGHT, WIDTH))
        assert fitting_cards(make_decoder(ModelConfig(), io)) == [card]
        assert make_decoder(ModelConfig(card=card), io).class_names[0] == 'person'
        with pytest.raises(ModelError, match=r'expected strides \[8, 16, 32.* in the model card'):
            make_decoder(ModelConfig(card=other[card]), io)


def shapes(outputs: dict[str, tuple[int, ...]], metadata=None, size=(640, 640), name='images') -> EngineIo:
    tensors = tuple(TensorInfo(each, 'float32', shape) for each, shape in outputs.items())
    return EngineIo((TensorInfo(name, 'float32', (1, 3, *size)),), tensors, metadata or {})


def by_stride(names, counts, fields) -> dict[str, tuple[int, ...]]:
    return {f'{name}_{n}': (1, n, field) for name, field in zip(names, fields, strict=True) for n in counts}


# Outputs of published files.
PUBLISHED = {
    'nanodet_m.onnx': (
        'nanodet',
        shapes(by_stride(('cls_pred', 'dis_pred'), (1600, 400, 100), (80, 32)), size=(320, 320)),
    ),
    'nanodet_m.onnx, renamed': (
        'nanodet',
        shapes(by_stride(('a', 'b'), (1600, 400, 100), (80, 32)), size=(320, 320)),
    ),
    'nanodet-RepVGG-A0_416.onnx': (
        'nanodet',
        shapes(by_stride(('a', 'b'), (2704, 676, 169), (80, 44)), size=(416, 416)),
    ),
    'nanodet_m of version 1.0': ('nanodet', shapes({'output': (1, 2100, 112)}, size=(320, 320))),
    'nanodet_g of version 1.0': ('nanodet', shapes({'output': (1, 3549, 124)}, size=(416, 416))),
    'nanodet-plus-m_416.onnx': ('nanodet', shapes({'output': (1, 3598, 112)}, size=(416, 416))),
    'picodet_s_320.onnx': (
        'picodet',
        shapes(by_stride(('transpose_0.tmp', 'conv'), (1600, 400, 100, 25), (80, 32)), size=(320, 320)),
    ),
    'FastestDet.onnx': ('fastestdet', shapes({'758': (1, 85, 22, 22)}, size=(352, 352))),
    'yolo-fastestv2': (
        'yolo_fastest_v2',
        shapes({'770': (1, 22, 22, 95), '783': (1, 11, 11, 95)}, size=(352, 352)),
    ),
    'version-RFB-320.onnx': (
        'ultraface',
        shapes({'scores': (1, 4420, 2), 'boxes': (1, 4420, 4)}, size=(240, 320)),
    ),
    'version-RFB-640.onnx': (
        'ultraface',
        shapes({'scores': (1, 17640, 2), 'boxes': (1, 17640, 4)}, size=(480, 640)),
    ),
    'det_10g.onnx': (
        'scrfd',
        shapes(
            {f'{field}{n}': (n, field) for field in (1, 4, 10) for n in (12800, 3200, 800)},
        ),
    ),
    'scrfd with one anchor': (
        'scrfd',
        shapes({f'{field}{n}': (n, field) for field in (1, 4) for n in (6400, 1600, 400, 100, 25)}),
    ),
    'scrfd for any size': (
        'scrfd',
        shapes(
            {f'{name}_{stride}': (-1, -1) for name in ('score', 'bbox', 'kps') for stride in (8, 16, 32)},
            {'imgsz': '[480, 640]'},
            size=(-1, -1),
        ),
    ),
    'yolo_nas_s.onnx': ('boxes_by_cell', shapes({'913': (1, 8400, 4), '904': (1, 8400, 80)})),
    'yolo_world.onnx': ('boxes_by_cell', shapes({'scores': (1, 8400, 80), 'boxes': (1, 8400, 4)})),
    'ppyoloe, no NMS': ('boxes_by_cell', shapes({'tmp_20': (1, 8400, 4), 'concat_14': (1, 80, 8400)})),
    'yolo_nas of free batch': (
        'boxes_by_cell',
        shapes({'boxes': (-1, 8400, 4), 'scores': (-1, 8400, 3)}),
    ),
}


@pytest.mark.parametrize('name', PUBLISHED)
def test_published_files_are_recognised(name):
    family, io = PUBLISHED[name]
    assert network_card(ModelConfig(), io).family == family


def test_a_stretched_person_is_not_a_letterboxed_one():
    """NanoDet-m was taken for PicoDet, which stretches RGB pictures."""
    card = network_card(ModelConfig(), PUBLISHED['nanodet_m.onnx'][1])
    assert (card.family, card.colour, card.fit, card.padding) == ('nanodet', 'bgr', 'letterbox', 0)


class TestQuestions:
    def question(self, io: EngineIo, **settings: str) -> str:
        with pytest.raises(ModelError) as asked:
            make_decoder(ModelConfig(**settings), io)
        return str(asked.value)

    def test_one_map_at_stride_16_can_be_boxes_or_classes_of_the_ground(self):
        io = shapes({'out': (1, 21, 22, 22)}, size=(352, 352))
        asked = self.question(io)
        assert 'is this network fastestdet with 16 classes or segmentation?' in asked
        assert 'objectness, box, classes' in asked
        assert 'Set model.family' in asked
        assert network_card(ModelConfig(family='fastestdet'), io).family == 'fastestdet'

    def test_the_number_of_names_answers_it(self, tmp_path):
        io = shapes({'out': (1, 8, 22, 22)}, NAMES, size=(352, 352))
        assert network_card(ModelConfig(), io).family == 'fastestdet'
        names = ','.join(['road', *(f'thing {index}' for index in range(7))])
        io = shapes({'out': (1, 8, 22, 22)}, {'class_names': names}, size=(352, 352))
        assert network_card(ModelConfig(), io).family == 'segmentation'

    def test_eight_outputs_without_telling_names_can_be_picodet_or_nanodet_plus(self):
        counts = (1600, 400, 100, 25)
        pairs = {f'{name}{n}': (1, n, field) for n in counts for name, field in (('a', 80), ('b', 32))}
        io = shapes(pairs, size=(320, 320))
        asked = self.question(io)
        assert 'is this network nanodet with 80 classes or picodet with 80 classes?' in asked
        assert network_card(ModelConfig(family='nanodet'), io).colour == 'bgr'
        assert network_card(ModelConfig(family='picodet'), io).colour == 'rgb'
        named = shapes(pairs, size=(320, 320), name='data')
        assert network_card(ModelConfig(), named).family == 'nanodet'

    def test_four_classes_and_four_coordinates(self, tmp_path):
        io = shapes({'a': (1, 8400, 4), 'b': (1, 8400, 4)})
        asked = self.question(io)
        assert 'which output of this boxes_by_cell network has the boxes?' in asked
        assert 'boxes_output: a or b in a model card' in asked
        card = tmp_path / 'card.yaml'
        card.write_text('boxes_output: b\n')
        outputs = {'a': np.zeros((1, 8400, 4), np.float32), 'b': np.zeros((1, 8400, 4), np.float32)}
        outputs['a'][0, 7], outputs['b'][0, 7] = [0, 0, 0, 0.9], [100, 200, 300, 400]
        decoder = make_decoder(ModelConfig(card=str(card)), io)
        (seen,) = decoder.decode(outputs, [fit(640, 640, 640, 640)], THRESHOLDS)
        np.testing.assert_allclose(seen.detections.xyxy, [[99.5, 199.5, 299.5, 399.5]])
        assert seen.detections.class_id.tolist() == [3]
        named = shapes({'confs': (1, 8400, 4), 'bboxes': (1, 8400, 4)})
        assert make_decoder(ModelConfig(), named).card.family == 'boxes_by_cell'

    def test_the_card_can_set_the_coding_of_boxes(self, tmp_path):
        card = tmp_path / 'card.yaml'
        card.write_text('box_coding: centre_size\n')
        outputs = {'boxes': np.zeros((1, 8400, 4), np.float32), 'scores': np.zeros((1, 8400, 3), np.float32)}
        outputs['boxes'][0, 7], outputs['scores'][0, 7, 1] = [200, 250, 300, 350], 0.9
        io = shapes({name: it.shape for name, it in outputs.items()})
        for config, box in (
            (ModelConfig(), [200, 250, 300, 350]),
            (ModelConfig(card=str(card)), [50, 75, 350, 425]),
        ):
            (seen,) = make_decoder(config, io).decode(outputs, [fit(640, 640, 640, 640)], THRESHOLDS)
            np.testing.assert_allclose(seen.detections.xyxy, [np.array(box) - 0.5])

    def test_anchors_of_other_classes_than_coco_are_asked_for(self):
        io = shapes({'770': (1, 22, 22, 18), '783': (1, 11, 11, 18)}, NAMES, size=(352, 352))
        asked = self.question(io)
        assert 'which anchors has this Yolo-FastestV2 network?' in asked
        assert '`anchors` in a model card' in asked

    def test_raw_offsets_without_their_priors_are_not_taken_for_boxes(self):
        """RetinaFace and SSD: the rows are neither cells nor priors that are known."""
        asked = self.question(shapes({'loc': (1, 16800, 4), 'conf': (1, 16800, 2)}))
        assert 'boxes_by_cell' in asked  # among the families that there are
        assert 'docs/how-to/add-a-model-family.md' in asked
        assert 'stream_infer_ros.decoders' in asked

    def test_a_network_of_another_size_is_told(self):
        example = scrfd()
        io = shapes(dict.fromkeys(example.outputs, (-1, -1)), {'imgsz': '[128, 96]'}, size=(-1, -1))
        decoder = make_decoder(ModelConfig(), io)
        outputs = {name: it[None] for name, it in example.outputs.items()}
        with pytest.raises(ModelError, match=r'expected 504 scores .* got 252 and 252; set input_size'):
            decoder.decode(outputs, [fit(96, 128, 96, 128)], THRESHOLDS)


class TestYoloNasWithNms:
    """documentation/source/models_export.md of super-gradients."""

    BOXES = np.array([[10, 20, 50, 60], [30, 10, 90, 40]], np.float32)
    SCORES, CLASSES = np.array([0.9, 0.6], np.float32), np.array([2, 0], np.float32)

    def io(self, outputs: dict[str, tuple[int, ...]]) -> EngineIo:
        io = shapes(outputs, NAMES, (HEIGHT, WIDTH))
        return replace(io, inputs=(TensorInfo('input', 'uint8', (1, 3, HEIGHT, WIDTH)),))

    def check(self, io: EngineIo, outputs: dict[str, np.ndarray], family: str) -> None:
        decoder = make_decoder(ModelConfig(), io)
        assert decoder.card.family == family
        assert decoder.card.normalisation.scale == 1.0  # the network normalises bytes itself
        (seen,) = decoder.decode(outputs, [fit(WIDTH, HEIGHT, WIDTH, HEIGHT)], THRESHOLDS)
        np.testing.assert_allclose(seen.detections.xyxy, self.BOXES - 0.5)
        np.testing.assert_allclose(seen.detections.score, self.SCORES)
        assert [seen.detections.class_names[index] for index in seen.detections.class_id] == ['cow', 'cat']
        assert seen.invalid == 0

    @pytest.mark.parametrize('prefix', ['', 'graph2_'])
    def test_batch_format(self, prefix):
        outputs = {
            f'{prefix}num_predictions': np.array([[2]]),
            f'{prefix}pred_boxes': np.full((1, 10, 4), -1.0, np.float32),
            f'{prefix}pred_scores': np.full((1, 10), -1.0, np.float32),
            f'{prefix}pred_classes': np.full((1, 10), -1),
        }
        for name, values in (('boxes', self.BOXES), ('scores', self.SCORES), ('classes', self.CLASSES)):
            outputs[f'{prefix}pred_{name}'][0, :2] = values
        io = self.io({name: it.shape for name, it in outputs.items()})
        self.check(io, outputs, 'efficient_nms')

    @pytest.mark.parametrize('name', ['graph2_flat_predictions', 'renamed'])
    def test_flat_format_has_the_score_before_the_class(self, name):
        rows = np.column_stack([np.zeros(2), self.BOXES, self.SCORES, self.CLASSES]).astype(np.float32)
        self.check(self.io({name: (-1, 7)}), {name: rows[None]}, 'nms_rows')

    def test_rows_of_yolov7_have_the_class_before_the_score(self):
        rows = np.column_stack([np.zeros(2), self.BOXES, self.CLASSES, self.SCORES]).astype(np.float32)
        self.check(self.io({'output': (-1, 7)}), {'output': rows[None]}, 'nms_rows')


def test_classes_of_faces_have_names():
    assert make_decoder(ModelConfig(), PUBLISHED['version-RFB-320.onnx'][1]).class_names == ('face',)
    assert make_decoder(ModelConfig(), PUBLISHED['det_10g.onnx'][1]).class_names == ('face',)
    masks = {'scores': (1, 4420, 3), 'boxes': (1, 4420, 4)}
    assert make_decoder(ModelConfig(), shapes(masks, size=(240, 320))).class_names == ('class0', 'class1')
    named = shapes(masks, {'class_names': 'BACKGROUND,face,masked_face'}, size=(240, 320))
    assert make_decoder(ModelConfig(), named).class_names == ('face', 'masked_face')
