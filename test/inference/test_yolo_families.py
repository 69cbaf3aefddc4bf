"""YOLO families: which one a network is, and boxes in source pixels from each form of output."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_pixels import to_network

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference import EngineIo, TensorInfo, Thresholds, fit, make_decoder, network_card
from stream_infer_ros.inference.decoders.grid import grid_cells

THRESHOLDS = Thresholds.of(ModelConfig())
WIDTH, HEIGHT, CLASSES = 96, 64, 3
CELLS = len(grid_cells(HEIGHT, WIDTH, (8, 16, 32)))
ANCHORS = [[[9, 9], [10, 20], [40, 30]], [[9, 9]] * 3, [[9, 9]] * 3]
SOURCES = [(96, 64), (640, 480), (1920, 1080), (480, 640), (641, 479), (100, 30)]
ULTRALYTICS = {'author': 'Ultralytics', 'task': 'detect', 'stride': '32', 'names': "{0: 'a', 1: 'b', 2: 'c'}"}


def network(
    *shapes: tuple[int, ...],
    metadata: dict[str, str] | None = None,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    dtype: str = 'float32',
) -> EngineIo:
    outputs = tuple(TensorInfo(f'output{index}', dtype, shape) for index, shape in enumerate(shapes))
    return EngineIo((TensorInfo('images', 'float32', (-1, 3, *size)),), outputs, metadata or {})


def logit(probability: Any) -> np.ndarray:
    probability = np.clip(probability, 1e-7, 1 - 1e-7)
    return np.log(probability / (1 - probability)).astype(np.float32)


# Each puts boxes, (N, 4) xyxy measured from the corner, with scores and class ids, into its form of output;
# classes are what it is not sure of by a tenth.
def rows_of(xyxy: np.ndarray, score: np.ndarray, class_id: np.ndarray, objectness: bool) -> np.ndarray:
    box = np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    classes = np.full((len(xyxy), CLASSES), 0.01)
    classes[np.arange(len(xyxy)), class_id] = 0.9 if objectness else score
    parts = [box, (score / 0.9)[:, None], classes] if objectness else [box, classes]
    return np.concatenate(parts, axis=1).astype(np.float32)


def scattered(rows: np.ndarray, count: int) -> np.ndarray:
    """Rows at every seventh place of `count`, the rest zeros but for a size."""
    raw = np.zeros((1, count, rows.shape[1]), np.float32)
    raw[..., :4] = 20.0
    raw[0, np.arange(len(rows)) * 7 + 3] = rows
    return raw


def yolov5(xyxy, score, class_id):
    return [scattered(rows_of(xyxy, score, class_id, True), 3 * CELLS)]


def yolov5_segment(xyxy, score, class_id):
    raw = yolov5(xyxy, score, class_id)[0]
    return [np.concatenate([raw, np.full((1, 3 * CELLS, 32), 5.0)], 2), np.zeros((1, 32, 16, 24))]


def yolov5_raw(xyxy, score, class_id):
    """Each box by the third anchor of the cell of stride 8 its centre lies in."""
    heads = [np.full((1, 3, HEIGHT // s, WIDTH // s, 5 + CLASSES), -12.0, np.float32) for s in (8, 16, 32)]
    rows = rows_of(xyxy, score, class_id, True)
    cell = (rows[:, :2] // 8).astype(int)
    rows[:, :2] = (rows[:, :2] / 8 - cell + 0.5) / 2
    rows[:, 2:4] = np.sqrt(rows[:, 2:4] / ANCHORS[0][2]) / 2
    heads[0][0, 2, cell[:, 1], cell[:, 0]] = logit(rows)
    return heads


def yolov5_planes(xyxy, score, class_id):
    return [
        head.transpose(0, 1, 4, 2, 3).reshape(1, -1, *head.shape[2:4])
        for head in yolov5_raw(xyxy, score, class_id)[::-1]
    ]


def yolov8_rows(xyxy, score, class_id):
    return [scattered(rows_of(xyxy, score, class_id, False), CELLS)]


def yolov8(xyxy, score, class_id):
    return [yolov8_rows(xyxy, score, class_id)[0].transpose(0, 2, 1)]


def yolov8_pose(xyxy, score, class_id):
    return [np.concatenate([yolov8(xyxy, score, class_id)[0], np.full((1, 51, CELLS), 7.0)], 1)]


def end_to_end(xyxy, score, class_id):
    raw = np.zeros((1, 20, 6), np.float32)
    raw[0, : len(xyxy)] = np.concatenate([xyxy, score[:, None], class_id[:, None]], axis=1)
    return [raw]


class Form(NamedTuple):
    """How outputs are made, and what the file says."""

    make: Callable[..., list[np.ndarray]]
    family: str
    metadata: dict[str, str]


V5 = {'stride': '32', 'names': "['a', 'b', 'c']"}
FORMS = {
    'yolov5': Form(yolov5, 'yolov5', V5),
    'yolov5_segment': Form(yolov5_segment, 'yolov5', V5),
    'yolov5_raw': Form(yolov5_raw, 'yolov5', {**V5, 'anchors': str(ANCHORS)}),
    'yolov5_planes': Form(yolov5_planes, 'yolov5', {**V5, 'anchors': str(ANCHORS)}),
    'yolov8': Form(yolov8, 'yolov8', ULTRALYTICS),
    'yolov8_rows': Form(yolov8_rows, 'yolov8', ULTRALYTICS),
    'yolov8_pose': Form(yolov8_pose, 'yolov8', {**ULTRALYTICS, 'task': 'pose', 'kpt_shape': '[17, 3]'}),
    'end_to_end': Form(end_to_end, 'yolo_end_to_end', {**ULTRALYTICS, 'end2end': 'True'}),
}


def some_boxes(rng: np.random.Generator, letterbox: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four boxes that lie in the picture, in source pixels; each in a quarter of it, so that none overlap."""
    quarter = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    corners = np.sort(rng.uniform(0.02, 0.98, (4, 2, 2)), axis=1)
    corners[:, 1] = np.maximum(corners[:, 1], corners[:, 0] + 0.1).clip(None, 1.0)
    size = np.array([letterbox.source_width, letterbox.source_height])
    xyxy = ((corners + quarter[:, None]) / 2 * size - 0.5).reshape(4, 4).astype(np.float32)
    return xyxy, np.float32([0.8, 0.7, 0.6, 0.5]), rng.integers(0, CLASSES, 4)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(SOURCES),
    st.sampled_from(['letterbox', 'corner', 'stretch']),
    st.sampled_from(list(FORMS)),
    st.booleans(),
)
def test_boxes_come_back_in_source_pixels(seed, size, how, name, fixed):
    form, letterbox = FORMS[name], fit(*size, WIDTH, HEIGHT, how)
    boxes, score, class_id = some_boxes(np.random.default_rng(seed), letterbox)
    inside = to_network(letterbox, boxes.reshape(-1, 2, 2)).reshape(4, 4) + 0.5
    raw = form.make(inside, score, class_id)
    io = network(*(((1 if fixed else -1), *array.shape[1:]) for array in raw), metadata=form.metadata)
    decoder = make_decoder(ModelConfig(), io)
    assert decoder.card.family == form.family
    assert decoder.class_names == ('a', 'b', 'c')
    outputs = {f'output{index}': array.astype(np.float32) for index, array in enumerate(raw)}
    if not fixed:
        outputs = {key: np.concatenate([array * 0 - 20.0, array]) for key, array in outputs.items()}
    seen = decoder.decode(outputs, [letterbox] * (1 if fixed else 2), THRESHOLDS)
    detections = seen[-1].detections
    if name in ('yolov5_raw', 'yolov5_planes') and len(detections) < 4:
        return  # two centres in one cell: the later one is all that this form can say
    np.testing.assert_allclose(detections.xyxy, boxes, atol=0.02 * max(size) / HEIGHT)
    np.testing.assert_allclose(detections.score, score, atol=1e-4)
    assert detections.class_id.tolist() == class_id.tolist()
    assert not any(perception.invalid for perception in seen)


@pytest.mark.parametrize('name', FORMS)
def test_half_precision_is_worked_on_in_single(name):
    form, letterbox = FORMS[name], fit(640, 480, WIDTH, HEIGHT)
    boxes, score, class_id = some_boxes(np.random.default_rng(5), letterbox)
    inside = to_network(letterbox, boxes.reshape(-1, 2, 2)).reshape(4, 4) + 0.5
    raw = form.make(inside, score, class_id)
    decoder = make_decoder(
        ModelConfig(),
        network(*(array.shape for array in raw), metadata=form.metadata, dtype='float16'),
    )
    outputs = {f'output{index}': array.astype(np.float16) for index, array in enumerate(raw)}
    detections = decoder.decode(outputs, [letterbox], THRESHOLDS)[0].detections
    assert detections.xyxy.dtype == detections.score.dtype == np.float32
    # Steps of a sixteenth of a network pixel above 64, ten source pixels each.
    np.testing.assert_allclose(detections.xyxy, boxes, atol=1.0)
    np.testing.assert_allclose(detections.score, score, atol=2e-3)


@given(st.integers(0, 2**32 - 1), st.sampled_from(SOURCES), st.sampled_from(list(FORMS)))
def test_garbage_in_gives_boxes_inside_the_image_or_none(seed, size, name):
    form = FORMS[name]
    values = np.array([0, 0.5, 0.9, 1, 2, -2, 50, 100, 1e30, np.nan, np.inf, -np.inf], np.float32)
    shapes = [array.shape for array in form.make(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))]
    decoder = make_decoder(ModelConfig(), network(*shapes, metadata=form.metadata))
    rng = np.random.default_rng(seed)
    raw = {f'output{index}': rng.choice(values, shape) for index, shape in enumerate(shapes)}
    detections = decoder.decode(raw, [fit(*size, WIDTH, HEIGHT)], THRESHOLDS)[0].detections
    width, height = size
    assert ((detections.xyxy >= -0.5) & (detections.xyxy <= [width - 0.5, height - 0.5] * 2)).all()
    assert (detections.xyxy[:, 2:] > detections.xyxy[:, :2]).all()
    assert ((detections.score > 0) & (detections.score <= 1)).all()
    assert ((detections.class_id >= 0) & (detections.class_id < CLASSES)).all()


@pytest.mark.parametrize('broken', [np.nan, np.inf])
@pytest.mark.parametrize('name', ['yolov5', 'yolov8', 'yolov8_rows', 'end_to_end'])
def test_boxes_with_broken_numbers_are_left_out_and_counted(name, broken):
    form, letterbox = FORMS[name], fit(WIDTH, HEIGHT, WIDTH, HEIGHT)
    boxes, score, class_id = some_boxes(np.random.default_rng(3), letterbox)
    (raw,) = form.make(boxes + 0.5, score, class_id)
    flat = raw[0].T if name == 'yolov8' else raw[0]
    first = 3 if name != 'end_to_end' else 0
    step = 7 if name != 'end_to_end' else 1
    flat[first, 0] = broken  # a coordinate
    flat[first + step, 5] = broken  # a class's score; the class of those that were picked
    flat[first + 2 * step, 4] = broken  # objectness, or a class's score, or the score
    decoder = make_decoder(ModelConfig(), network(raw.shape, metadata=form.metadata))
    (perception,) = decoder.decode({'output0': raw}, [letterbox], THRESHOLDS)
    np.testing.assert_allclose(perception.detections.xyxy, boxes[3:], atol=1e-3)
    assert perception.invalid == 3


def test_a_broken_number_in_a_box_that_is_too_weak_anyway_is_none_of_ours():
    (raw,) = yolov8(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    raw[0, 0, 0] = np.nan
    decoder = make_decoder(ModelConfig(), network(raw.shape, metadata=ULTRALYTICS))
    (perception,) = decoder.decode({'output0': raw}, [fit(640, 480, WIDTH, HEIGHT)], THRESHOLDS)
    assert perception.invalid == 0


class TestWhichFamily:
    def asked(self, io: EngineIo, *words: str) -> None:
        with pytest.raises(ModelError) as question:
            network_card(ModelConfig(), io)
        told = str(question.value)
        assert told.startswith('is this network ')
        assert '\n' not in told
        for word in (*words, 'model.family', 'model.card'):
            assert word in told

    SQUARE = (640, 640)

    def test_the_number_of_rows_tells_anchors(self):
        assert network_card(ModelConfig(), network((1, 25200, 85), size=self.SQUARE)).family == 'yolov5'
        assert network_card(ModelConfig(), network((1, 25200, 7), size=self.SQUARE)).family == 'yolov5'
        assert network_card(ModelConfig(), network((1, 8400, 85), size=self.SQUARE)).family == 'yolox'
        assert network_card(ModelConfig(), network((1, 84, 8400), size=self.SQUARE)).family == 'yolov8'
        assert network_card(ModelConfig(), network((1, 8400, 84), size=self.SQUARE)).family == 'yolov8'

    def test_large_networks_have_a_fourth_grid(self):
        size = (1280, 1280)
        assert network_card(ModelConfig(), network((1, 102000, 85), size=size)).family == 'yolov5'
        assert network_card(ModelConfig(), network((1, 84, 34000), size=size)).family == 'yolov8'

    def test_rows_of_yolox_or_of_yolov8(self):
        io = network((1, 8400, 8), size=self.SQUARE)
        self.asked(io, 'yolox with 3 classes', 'yolov8 with 4 classes')
        three = network((1, 8400, 8), size=self.SQUARE, metadata={'class_names': 'a,b,c'})
        assert network_card(ModelConfig(), three).family == 'yolox'
        four = network((1, 8400, 8), size=self.SQUARE, metadata={'class_names': 'a,b,c,d'})
        assert network_card(ModelConfig(), four).family == 'yolov8'
        assert network_card(ModelConfig(family='yolov8'), io).family == 'yolov8'
        two = network((1, 8400, 8), size=self.SQUARE, metadata={'class_names': 'a,b'})
        self.asked(two, 'the 2 class names do not decide it')

    def test_rows_whose_number_is_free(self):
        io = network((-1, -1, 8), size=self.SQUARE)
        self.asked(io, 'yolox with 3 classes', 'yolov5 with 3 classes', 'yolov8 with 4 classes')
        repository = network((-1, -1, 8), size=self.SQUARE, metadata=V5)
        assert network_card(ModelConfig(), repository).family == 'yolov5'
        named = network((-1, -1, 8), size=self.SQUARE, metadata={'class_names': 'a,b,c,d'})
        assert network_card(ModelConfig(), named).family == 'yolov8'

    def test_ultralytics_with_free_sizes(self):
        for shape in ((-1, 7, -1), (-1, -1, -1)):
            io = network(shape, size=self.SQUARE, metadata={**ULTRALYTICS, 'imgsz': '[640, 640]'})
            assert network_card(ModelConfig(), io).family == 'yolov8'
            outputs = {'output0': np.zeros((1, 7, 8400), np.float32)}
            decoder = make_decoder(ModelConfig(), io)
            assert not len(decoder.decode(outputs, [fit(640, 480, *self.SQUARE)], THRESHOLDS)[0].detections)

    def test_boxes_picked_in_the_graph(self):
        for said in ({'end2end': 'True'}, {'args': "{'batch': 1, 'nms': True}"}):
            io = network((1, 300, 6), size=self.SQUARE, metadata={**ULTRALYTICS, **said})
            assert network_card(ModelConfig(), io).family == 'yolo_end_to_end'
        # With a batch exported as free the last size is, too.
        io = network((-1, 300, -1), size=self.SQUARE, metadata={**ULTRALYTICS, 'end2end': 'True'})
        assert network_card(ModelConfig(), io).family == 'yolo_end_to_end'

    def test_picked_boxes_need_names(self):
        io = network((1, 300, 6), size=self.SQUARE)
        with pytest.raises(ModelError, match=r'what are the class names .*model\.class_names_file'):
            make_decoder(ModelConfig(family='yolo_end_to_end'), io)
        decoder = make_decoder(ModelConfig(card='yolo_end_to_end_coco'), io)
        assert decoder.class_names[0] == 'person'

    @pytest.mark.parametrize(('task', 'words'), [('obb', 'rotated boxes'), ('classify', 'one class')])
    def test_networks_without_boxes_are_refused(self, task, words):
        io = network((1, 8, 8400), size=self.SQUARE, metadata={**ULTRALYTICS, 'task': task})
        with pytest.raises(ModelError, match=f'{words}.*; export a detection network'):
            network_card(ModelConfig(), io)

    def test_names_of_another_number_are_told_to_be_so(self):
        io = network((1, 9, 8400), size=self.SQUARE, metadata=ULTRALYTICS)
        with pytest.raises(ModelError, match='expected 5 class names'):
            make_decoder(ModelConfig(), io)

    def test_an_output_of_another_shape_is_refused(self):
        decoder = make_decoder(ModelConfig(), network((1, 7, CELLS), metadata=ULTRALYTICS))
        with pytest.raises(ModelError, match=r'expected output .*got \(1, 7, 5\)'):
            decoder.decode(
                {'output0': np.zeros((1, 7, 5), np.float32)}, [fit(64, 64, WIDTH, HEIGHT)], THRESHOLDS
            )

    def test_a_batch_that_was_lost_in_the_network_is_told(self):
        decoder = make_decoder(ModelConfig(), network((1, 7, CELLS), metadata=ULTRALYTICS))
        with pytest.raises(ModelError, match=r'for 2 images, got \(1, 7, 126\)'):
            decoder.decode(
                {'output0': np.zeros((1, 7, CELLS), np.float32)}, [fit(64, 64, WIDTH, HEIGHT)] * 2, THRESHOLDS
            )
