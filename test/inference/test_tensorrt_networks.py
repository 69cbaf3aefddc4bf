"""What is done to an ONNX network before TensorRT sees it, held to ONNX Runtime's results."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from convolution_network import write_convolution
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from stand_in_network import write_stand_in

from stream_infer_ros.config.engine_tree import Precision
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.tensorrt.build_monitor import PhaseTree
from stream_infer_ros.inference.engines.tensorrt.half import in_half
from stream_infer_ros.inference.engines.tensorrt.input_stage import with_pictures_in
from stream_infer_ros.inference.engines.tensorrt.onnx_file import OnnxFile, read_onnx
from stream_infer_ros.inference.engines.tensorrt.precision import (
    build_precision,
    check_capability,
    precision_in_file,
)
from stream_infer_ros.inference.input_packing import AS_THEY_ARE, ImageInput, Normalisation
from stream_infer_ros.resources import default_model

onnxruntime = pytest.importorskip('onnxruntime')
IMAGENET = Normalisation(1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def run(model: Any, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    data = model if isinstance(model, str) else model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    results: list[np.ndarray] = onnxruntime.InferenceSession(data, options).run(None, inputs)
    return results


def pictures(file: OnnxFile, normalisation: Normalisation, n: int = 2) -> tuple[ImageInput, np.ndarray]:
    image = ImageInput.of(file.io, normalisation)
    shape = (image.fixed_batch or n, image.height, image.width, 3)
    return image, np.random.default_rng(5).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize('normalisation', [AS_THEY_ARE, Normalisation(1 / 255), IMAGENET])
@pytest.mark.parametrize('layout', ['nhwc', 'nchw'])
@pytest.mark.parametrize('dtype', ['float32', 'float16'])
@pytest.mark.parametrize('batch', [2, 'batch'])
def test_the_stage_does_what_packing_does(batch, dtype, layout, normalisation, tmp_path):
    file = read_onnx(write_convolution(tmp_path / 'net.onnx', dtype=dtype, layout=layout, batch=batch))
    image, images = pictures(file, normalisation)
    staged = with_pictures_in(file.model, image)
    onnx.checker.check_model(staged.model, full_check=True)
    assert staged.image_input.fixed_batch == (0 if batch == 'batch' else batch)
    expected = run(file.model, {image.name: image.pack(images)})
    results = run(staged.model, {staged.image_input.name: images})
    for wanted, came in zip(expected, results, strict=True):
        assert wanted.dtype == came.dtype
        np.testing.assert_allclose(came, wanted, rtol=2e-2 if dtype == 'float16' else 1e-4, atol=1e-2)


@pytest.mark.parametrize('before', ['', 'Transpose', 'Identity'])
def test_uint8_pictures_give_the_same_cast_earlier(before, tmp_path):
    path = write_convolution(tmp_path / 'net.onnx', dtype='uint8', layout='nhwc', before=before)
    file = read_onnx(path)
    image, images = pictures(file, AS_THEY_ARE)
    staged = with_pictures_in(file.model, image)
    assert bool(staged.nodes) == bool(before)
    (wanted,) = run(file.model, {image.name: images})
    (came,) = run(staged.model, {staged.image_input.name: images})
    np.testing.assert_array_equal(came, wanted)


def test_names_that_are_taken_are_left_alone(tmp_path):
    path = write_stand_in(tmp_path / 'net.onnx', dtype='float32', layout='nchw')
    model = onnx.load(path)
    for node in model.graph.node:  # 'planes' is inside the network
        node.input[:] = ['images_pixels' if name == 'planes' else name for name in node.input]
        node.output[:] = ['images_pixels' if name == 'planes' else name for name in node.output]
    onnx.save(model, path)
    file = read_onnx(path)
    image, images = pictures(file, AS_THEY_ARE)
    staged = with_pictures_in(file.model, image)
    assert staged.image_input.name == 'images_pixels_2'
    for wanted, came in zip(
        run(file.model, {'images': image.pack(images)}),
        run(staged.model, {'images_pixels_2': images}),
        strict=True,
    ):
        np.testing.assert_allclose(came, wanted, rtol=1e-5, atol=1e-6)


def in_half_with_pictures(file: OnnxFile, normalisation: Normalisation) -> tuple[Any, ImageInput, np.ndarray]:
    image, images = pictures(file, normalisation)
    staged = with_pictures_in(file.model, image)
    half = in_half(staged.model, staged.nodes)
    onnx.checker.check_model(half, full_check=True)
    return half, staged.image_input, images


def test_the_shipped_network_in_half_sees_the_same():
    """Away from where pictures of noise make it waver: what most cells and columns say."""
    file = read_onnx(default_model())
    half, image, images = in_half_with_pictures(file, AS_THEY_ARE)
    images[:] = np.linspace(40, 200, images.shape[1], dtype=np.uint8)[None, :, None, None]
    wanted = run(file.model, {image.name: images})
    came = run(half, {image.name: images})
    assert [array.dtype for array in came] == [array.dtype for array in wanted]
    _, free_space, ground = wanted
    np.testing.assert_allclose(came[2], ground, atol=0.02)
    assert np.median(np.abs(came[1] - free_space)) < 0.5


def test_weights_are_half_and_what_follows_the_last_product_is_not(tmp_path):
    file = read_onnx(default_model())
    half = in_half(file.model)
    types = {tensor.name: tensor.data_type for tensor in half.graph.initializer}
    weights = {types[node.input[1]] for node in half.graph.node if node.op_type == 'Conv'}
    assert weights == {TensorProto.FLOAT16}
    assert half.ByteSize() < 0.55 * file.model.ByteSize()
    inferred = onnx.shape_inference.infer_shapes(half).graph
    made = {value.name: value.type.tensor_type.elem_type for value in inferred.value_info}
    for op in ('TopK', 'Softmax', 'Exp'):
        tensors = [node.input[0] for node in half.graph.node if node.op_type == op]
        assert tensors
        assert {made[name] for name in tensors} == {TensorProto.FLOAT}, op


def graph_of(nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray], opset: int = 17) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        'graph',
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, ['n', 3, 8, 8])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8)


def node(op: str, inputs: list[str], output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op, inputs, [output], **attributes)


KERNEL = {'w': np.random.default_rng(0).normal(0, 0.2, (3, 3, 1, 1)).astype(np.float32)}
CONV = node('Conv', ['seen', 'w'], 'y')
FORMS = {
    'a resize by constant factors': [
        node('Constant', [], 'factors', value=numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32))),
        node('Resize', ['x', '', 'factors'], 'seen', mode='nearest'),
        CONV,
    ],
    'sizes calculated with floats': [
        node('Shape', ['x'], 'shape'),
        node('Cast', ['shape'], 'floats', to=TensorProto.FLOAT),
        node('Constant', [], 'factors', value_floats=[1.0, 1.0, 1.5, 1.5]),
        node('Mul', ['floats', 'factors'], 'larger'),
        node('Cast', ['larger'], 'sizes', to=TensorProto.INT64),
        node('Resize', ['x', '', '', 'sizes'], 'seen', mode='nearest'),
        CONV,
    ],
    'a cast of its own': [
        node('Cast', ['x'], 'bytes', to=TensorProto.UINT8),
        node('Cast', ['bytes'], 'seen', to=TensorProto.FLOAT),
        CONV,
    ],
    'zeros of a shape': [
        node('Shape', ['x'], 'shape'),
        node('ConstantOfShape', ['shape'], 'zeros'),
        node('Add', ['x', 'zeros'], 'seen'),
        CONV,
    ],
    'a weight on both sides': [
        node('Conv', ['x', 'w'], 'seen'),
        node('ReduceSum', ['w'], 'sum', keepdims=0),
        node('Mul', ['seen', 'sum'], 'y'),
    ],
    'a heavy tensor that is also an output': [node('Conv', ['x', 'w'], 'y'), node('Conv', ['y', 'w'], 'z')],
    'weights beyond what float16 holds': [
        node('Constant', [], 'huge', value_float=1e9),
        node('Min', ['x', 'huge'], 'seen'),
        CONV,
    ],
    'a branch that reads from outside': [
        node('Conv', ['x', 'w'], 'seen'),
        node('ReduceMax', ['seen'], 'most', keepdims=0),
        node('Constant', [], 'limit', value_float=0.0),
        node('Greater', ['most', 'limit'], 'positive'),
        node(
            'If',
            ['positive'],
            'y',
            then_branch=helper.make_graph(
                [node('Relu', ['seen'], 'a')], 'then', [], [helper.make_tensor_value_info('a', 1, None)]
            ),
            else_branch=helper.make_graph(
                [node('Neg', ['seen'], 'b')], 'else', [], [helper.make_tensor_value_info('b', 1, None)]
            ),
        ),
    ],
}


@pytest.mark.parametrize('form', FORMS)
def test_half_of_what_exporters_write(form):
    model = graph_of(FORMS[form], KERNEL)
    half = in_half(model)
    x = np.random.default_rng(2).uniform(0, 255, (2, 3, 8, 8)).round().astype(np.float32)
    (wanted,), (came,) = run(model, {'x': x}), run(half, {'x': x})
    assert came.dtype == np.float32
    assert wanted.shape == came.shape
    np.testing.assert_allclose(came, wanted, rtol=5e-3, atol=0.5)
    assert any(tensor.data_type == TensorProto.FLOAT16 for tensor in half.graph.initializer)


def test_what_cannot_be_half_is_refused():
    branch = helper.make_graph(
        [node('Identity', ['x'], 'a')], 'then', [], [helper.make_tensor_value_info('a', 1, None)]
    )
    model = graph_of(
        [
            node('ReduceMax', ['x'], 'most', keepdims=0),
            node('Cast', ['most'], 'positive', to=TensorProto.BOOL),
            node('If', ['positive'], 'seen', then_branch=branch, else_branch=branch),
            CONV,
        ],
        KERNEL,
    )
    with pytest.raises(EngineError, match=r'\(If\) contains a subgraph; export it in float16'):
        in_half(model)
    with pytest.raises(EngineError, match='NoSuchOp'):
        in_half(graph_of([node('NoSuchOp', ['x'], 'seen'), CONV], KERNEL))


@pytest.mark.parametrize(
    ('form', 'precision'),
    [
        ({}, 'fp32'),
        ({'dtype': 'float16'}, 'fp16'),
        ({'quantised': 'int8'}, 'int8'),
        ({'quantised': 'float8'}, 'fp8'),
    ],
)
def test_the_precision_of_a_file_is_seen(form, precision, tmp_path: Path):
    assert precision_in_file(read_onnx(write_convolution(tmp_path / 'net.onnx', **form)).model) == precision


@pytest.mark.parametrize(
    ('asked', 'in_file', 'flags', 'tf32'),
    [
        ('auto', 'fp32', ('FP16',), True),
        ('fp32', 'fp32', (), False),
        ('fp16', 'fp32', ('FP16',), True),
        ('bf16', 'fp32', ('BF16',), True),
        ('auto', 'fp16', ('FP16',), True),
        ('auto', 'int8', ('INT8', 'FP16'), True),
        ('int8', 'int8', ('INT8',), True),
        ('fp8', 'fp8', ('FP8',), True),
    ],
)
def test_tensorrt_10_is_told_by_flags(asked: Precision, in_file: str, flags: tuple[str, ...], tf32: bool):
    precision = build_precision(asked, in_file, typed_networks=False)
    assert (precision.flags, precision.to_half, precision.tf32) == (flags, False, tf32)


PRECISIONS = ('fp32', 'fp16', 'bf16', 'int8', 'fp8')


@given(st.sampled_from(PRECISIONS), st.sampled_from(PRECISIONS), st.booleans())
def test_never_another_precision_than_was_asked_for(asked, in_file, typed):
    possible = asked == in_file or (in_file == 'fp32' and asked in ({'fp16'} if typed else {'fp16', 'bf16'}))
    if not possible:
        with pytest.raises(EngineError, match=r'engine\.precision'):
            build_precision(asked, in_file, typed)
        return
    precision = build_precision(asked, in_file, typed)
    assert precision.name == asked
    if typed:  # the file is in it, or is put into it
        assert not precision.flags
        assert in_file == asked or (precision.to_half and asked == 'fp16')


def test_what_a_gpu_calculates_in():
    check_capability('bf16', '8.0')
    check_capability('fp8', '12.0')
    check_capability('int8', '7.5')
    for precision, capability in (('bf16', '7.5'), ('fp8', '8.6')):
        with pytest.raises(EngineError, match=f'or newer for {precision}, got {capability}'):
            check_capability(precision, capability)


def test_phases_inside_phases_are_one_number():
    tree = PhaseTree()
    tree.start('build', None, 2)
    tree.start('parse', 'build', 4)
    tree.step('parse')
    assert tree.fraction() == pytest.approx(0.125)
    tree.finish('parse')
    assert tree.fraction() == pytest.approx(0.125), 'it never goes back'
    tree.step('build')
    tree.start('time', 'build', 1)
    tree.start('one layer', 'time', 2)
    tree.step('one layer')
    assert tree.fraction() == pytest.approx(0.75)
    tree.step('unknown')
    tree.finish('unknown')


@given(
    st.lists(
        st.tuples(st.sampled_from(['start', 'step', 'finish']), st.sampled_from('abc'), st.integers(0, 3))
    )
)
def test_progress_only_grows_whatever_is_reported(events):
    tree = PhaseTree()
    last = 0.0
    for kind, name, steps in events:
        if kind == 'start' and name not in 'a':
            tree.start(name, 'a', steps)
        elif kind == 'start':
            tree.start(name, None, steps)
        else:
            getattr(tree, kind)(name)
        assert last <= tree.fraction() <= 1.0
        last = tree.fraction()
