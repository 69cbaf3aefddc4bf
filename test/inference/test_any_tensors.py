"""Networks with inputs beside the picture, and with lists of boxes instead of a batch."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference import EngineIo, ImageInput, TensorInfo, make_engine
from stream_infer_ros.inference.engines import EngineSpec
from stream_infer_ros.inference.unbatched_outputs import join_runs, unbatched_outputs, with_batch_dimension

onnx = pytest.importorskip('onnx')
helper, numpy_helper, TensorProto = onnx.helper, onnx.numpy_helper, onnx.TensorProto

RUNTIMES = [kind for kind in ('openvino', 'onnxruntime') if find_spec(kind)]
HEIGHT, WIDTH = 4, 6


Tensors = dict[str, tuple[int, list[str | int]]]


def write(path: Path, nodes: list[onnx.NodeProto], inputs: Tensors, outputs: Tensors) -> Path:
    """A network of tensors that are each told as (type, shape)."""
    graph = helper.make_graph(
        nodes,
        'any_tensors',
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [numpy_helper.from_array(np.int64([0, 0, 0, -2]), 'cut_two')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def run(kind: str, model: Path, images: np.ndarray) -> list[dict[str, np.ndarray]]:
    engine = make_engine(EngineSpec(EngineConfig(kind=kind, threads=1, precision='fp32'), model, len(images)))
    engine.load()
    try:
        return list(engine.run(images))
    finally:
        engine.close()


@pytest.mark.parametrize('kind', RUNTIMES)
def test_the_source_is_said_to_be_the_networks_own_input(kind, tmp_path):
    nodes = [
        helper.make_node('Cast', ['orig_target_sizes'], ['sizes'], to=TensorProto.FLOAT),
        helper.make_node('ReduceMean', ['images'], ['brightness'], axes=[1, 2, 3], keepdims=0),
        helper.make_node('Identity', ['scale_factor'], ['factors']),
    ]
    inputs = {
        'images': (TensorProto.FLOAT, ['batch', 3, HEIGHT, WIDTH]),
        'orig_target_sizes': (TensorProto.INT64, ['batch', 2]),
        'scale_factor': (TensorProto.FLOAT, ['batch', 2]),
    }
    outputs = {
        'sizes': (TensorProto.FLOAT, ['batch', 2]),
        'brightness': (TensorProto.FLOAT, ['batch']),
        'factors': (TensorProto.FLOAT, ['batch', 2]),
    }
    model = write(tmp_path / 'model.onnx', nodes, inputs, outputs)
    images = np.full((3, HEIGHT, WIDTH, 3), np.arange(3, dtype=np.uint8)[:, None, None, None])
    seen = run(kind, model, images)
    assert [outputs['sizes'].tolist() for outputs in seen] == [[[WIDTH, HEIGHT]]] * 3
    assert [outputs['factors'].tolist() for outputs in seen] == [[[1.0, 1.0]]] * 3
    assert [outputs['brightness'].tolist() for outputs in seen] == [[0.0], [1.0], [2.0]]


@pytest.mark.parametrize('kind', RUNTIMES)
@pytest.mark.parametrize('batch', [1, 'batch'])
def test_each_picture_has_a_list_of_its_own(kind, batch, tmp_path):
    """The rows of the pixels that are not black: as many as the picture has."""
    nodes = [
        helper.make_node('ReduceMax', ['images'], ['brightest'], axes=[1], keepdims=0),
        helper.make_node('NonZero', ['brightest'], ['where']),
        helper.make_node('Transpose', ['where'], ['places']),
        helper.make_node('Cast', ['places'], ['three'], to=TensorProto.FLOAT),
        helper.make_node('Concat', ['three', 'three', 'three'], ['nine'], axis=1),
        helper.make_node('Pad', ['nine', 'cut_two'], ['rows']),
    ]
    inputs = {'images': (TensorProto.FLOAT, [batch, 3, HEIGHT, WIDTH])}
    model = write(tmp_path / 'model.onnx', nodes, inputs, {'rows': (TensorProto.FLOAT, ['found', 7])})
    images = np.zeros((3, HEIGHT, WIDTH, 3), np.uint8)
    images[0, 1, 2] = images[2, 3, 5] = images[2, 0, 1] = 9
    rows = [outputs['rows'][0] for outputs in run(kind, model, images)]
    # Engines that run the batch as a whole make all lists as long as the longest, with rows of zeros.
    filled = [[row for row in picture.tolist() if any(row)] for picture in rows]
    assert filled == [[[0, 1, 2, 0, 1, 2, 0]], [], [[0, 0, 1, 0, 0, 1, 0], [0, 3, 5, 0, 3, 5, 0]]]


def io(outputs: dict[str, tuple[int, ...]], beside: tuple[TensorInfo, ...] = (), batch: int = -1) -> EngineIo:
    pictures = TensorInfo('images', 'float32', (batch, 3, HEIGHT, WIDTH))
    return EngineIo(
        (pictures, *beside), tuple(TensorInfo(name, 'float32', shape) for name, shape in outputs.items()), {}
    )


@pytest.mark.parametrize(
    ('outputs', 'loose'),
    [
        ({'boxes': (-1, 4), 'labels': (-1,), 'scores': (-1,)}, {'boxes', 'labels', 'scores'}),
        ({'boxes': (-1, 4), 'labels': (-1,), 'scores': (-1,), 'masks': (-1, 1, 28, 28)}, None),
        ({'output': (-1, 7)}, {'output'}),
        ({'rows': (-1, 6), 'count': (-1,)}, {'rows'}),
        ({'boxes': (1, 100, 4), 'scores': (1, 100), 'labels': (1, 100)}, set()),
        ({'logits': (-1, 1000)}, set()),
        ({'output': (-1, 3549, 85)}, set()),
    ],
)
def test_which_outputs_have_no_batch(outputs, loose):
    described = io(outputs)
    assert unbatched_outputs(described) == (set(outputs) if loose is None else loose)
    for tensor in with_batch_dimension(described).outputs:
        expected = outputs[tensor.name]
        assert tensor.shape == (
            (-1, -1, *expected[1:]) if tensor.name in unbatched_outputs(described) else expected
        )


def test_networks_of_lists_run_one_image_at_a_time():
    assert ImageInput.of(io({'output': (-1, 7)})).fixed_batch == 1
    with pytest.raises(ModelError, match='export it for one image'):
        ImageInput.of(io({'output': (-1, 7)}, batch=4))


def test_batched_lists_of_several_runs_are_filled_up():
    described = io({'dets': (1, -1, 5), 'labels': (1, -1)}, batch=1)
    runs = [([np.full((1, n, 5), n, np.float32), np.full((1, n), n)], 1) for n in (2, 0, 3)]
    whole = join_runs(described, runs)
    assert whole['dets'].shape == (3, 3, 5)
    assert whole['labels'].tolist() == [[2, 2, 0], [0, 0, 0], [3, 3, 3]]


def test_engines_that_know_of_no_such_thing_refuse():
    sizes = TensorInfo('orig_target_sizes', 'int64', (-1, 2))
    spec = EngineSpec(EngineConfig(kind='torch'), Path('model.pt2'))
    for described in (io({'labels': (-1, 300)}, (sizes,)), io({'output': (-1, 7)})):
        with pytest.raises(ModelError, match=r'set engine\.kind to onnxruntime or openvino'):
            spec.image_input(described)
        assert spec.image_input(described, any_tensors=True).name == 'images'


@pytest.mark.parametrize('kind', RUNTIMES)
def test_all_of_the_input_may_be_free(kind, tmp_path):
    """As optimum exports it; its size is in the metadata then, or it is asked for."""
    nodes = [helper.make_node('ReduceMean', ['images'], ['brightness'], axes=[2, 3], keepdims=0)]
    inputs = {'images': (TensorProto.FLOAT, ['batch', 'channels', 'height', 'width'])}
    path = write(
        tmp_path / 'm.onnx', nodes, inputs, {'brightness': (TensorProto.FLOAT, ['batch', 'channels'])}
    )
    images = np.zeros((2, HEIGHT, WIDTH, 3), np.uint8)
    images[1] = [1, 2, 3]
    with pytest.raises(ModelError, match=r'of a known size, got .*metadata imgsz'):
        run(kind, path, images)
    model = onnx.load(path)
    helper.set_model_props(model, {'imgsz': f'[{HEIGHT}, {WIDTH}]'})
    onnx.save(model, path)
    seen = [outputs['brightness'].tolist() for outputs in run(kind, path, images)]
    assert seen == [[[0, 0, 0]], [[1, 2, 3]]]


@pytest.mark.parametrize(('size', 'expected'), [((64, 64), (64, 64)), ((-1, -1), (HEIGHT, WIDTH))])
def test_a_mask_of_pixels_is_as_large_as_its_exporter_made_it(size, expected):
    mask = TensorInfo('pixel_mask', 'int64', (-1, *size))
    described = io({'logits': (-1, 100, 92), 'pred_boxes': (-1, 100, 4)}, (mask,))
    image_input = ImageInput.of(described)
    fed = image_input.feed(np.zeros(image_input.shape(2), np.float32))['pixel_mask']
    assert fed.shape == (2, *expected)
    assert fed.dtype == np.int64
    assert (fed == 1).all()
    with pytest.raises(ModelError, match=r"'pixel_mask' as \(batch, 4, 6\)"):
        ImageInput.of(io({'logits': (-1, 100, 92)}, (TensorInfo('pixel_mask', 'int64', (-1, 1, 4, 6)),)))


def test_an_input_nobody_knows_is_refused_and_a_known_one_of_another_shape():
    with pytest.raises(ModelError, match='images, prompt'):
        ImageInput.of(io({'output': (-1, 7)}, (TensorInfo('prompt', 'int64', (-1, 16)),)))
    with pytest.raises(ModelError, match=r"'orig_target_sizes' as \(batch, 2\)"):
        ImageInput.of(io({'output': (-1, 7)}, (TensorInfo('orig_target_sizes', 'int64', (-1, 3)),)))
