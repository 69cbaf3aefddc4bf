"""Nonsense is recognised in the boxes of a network, and honest boxes are not taken for it."""

import numpy as np
import pytest

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference import EngineIo, TensorInfo, Thresholds, fit, make_decoder
from stream_infer_ros.inference.box_watch import WINDOW, BoxWatch
from stream_infer_ros.inference.surround_contract import surround_io, surround_scene

SIZE, CELLS, CLASSES = 64, 84, 3
LETTERBOX = fit(640, 640, SIZE, SIZE)
RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
FAMILY_IO = EngineIo(
    (TensorInfo('images', 'float32', (1, 3, SIZE, SIZE)),),
    (TensorInfo('output', 'float32', (1, 4 + CLASSES, CELLS)),),
    {'family': 'yolov8'},
)


def rows(boxes, scores, classes):
    """Outputs of YOLOv8: boxes (N, 4) as centre and size, in pixels of the network."""
    output = np.zeros((1, 4 + CLASSES, CELLS), np.float32)
    for k, (box, score, class_id) in enumerate(zip(boxes, scores, classes, strict=True)):
        output[0, :4, k] = box
        output[0, 4 + class_id, k] = score
    return {'output': output}


def watched(images, window=WINDOW, cameras=1, threshold=0.3):
    """What a watch says of the outputs of these images."""
    decoder = make_decoder(ModelConfig(), FAMILY_IO)
    watch = BoxWatch(window)
    thresholds = Thresholds(threshold, 0.55)
    for index, outputs in enumerate(images):
        (seen,) = decoder.decode(outputs, [LETTERBOX], thresholds)
        watch.add(f'cam{index % cameras}', seen, LETTERBOX, threshold)
        if watch.wants_look():
            watch.look(decoder, outputs, LETTERBOX, NOISE)
    return watch.problem


def some_boxes(count=6):
    centre = RNG.uniform(12, 52, (count, 2))
    size = RNG.uniform(3, 22, (count, 2))
    return (
        np.concatenate([centre, size], axis=1),
        RNG.uniform(0.3, 0.97, count),
        RNG.integers(0, CLASSES, count),
    )


def honest():
    return [rows(*some_boxes()) for _ in range(2 * WINDOW)]


def normalised():
    """Coordinates in 0..1 that are taken for pixels."""
    found = []
    for _ in range(WINDOW):
        boxes, scores, classes = some_boxes()
        found.append(rows(boxes / SIZE, scores, classes))
    return found


def scaled_twice():
    found = []
    for _ in range(WINDOW):
        boxes, scores, classes = some_boxes()
        found.append(rows(boxes * SIZE, scores, classes))
    return found


def enormous():
    return [rows([(32, 32, 900, 900)] * 3, (0.5, 0.6, 0.7), (0, 1, 2)) for _ in range(WINDOW)]


def logits():
    found = []
    for _ in range(WINDOW):
        boxes, scores, classes = some_boxes()
        found.append(rows(boxes, scores * 8 + 1, classes))
    return found


def certain():
    grid = [(6 * (k % 9) + 5, 6 * (k // 9) + 5, 4, 4) for k in range(81)]
    return [rows(grid, np.ones(81), np.zeros(81, int)) for _ in range(WINDOW)]


def dead():
    return [rows([(32, 32, 9, 9)], [1e-5], [0]) for _ in range(10 * WINDOW)]


@pytest.mark.parametrize(
    ('images', 'words'),
    [
        (normalised, 'smaller than 2 pixels'),
        (scaled_twice, 'outside of the image'),
        (enormous, 'cover the whole image'),
        (logits, 'invalid'),
        (certain, 'a score of 1'),
        (dead, 'best score of all boxes is 1e-05'),
        (honest, ''),
    ],
)
def test_nonsense_is_named(images, words):
    problem = watched(images())
    assert words in problem
    assert bool(words) == bool(problem)


def test_boxes_in_every_cell_are_nonsense_unless_the_threshold_asks_for_them():
    side, cells = 160, 525
    pictures = TensorInfo('images', 'float32', (1, 3, side, side))
    output = TensorInfo('output', 'float32', (1, 7, cells))
    decoder = make_decoder(ModelConfig(), EngineIo((pictures,), (output,), FAMILY_IO.metadata))
    letterbox = fit(side, side, side, side)
    values = np.zeros((1, 7, cells), np.float32)
    values[0, 0], values[0, 1] = np.arange(cells) % 23 * 6.9 + 3, np.arange(cells) // 23 * 6.9 + 3
    values[0, 2:4], values[0, 4] = 5.0, 0.55
    for threshold, odd in ((0.3, True), (0.01, False)):
        watch = BoxWatch()
        for _ in range(WINDOW):
            (seen,) = decoder.decode({'output': values}, [letterbox], Thresholds(threshold, 0.55))
            watch.add('front', seen, letterbox, threshold)
        assert ('at most 300 are published' in watch.problem) is odd


@pytest.mark.parametrize(
    'images',
    [
        # One object that fills the image of the only camera, for a long time.
        [rows([(32, 32, 80, 80)], [0.999], [0])] * 500,
        # A single small object, and an object far away.
        [rows([(10, 10, 2.5, 2.5)], [0.4], [0])] * 500,
        # Three objects of which the network is certain.
        [rows([(10, 10, 9, 9), (30, 30, 9, 9), (50, 50, 9, 9)], [1.0, 1.0, 0.999], [0, 0, 1])] * 500,
        # An object at the edge now and then, among many empty images.
        ([rows([], [], [])] * 15 + [rows([(0, 32, 9, 20)], [0.7], [2])]) * 40,
        # An empty scene, in which the network is not quite silent.
        [rows([(32, 32, 9, 9)], [0.02], [0])] * 500,
    ],
)
def test_an_ordinary_scene_is_no_nonsense(images):
    assert watched(images) == ''


def test_the_problem_ends_with_the_nonsense():
    bad = normalised()
    good = honest()
    decoder = make_decoder(ModelConfig(), FAMILY_IO)
    watch = BoxWatch()
    for outputs, expected in ((bad, True), (good, False)):
        for output in outputs:
            (seen,) = decoder.decode(output, [LETTERBOX], Thresholds(0.3, 0.55))
            watch.add('front', seen, LETTERBOX, 0.3)
        assert bool(watch.problem) is expected


def test_a_covered_camera_is_no_nonsense():
    decoder = make_decoder(ModelConfig(), FAMILY_IO)
    watch = BoxWatch()
    (outputs,) = [rows([(32, 32, 9, 9)], [1e-6], [0])]
    looks = 0
    for _ in range(500):
        (seen,) = decoder.decode(outputs, [LETTERBOX], Thresholds(0.3, 0.55))
        watch.add('front', seen, LETTERBOX, 0.3)
        if watch.wants_look():
            looks += 1
            watch.look(decoder, outputs, LETTERBOX, NOISE // 64)
    assert looks > 10
    assert watch.problem == ''


def test_a_network_that_selects_its_boxes_may_give_none():
    decoder = make_decoder(ModelConfig(), surround_io())
    outputs = {name: array[None] for name, array in surround_scene().items()}
    letterbox = fit(320, 240, 320, 240)
    watch = BoxWatch()
    looks = 0
    for _ in range(500):
        (seen,) = decoder.decode(outputs, [letterbox], Thresholds(0.3, 0.55))
        watch.add('front', seen, letterbox, 0.3)
        if watch.wants_look():
            looks += 1
            watch.look(decoder, outputs, letterbox, NOISE)
    assert (looks, watch.problem) == (1, '')
