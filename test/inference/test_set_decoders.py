"""DETR, NanoDet, PicoDet, torchvision, TensorFlow, in-graph suppression: boxes come back in source pixels."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_pixels import to_network

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference import (
    EngineIo,
    Letterbox,
    TensorInfo,
    Thresholds,
    fit,
    make_decoder,
)
from stream_infer_ros.inference.decoders import network_card

THRESHOLDS = Thresholds.of(ModelConfig())
WIDTH, HEIGHT = 192, 128
NAMES = ('cat', 'dog', 'cow')
NAMED = {'class_names': ','.join(NAMES)}
CELLS = {stride: -(-WIDTH // stride) * -(-HEIGHT // stride) for stride in (8, 16, 32, 64)}
# Box (network pixels from the corner), score, class.
Box = tuple[tuple[float, float, float, float], float, int]


def network(
    outputs: dict[str, tuple[int, ...]],
    metadata: dict[str, str] | None = None,
    *beside: TensorInfo,
    dtype: str = 'float32',
    batch: int = -1,
) -> EngineIo:
    kinds = {name: 'int64' if name in ('labels', 'num_dets') else dtype for name in outputs}
    return EngineIo(
        (TensorInfo('images', 'float32', (batch, 3, HEIGHT, WIDTH)), *beside),
        tuple(TensorInfo(name, kinds[name], shape) for name, shape in outputs.items()),
        NAMED if metadata is None else metadata,
    )


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def parts(box: tuple[float, ...]) -> np.ndarray:
    """Centre and size, as parts of the input."""
    corners = np.array(box).reshape(2, 2) / [WIDTH, HEIGHT]
    return np.concatenate([corners.mean(axis=0), corners[1] - corners[0]])


def query_outputs(boxes: list[Box], classes: int, softmax: bool, names: tuple[str, str]) -> dict:
    rows, logits = np.zeros((300, 4)), np.full((300, classes), -9.0)
    if softmax:
        logits[:, -1] = 9.0
    for place, (box, score, class_id) in enumerate(boxes):
        rows[place] = parts(box)
        if softmax:
            logits[place] = -50.0
            logits[place, [class_id, -1]] = np.log([score, 1 - score])
        else:
            logits[place, class_id] = logit(score)
    return {names[0]: rows[None], names[1]: logits[None]}


def distribution(distance: np.ndarray) -> np.ndarray:
    """Distances (4,) in strides to the logits of two neighbouring steps, (32,)."""
    logits = np.full((4, 8), -60.0)
    for side, value in enumerate(distance):
        low = min(int(value), 6)
        logits[side, [low, low + 1]] = np.log(np.maximum([low + 1 - value, value - low], 1e-12))
    return logits.ravel()


def grid_outputs(boxes: list[Box], classes: int, strides: tuple[int, ...], offset: float) -> list[np.ndarray]:
    """(cells, classes + 32) of each stride; a box goes to the cell nearest to its centre at stride 32."""
    grids = [np.concatenate([np.zeros((CELLS[s], classes)), np.zeros((CELLS[s], 32))], 1) for s in strides]
    for box, score, class_id in boxes:
        level = strides.index(32)
        columns = -(-WIDTH // 32)
        u, v = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        column, row = round(u / 32 - offset), round(v / 32 - offset)
        at_u, at_v = (column + offset) * 32, (row + offset) * 32
        distance = np.array([at_u - box[0], at_v - box[1], box[2] - at_u, box[3] - at_v]) / 32
        grids[level][row * columns + column] = [*np.eye(classes)[class_id] * score, *distribution(distance)]
    return grids


def detr(boxes):
    io = network({'logits': (-1, 300, 4), 'pred_boxes': (-1, 300, 4)}, {**NAMED, 'family': 'detr'})
    return io, query_outputs(boxes, 4, True, ('pred_boxes', 'logits'))


def rtdetr(boxes):
    io = network({'logits': (-1, 300, 3), 'pred_boxes': (-1, 300, 4)}, {**NAMED, 'family': 'rtdetr'})
    return io, query_outputs(boxes, 3, False, ('pred_boxes', 'logits'))


def rfdetr(boxes):
    io = network({'dets': (1, 300, 4), 'labels': (1, 300, 4)}, batch=1)
    io = replace(io, outputs=(io.outputs[0], replace(io.outputs[1], dtype='float32')))
    return io, query_outputs(boxes, 4, False, ('dets', 'labels'))


def ultralytics_rtdetr(boxes):
    io = network({'output0': (1, 300, 7)}, {**NAMED, 'description': 'Ultralytics rtdetr-l model'}, batch=1)
    both = query_outputs(boxes, 3, False, ('boxes', 'logits'))
    return io, {'output0': np.concatenate([both['boxes'], 1 / (1 + np.exp(-both['logits']))], axis=2)}


def labelled_rtdetr(boxes):
    shapes = {'labels': (-1, 300), 'boxes': (-1, 300, 4), 'scores': (-1, 300)}
    io = network(shapes, NAMED, TensorInfo('orig_target_sizes', 'int64', (-1, 2)))
    return io, listed(boxes, 300)


def listed(boxes, length, first_label=0, scale=(1.0, 1.0, 1.0, 1.0)):
    rows, scores, labels = np.zeros((length, 4)), np.zeros(length), np.zeros(length, np.int64)
    for place, (box, score, class_id) in enumerate(boxes):
        rows[place], scores[place], labels[place] = np.array(box) * scale, score, class_id + first_label
    return {'labels': labels[None], 'boxes': rows[None], 'scores': scores[None]}


def torchvision(boxes):
    io = network({'boxes': (-1, 4), 'labels': (-1,), 'scores': (-1,)})
    return io, listed(boxes, len(boxes), first_label=1)


def torchvision_with_background(boxes):
    names = {'class_names': '__background__,cat,dog,cow'}
    io = network({'boxes': (-1, 4), 'labels': (-1,), 'scores': (-1,)}, names)
    return io, listed(boxes, len(boxes), first_label=1)


def model_zoo_ssd(boxes):
    io = network({'bboxes': (1, -1, 4), 'labels': (1, -1), 'scores': (1, -1)}, batch=1)
    outputs = listed(boxes, len(boxes), 1, (1 / WIDTH, 1 / HEIGHT, 1 / WIDTH, 1 / HEIGHT))
    return io, {'bboxes': outputs.pop('boxes'), **outputs}


def tensorflow(boxes):
    names = ('detection_boxes', 'detection_classes', 'detection_scores')
    io = network({'num_detections': (-1,), names[0]: (-1, 10, 4), names[1]: (-1, 10), names[2]: (-1, 10)})
    found = listed(boxes, 10, 1, (1 / WIDTH, 1 / HEIGHT, 1 / WIDTH, 1 / HEIGHT))
    ordered = (found['boxes'][..., [1, 0, 3, 2]], found['labels'].astype(float), found['scores'])
    return io, {'num_detections': np.array([len(boxes)]), **dict(zip(names, ordered, strict=True))}


def tensorflow_with_background(boxes):
    io, outputs = tensorflow(boxes)
    return replace(io, metadata={'class_names': 'N/A,cat,dog,cow'}), outputs


def efficient_nms(boxes):
    names = ('num_dets', 'det_boxes', 'det_scores', 'det_classes')
    io = network({names[0]: (-1, 1), names[1]: (-1, 10, 4), names[2]: (-1, 10), names[3]: (-1, 10)})
    found = listed(boxes, 10)
    found['scores'][0, len(boxes) :] = 0.9  # what was left in memory
    ordered = (np.array([[len(boxes)]]), found['boxes'], found['scores'], found['labels'])
    return io, dict(zip(names, ordered, strict=True))


def nms_rows(boxes):
    io = network({'output': (-1, 7)})
    rows = [[0, *box, class_id, score] for box, score, class_id in boxes]
    return io, {'output': np.array(rows, float).reshape(1, -1, 7)}


def mmdeploy(boxes):
    io = network({'dets': (-1, -1, 5), 'labels': (-1, -1)})
    found = listed(boxes, 10)
    return io, {'dets': np.concatenate([found['boxes'], found['scores'][..., None]], 2), **found}


def paddle_nms(boxes):
    io = network(
        {'multiclass_nms3_0.tmp_0': (-1, 6), 'multiclass_nms3_0.tmp_2': (-1,)},
        NAMED,
        TensorInfo('scale_factor', 'float32', (-1, 2)),
    )
    rows = np.array([[class_id, score, *box] for box, score, class_id in boxes], float).reshape(1, -1, 6)
    return io, {'multiclass_nms3_0.tmp_0': rows, 'multiclass_nms3_0.tmp_2': np.array([len(boxes)])}


def nanodet_plus(boxes):
    io = network({'output': (-1, sum(CELLS.values()), 3 + 32)})
    return io, {'output': np.concatenate(grid_outputs(boxes, 3, (8, 16, 32, 64), 0.0))[None]}


def nanodet(boxes):
    io = network({'output': (1, CELLS[8] + CELLS[16] + CELLS[32], 3 + 32)}, batch=1)
    return io, {'output': np.concatenate(grid_outputs(boxes, 3, (8, 16, 32), 0.5))[None]}


def picodet(boxes):
    grids = grid_outputs(boxes, 3, (8, 16, 32, 64), 0.5)
    shapes = {f'scores{s}': (1, CELLS[s], 3) for s in CELLS} | {f'sides{s}': (1, CELLS[s], 32) for s in CELLS}
    arrays = [grid[:, :3] for grid in grids] + [grid[:, 3:] for grid in grids]
    return network(shapes, batch=1), dict(zip(shapes, [array[None] for array in arrays], strict=True))


def picodet_boxes(boxes):
    cells = sum(CELLS.values())
    io = network({'tmp_16': (-1, cells, 4), 'concat_4.tmp_0': (-1, 3, cells)})
    rows, scores = np.zeros((cells, 4)), np.zeros((3, cells))
    for place, (box, score, class_id) in enumerate(boxes):
        rows[place], scores[class_id, place] = box, score
    return io, {'tmp_16': rows[None], 'concat_4.tmp_0': scores[None]}


KINDS = {
    'detr': ('detr', detr),
    'rtdetr': ('rtdetr', rtdetr),
    'rfdetr': ('rfdetr', rfdetr),
    'ultralytics_rtdetr': ('rtdetr', ultralytics_rtdetr),
    'labelled_rtdetr': ('rtdetr', labelled_rtdetr),
    'torchvision': ('torchvision', torchvision),
    'tensorflow_with_background': ('tensorflow', tensorflow_with_background),
    'torchvision_with_background': ('torchvision', torchvision_with_background),
    'model_zoo_ssd': ('torchvision', model_zoo_ssd),
    'tensorflow': ('tensorflow', tensorflow),
    'efficient_nms': ('efficient_nms', efficient_nms),
    'nms_rows': ('nms_rows', nms_rows),
    'mmdeploy': ('mmdeploy', mmdeploy),
    'paddle_nms': ('paddle_nms', paddle_nms),
    'nanodet_plus': ('nanodet', nanodet_plus),
    'nanodet': ('nanodet', nanodet),
    'picodet': ('picodet', picodet),
    'picodet_boxes': ('picodet', picodet_boxes),
}
each_kind = pytest.mark.parametrize('kind', KINDS)
SOURCES = [(192, 128), (640, 480), (1920, 1080), (480, 640), (641, 479)]


def decode(kind: str, boxes: list[Box], letterbox: Letterbox, dtype: type = np.float32):
    io, outputs = KINDS[kind][1](boxes)
    floats = {
        name: array.astype(dtype) if array.dtype.kind == 'f' else array for name, array in outputs.items()
    }
    decoder = make_decoder(ModelConfig(), io)
    (perception,) = decoder.decode(floats, [letterbox], THRESHOLDS)
    return perception.detections, perception.invalid


def names_of(detections) -> list[str]:
    return [detections.class_names[index] for index in detections.class_id]


@each_kind
def test_it_is_recognised_without_a_word_from_the_user(kind):
    family, make = KINDS[kind]
    assert network_card(ModelConfig(), make([])[0]).family == family


@each_kind
@given(
    st.sampled_from(SOURCES),
    st.sampled_from(['letterbox', 'corner', 'stretch']),
    st.floats(0.3, 0.5),
    st.floats(0.35, 0.5),
    st.floats(0.25, 0.4),
    st.floats(0.2, 0.35),
)
@settings(max_examples=25)
def test_a_box_drawn_in_the_source_comes_back_whatever_the_fit(kind, size, how, u, v, half_u, half_v):
    letterbox = fit(*size, WIDTH, HEIGHT, how)
    drawn = np.array([[u - half_u, v - half_v], [u + half_u, v + half_v]]).clip(0.02, 0.98) * size
    inside = to_network(letterbox, drawn.astype(np.float32)) + 0.5  # measured from the corner
    detections, _ = decode(kind, [(tuple(inside.ravel().tolist()), 0.75, 1)], letterbox)
    np.testing.assert_allclose(detections.xyxy, drawn.reshape(1, 4), atol=0.01 * max(size) / WIDTH * 4)
    np.testing.assert_allclose(detections.score, 0.75, atol=1e-3)
    assert names_of(detections) == ['dog']


@each_kind
@pytest.mark.parametrize('dtype', [np.float32, np.float16])
def test_best_first_and_weak_ones_go(kind, dtype):
    boxes = [
        ((20.0, 10.0, 90.0, 60.0), 0.5, 0),
        ((100.0, 40.0, 170.0, 120.0), 0.875, 2),
        ((10.0, 70.0, 60.0, 120.0), 0.125, 1),
    ]
    detections, invalid = decode(kind, boxes, fit(WIDTH, HEIGHT, WIDTH, HEIGHT), dtype)
    assert names_of(detections) == ['cow', 'cat']
    np.testing.assert_allclose(detections.xyxy, np.array([boxes[1][0], boxes[0][0]]) - 0.5, atol=0.3)
    assert detections.xyxy.dtype == detections.score.dtype == np.float32
    assert invalid == 0


@each_kind
def test_nothing_seen_is_no_box(kind):
    detections, invalid = decode(kind, [], fit(640, 480, WIDTH, HEIGHT))
    assert len(detections) == invalid == 0


@each_kind
def test_broken_numbers_are_left_out_and_counted(kind):
    boxes = [((20.0, 10.0, 90.0, 60.0), 0.5, 0), ((100.0, 40.0, 170.0, 120.0), 0.875, 2)]
    io, outputs = KINDS[kind][1](boxes)
    decoder = make_decoder(ModelConfig(), io)
    letterbox = fit(WIDTH, HEIGHT, WIDTH, HEIGHT)
    # Wherever the better box has its numbers, they are no longer finite.
    clean = KINDS[kind][1](boxes[:1])[1]
    for name, array in outputs.items():
        if array.dtype.kind != 'f':
            continue
        if array.shape == clean[name].shape:
            array[array != clean[name]] = np.nan
        else:
            array[:, 1:] = np.nan
    (perception,) = decoder.decode(outputs, [letterbox], THRESHOLDS)
    assert names_of(perception.detections) == ['cat']
    assert perception.invalid >= 1


@each_kind
@given(st.integers(0, 2**32 - 1), st.sampled_from(SOURCES))
@settings(max_examples=20)
def test_garbage_in_gives_boxes_inside_the_image_or_none(kind, seed, size):
    rng = np.random.default_rng(seed)
    io, outputs = KINDS[kind][1]([((20.0, 10.0, 90.0, 60.0), 0.5, 0)] * 5)
    values = np.array([0, 0.5, 0.9, 1, -2, 50, 100, 1e30, np.nan, np.inf, -np.inf, 7])
    for name, array in outputs.items():
        if array.dtype.kind == 'f':
            outputs[name] = rng.choice(values, array.shape).astype(np.float32)
        else:
            outputs[name] = rng.choice([-(2**40), -1, 0, 1, 3, 2**40], array.shape)
    detections = (
        make_decoder(ModelConfig(), io).decode(outputs, [fit(*size, WIDTH, HEIGHT)], THRESHOLDS)[0].detections
    )
    xyxy = detections.xyxy
    assert ((xyxy >= -0.5) & (xyxy <= [size[0] - 0.5, size[1] - 0.5] * 2)).all()
    assert (xyxy[:, 2:] > xyxy[:, :2]).all()
    assert ((detections.score > 0) & (detections.score <= 1)).all()
    assert ((detections.class_id >= 0) & (detections.class_id < len(detections.class_names))).all()


# Family, queries, logits, size of the input, of weights on Hugging Face.
PUBLISHED = {
    'facebook/detr-resnet-50': ('detr', 100, 92, 800),
    'facebook/detr-resnet-50-panoptic': ('detr', 100, 251, 800),
    'hustvl/yolos-tiny': ('detr', 100, 92, 512),
    'microsoft/table-transformer-structure-recognition': ('detr', 125, 7, 1000),
    'PekingU/rtdetr_r50vd': ('rtdetr', 300, 80, 640),
    'PekingU/rtdetr_r50vd_coco_o365, at another size': ('rtdetr', 300, 80, 480),
    'ustc-community/dfine-large-obj365': ('rtdetr', 300, 366, 640),
    'microsoft/conditional-detr-resnet-50': ('rfdetr', 300, 91, 800),
    'SenseTime/deformable-detr': ('rfdetr', 300, 91, 800),
    'jozhang97/deta-swin-large': ('rfdetr', 900, 91, 800),
    'IDEA-Research/dab-detr-resnet-50': ('rfdetr', 300, 91, 800),
    'AnnaZhang/lwdetr_small_60e_coco': ('rfdetr', 300, 91, 640),
    'RF-DETR Base through transformers': ('rfdetr', 300, 91, 560),
    'RF-DETR Nano, queries left free': ('rfdetr', -1, 91, 384),
}


class TestWhichDetr:
    def family(
        self, queries: int, logits: int, metadata: dict[str, str], size: int = 640, **settings: str
    ) -> str:
        io = network({'logits': (-1, queries, logits), 'pred_boxes': (-1, queries, 4)}, metadata)
        picture = TensorInfo('pixel_values', 'float32', (-1, 3, size, size))
        return network_card(ModelConfig(**settings), replace(io, inputs=(picture,))).family

    @pytest.mark.parametrize('name', PUBLISHED)
    def test_published_models_are_told_apart(self, name):
        family, queries, logits, size = PUBLISHED[name]
        assert self.family(queries, logits, {}, size) == family

    def test_class_names_tell_better(self):
        assert self.family(100, 3, NAMED) == 'rtdetr'
        assert self.family(-1, 3, NAMED) == 'rtdetr'
        assert self.family(300, 4, NAMED) == 'detr'
        assert self.family(-1, 4, NAMED) == 'detr'
        names = {'names': str([f'thing {number}' for number in range(91)])}
        assert self.family(100, 91, names) == 'rfdetr'
        assert self.family(-1, 92, names) == 'detr'
        assert self.family(300, 81, {'names': str([f'thing {number}' for number in range(80)])}) == 'detr'

    def test_a_list_from_the_user_counts_as_the_files(self, tmp_path):
        (tmp_path / 'names.txt').write_text('cat\ndog, or wolf\ncow\n')
        assert self.family(-1, 3, {}, class_names_file=str(tmp_path / 'names.txt')) == 'rtdetr'

    @pytest.mark.parametrize(
        ('queries', 'logits', 'metadata', 'size', 'question'),
        [
            (200, 5, {}, 640, 'detr with 4 classes or rtdetr with 5 classes or rfdetr with 5 classes?'),
            (300, 92, {}, 640, 'detr with 91 classes or rtdetr with 92 classes or rfdetr with 92 classes?'),
            (100, 91, {}, 640, 'detr with 90 classes or rtdetr with 91 classes or rfdetr with 91 classes?'),
            (300, 3, NAMED, 560, 'rtdetr with 3 classes or rfdetr with 3 classes?'),
            (100, 3, NAMED, 800, 'rtdetr with 3 classes or rfdetr with 3 classes?'),
        ],
    )
    def test_else_it_is_asked(self, queries, logits, metadata, size, question):
        with pytest.raises(ModelError) as asked:
            self.family(queries, logits, metadata, size)
        assert f'is this network {question}' in str(asked.value)
        pixels = 'rtdetr expects pixels 0..1, rfdetr expects pixels 0..1 minus mean, divided by std'
        assert pixels in str(asked.value)
        assert self.family(queries, logits, metadata, size, family='rtdetr') == 'rtdetr'
        assert self.family(queries, logits, metadata, size, family='rfdetr') == 'rfdetr'

    def test_pixels_go_in_as_each_was_trained(self):
        for family, mean in (('detr', 0.485), ('rtdetr', 0.0), ('rfdetr', 0.485)):
            card = network_card(ModelConfig(), KINDS[family][1]([])[0])
            assert card.normalisation.scale == pytest.approx(1 / 255)
            assert card.normalisation.mean[0] == mean
            assert card.fit == 'stretch'
            assert card.colour == 'rgb'

    def test_one_query_may_be_two_things(self):
        io, outputs = rtdetr([((20.0, 10.0, 90.0, 60.0), 0.5, 0)])
        outputs['logits'][0, 0, 2] = logit(0.75)
        letterbox = fit(WIDTH, HEIGHT, WIDTH, HEIGHT)
        detections = make_decoder(ModelConfig(), io).decode(outputs, [letterbox], THRESHOLDS)[0].detections
        assert names_of(detections) == ['cow', 'cat']

    def test_no_copies_are_suppressed(self):
        box = (20.0, 10.0, 90.0, 60.0)
        assert (
            len(decode('rtdetr', [(box, 0.5, 0), (box, 0.6, 0)], fit(WIDTH, HEIGHT, WIDTH, HEIGHT))[0]) == 2
        )


def test_batched_boxes_with_labels_are_asked_about_without_an_input_that_only_rt_detr_has():
    """Labels of one count from the first class, of the other from the background."""
    io, _ = labelled_rtdetr([])
    assert network_card(ModelConfig(), io).family == 'rtdetr'
    with pytest.raises(ModelError, match=r'is this network rtdetr or torchvision\?'):
        network_card(ModelConfig(), replace(io, inputs=io.inputs[:1]))


class TestBackground:
    """The card names the class that means nothing, where it is not the family's usual one."""

    CARD = 'class_names: [cat, nothing, dog, cow]\nbackground: 1\n'

    def config(self, tmp_path) -> ModelConfig:
        (tmp_path / 'card.yaml').write_text(self.CARD)
        return ModelConfig(card=str(tmp_path / 'card.yaml'))

    @pytest.mark.parametrize('kind', ['torchvision', 'efficient_nms', 'mmdeploy'])
    def test_boxes_of_it_are_left_out(self, kind, tmp_path):
        boxes = [((20.0, 10.0, 90.0, 60.0), 0.5, 0), ((100.0, 40.0, 170.0, 120.0), 0.875, 1)]
        io, outputs = KINDS[kind][1](boxes)
        outputs['labels' if 'labels' in outputs else 'det_classes'][:, :2] = [2, 1]
        decoder = make_decoder(self.config(tmp_path), io)
        (perception,) = decoder.decode(outputs, [fit(WIDTH, HEIGHT, WIDTH, HEIGHT)], THRESHOLDS)
        assert names_of(perception.detections) == ['dog']
        assert perception.invalid == 0

    def test_it_takes_its_share_of_a_softmax(self, tmp_path):
        io, outputs = detr([])
        outputs['logits'][0, :, :] = [0.0, 9.0, 0.0, 0.0]
        outputs['logits'][0, 5] = np.log([0.1, 0.2, 0.6, 0.1])
        outputs['pred_boxes'][0, 5] = [0.5, 0.5, 0.2, 0.2]
        decoder = make_decoder(self.config(tmp_path), io)
        detections = decoder.decode(outputs, [fit(WIDTH, HEIGHT, WIDTH, HEIGHT)], THRESHOLDS)[0].detections
        assert names_of(detections) == ['dog']
        assert detections.score.tolist() == pytest.approx([0.6])


def test_grids_leave_suppression_to_us():
    near = [((20.0, 10.0, 90.0, 60.0), 0.5, 0), ((21.0, 10.0, 91.0, 61.0), 0.6, 0)]
    assert len(decode('picodet_boxes', near, fit(WIDTH, HEIGHT, WIDTH, HEIGHT))[0]) == 1


@pytest.mark.parametrize('kind', ['torchvision', 'tensorflow', 'efficient_nms', 'nms_rows', 'paddle_nms'])
def test_a_network_that_gives_numbers_of_classes_is_asked_for_their_names(kind):
    io = replace(KINDS[kind][1]([])[0], metadata={})
    with pytest.raises(ModelError, match='what are the class names of this'):
        make_decoder(ModelConfig(), io)


def test_a_cell_of_nanodet_is_not_one_of_yolox():
    three_grids = CELLS[8] + CELLS[16] + CELLS[32]
    named = network({'output': (1, three_grids, 35)}, NAMED, batch=1)
    assert network_card(ModelConfig(), named).family == 'nanodet'
    with pytest.raises(ModelError, match=r'nanodet with 3 classes'):
        network_card(ModelConfig(), replace(named, metadata={}))
    coco = network({'output': (1, three_grids, 112)}, {}, batch=1)
    assert network_card(ModelConfig(), coco).family == 'nanodet'
    assert network_card(ModelConfig(), coco).colour == 'bgr'
