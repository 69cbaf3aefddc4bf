"""`stream_infer check-model`: what a network is, or one line with what is wrong with it."""

import sys
from importlib.util import find_spec

import cv2
import numpy as np
import pytest

from stream_infer_ros.cli.app import run_app
from stream_infer_ros.resources import default_model
from stream_infer_ros.simulation import SimulationOptions
from stream_infer_ros.simulation.render import render

onnx = pytest.importorskip('onnx')

from onnx import TensorProto, helper  # noqa: E402 - only where it is installed

RUNTIMES = [kind for kind in ('onnxruntime', 'openvino') if find_spec(kind)]
PICTURES = (1, 3, 64, 64)
ULTRALYTICS = {
    'author': 'Ultralytics',
    'task': 'detect',
    'stride': '32',
    'names': "{0: 'cat', 1: 'dog', 2: 'cow [x]'}",
}


def write(path, outputs, metadata=None, shape=PICTURES, dtype=TensorProto.FLOAT):
    """A network that gives zeros of these shapes whatever it is shown."""
    nodes, infos = [], []
    for index, size in enumerate(outputs):
        zeros = helper.make_tensor(f'zero{index}', TensorProto.FLOAT, [1], [0.0])
        sizes = helper.make_tensor(f'size{index}', TensorProto.INT64, [len(size)], size)
        nodes.append(helper.make_node('Constant', [], [f'sizes{index}'], value=sizes))
        nodes.append(helper.make_node('ConstantOfShape', [f'sizes{index}'], [f'output{index}'], value=zeros))
        infos.append(helper.make_tensor_value_info(f'output{index}', TensorProto.FLOAT, size))
    pictures = helper.make_tensor_value_info('images', dtype, shape)
    graph = helper.make_graph(nodes, 'zeros', [pictures], infos)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return path


@pytest.fixture(params=RUNTIMES)
def check(request, monkeypatch, capsys):
    """Runs the command in this process; gives exit code, standard output and standard error."""

    def run(*arguments):
        options = ('check-model', *map(str, arguments), '--engine', request.param, '--batch', '1')
        monkeypatch.setenv('COLUMNS', '200')
        monkeypatch.setattr(sys, 'argv', ['stream_infer', *options])
        with pytest.raises(SystemExit) as ended:
            run_app()
        told = capsys.readouterr()
        return ended.value.code, told.out, told.err

    return run


def one_line(told, *words):
    code, _, error = told
    assert code == 1
    assert error.startswith('error: ')
    assert error.count('\n') == 1
    for word in words:
        assert word in error


def test_metadata_of_an_exporter_are_all_it_needs(check, tmp_path):
    code, told, _ = check(write(tmp_path / 'm.onnx', [(1, 7, 84)], ULTRALYTICS))
    assert code == 0
    for words in (
        'yolov8',
        '3: cat, dog, cow [x]',
        'rgb, multiplied by 0.00392157',
        'centred, padded with grey 114',
    ):
        assert words in told


def test_the_shipped_model(check):
    code, told, _ = check(default_model())
    assert code == 0
    for words in ('surround', 'pedestrian, car, cone, box', 'rgb, 0..255'):
        assert words in told


def test_classes_without_names_are_told_with_the_card_that_fits(check, tmp_path):
    code, told, _ = check(write(tmp_path / 'm.onnx', [(1, 84, 85)]), '--family', 'yolox')
    assert code == 0
    plain = ' '.join(told.replace('│', ' ').split())
    assert 'published as class0, class1, class2, ...' in plain
    assert 'set model.card (--card) to yolov6_coco or yolox_coco' in plain
    code, told, _ = check(write(tmp_path / 'm.onnx', [(1, 84, 8)]), '--family', 'yolox')
    plain = ' '.join(told.replace('│', ' ').split())
    assert 'what the 3 classes of m.onnx are called' in plain
    assert '--card' not in plain
    assert '--class-names' in plain
    names = tmp_path / 'names.txt'
    names.write_text('a\nb\nc\n')
    _, told, _ = check(write(tmp_path / 'm.onnx', [(1, 84, 8)]), '--family', 'yolox', '--class-names', names)
    assert 'published as' not in told


def test_pictures_show_that_the_boxes_are_nonsense(check, tmp_path):
    """The network gives zeros, whatever it is shown."""
    folder = tmp_path / 'pictures'
    folder.mkdir()
    rng = np.random.default_rng(0)
    for k in range(3):
        cv2.imwrite(str(folder / f'{k}.png'), rng.integers(0, 256, (48, 64, 3), np.uint8))
    model = write(tmp_path / 'm.onnx', [(1, 7, 84)], ULTRALYTICS)
    code, told, _ = check(model, '--pictures', folder)
    assert code == 0
    assert 'no picture has a box, and the best score of all boxes is 0' in ' '.join(told.split())
    assert told.count('0 boxes; the best score is 0') == 3
    one_line(check(model, '--pictures', tmp_path / 'none.png'), 'none.png', 'JPEG or PNG')
    (tmp_path / 'empty').mkdir()
    one_line(check(model, '--pictures', tmp_path / 'empty'), 'expected pictures')


def test_pictures_of_the_world_are_no_nonsense_for_the_shipped_model(check, tmp_path):
    options = SimulationOptions(cameras=3, width=320, height=240)
    world = options.world()
    for index, camera in enumerate(options.rig()):
        view = render(world.at(1.0), camera, world.odom_from_base(1.0))
        cv2.imwrite(str(tmp_path / f'{index}.png'), view.image[..., ::-1])
    code, told, _ = check(default_model(), '--pictures', tmp_path)
    assert code == 0
    assert 'nonsense' not in told
    assert ' boxes: ' in told


def test_a_card_is_taken_and_shown(check, tmp_path):
    model = write(tmp_path / 'm.onnx', [(1, 84, 85)])
    code, told, _ = check(model, '--card', 'yolox_coco')
    assert code == 0
    for words in ('80: person, bicycle', 'bgr, 0..255', 'in the upper left corner, padded with grey 114'):
        assert words in told
    card = tmp_path / 'card.yaml'
    card.write_text('family: yolox\nfit: stretch\nscale: 0.5\nmean: [1, 2, 3]\nstd: [4, 5, 6]\n')
    code, told, _ = check(model, '--card', card)
    assert code == 0
    for words in (
        'stretched to the input',
        'multiplied by 0.5, minus (1.0, 2.0, 3.0), divided by (4.0, 5.0, 6.0)',
    ):
        assert words in told
    card.write_text('famly: yolox\n')
    one_line(check(model, '--card', card), str(card), "got 'famly'", 'expected keys of family')
    one_line(check(model, '--card', 'nowhere'), 'nowhere.yaml', 'yolox_coco')


def test_the_card_says_the_size_that_a_network_leaves_open(check, tmp_path):
    model = write(tmp_path / 'm.onnx', [(1, 7, 84)], ULTRALYTICS, (1, 3, 'height', 'width'))
    one_line(check(model), 'known size', 'input_size: [height, width] in a model card')
    card = tmp_path / 'card.yaml'
    card.write_text('input_size: [64, 64]\n')
    code, told, _ = check(model, '--card', card)
    assert code == 0
    assert 'yolov8' in told  # 84 cells: of a picture of 64 x 64
    card.write_text('input_size: [64]\n')
    one_line(check(model, '--card', card), str(card), 'input_size: expected [height, width] in pixels')
    card.write_text('input_size: [32, 64]\n')
    fixed = write(tmp_path / 'fixed.onnx', [(1, 7, 84)], ULTRALYTICS)
    one_line(check(fixed, '--card', card), '(32, 64)', 'got one for (64, 64)')


def test_a_network_that_could_be_two_is_one_question(check, tmp_path):
    model = write(tmp_path / 'm.onnx', [(1, 84, 8)])
    one_line(check(model), 'is this network yolox with 3 classes or yolov8 with 4 classes?', 'model.family')
    assert check(model, '--family', 'yolov8')[0] == 0


def test_a_network_of_no_family_is_one_question(check, tmp_path):
    one_line(
        check(write(tmp_path / 'm.onnx', [(1, 10), (1, 9)])),
        'which family does this network belong to?',
        '(1, 10)',
    )


@pytest.mark.parametrize(
    ('cut', 'words'), [(0.0, 'an empty one'), (0.5, 'valid ONNX network'), (0.98, 'm.onnx')]
)
def test_a_truncated_file(check, tmp_path, cut, words):
    whole = default_model().read_bytes()
    path = tmp_path / 'm.onnx'
    path.write_bytes(whole[: int(len(whole) * cut)])
    one_line(check(path), words, 'm.onnx', 'fetch')


@pytest.mark.parametrize('content', [b'\x08\xff' * 1000, default_model().read_bytes()[:50_000]])
@pytest.mark.parametrize('kind', RUNTIMES)
def test_a_runtime_adds_nothing_to_the_one_line(kind, content, tmp_path, monkeypatch, capfd):
    """Not even what its libraries print past Python."""
    path = tmp_path / 'm.onnx'
    path.write_bytes(content)
    monkeypatch.setattr(sys, 'argv', ['stream_infer', 'check-model', str(path), '--engine', kind])
    with pytest.raises(SystemExit):
        run_app()
    told = capfd.readouterr()
    assert told.out == ''
    one_line((1, told.out, told.err), 'expected a valid ONNX network', 'm.onnx')


def test_a_missing_file_and_a_folder(check, tmp_path):
    one_line(check(tmp_path / 'none.onnx'), 'none.onnx', 'found none')
    one_line(check(tmp_path), str(tmp_path))


def test_a_wrong_number_of_classes(check, tmp_path):
    model = write(tmp_path / 'm.onnx', [(1, 9, 84)], ULTRALYTICS)
    one_line(check(model), 'expected 5 class names', "the network's metadata, got 3")
    names = tmp_path / 'names.txt'
    names.write_text('a\nb\n')
    one_line(check(model, '--class-names', names), 'expected 5 names', str(names), 'got 2')
    one_line(check(model, '--class-names', tmp_path / 'no.txt'), 'no.txt', 'model.class_names_file')


@pytest.mark.parametrize(
    ('shape', 'words'),
    [
        ((1, 3, 64), '(1, 3, 64)'),
        ((3,), '(3,)'),
        ((1, 3, 4, 64, 64), '(1, 3, 4, 64, 64)'),
        ((1, 1, 64, 64), 'takes colour pictures'),
        ((1, 3, 'height', 'width'), 'known size'),
        ((1, 3, 1 << 20, 1 << 20), 'at most 16777216 pixels'),
        ((1 << 20, 3, 64, 64), 'free batch dimension or 1 to 256'),
        ((0, 3, 64, 64), '256'),
    ],
)
def test_inputs_that_are_no_pictures(check, tmp_path, shape, words):
    model = write(tmp_path / 'm.onnx', [(1, 7, 84)], ULTRALYTICS, shape)
    one_line(check(model), "input 'images'", words)
