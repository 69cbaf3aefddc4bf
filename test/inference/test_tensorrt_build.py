"""Plans are really built here, by TensorRT for RTX, which needs no GPU for that."""

import json
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from convolution_network import HEIGHT, WIDTH, write_convolution
from stand_in_network import write_identity, write_stand_in

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.engines import EngineSpec, OnProgress
from stream_infer_ros.inference.engines.availability import NvidiaGpu
from stream_infer_ros.inference.engines.tensorrt.build import Plan, built_plan
from stream_infer_ros.inference.engines.tensorrt.build_monitor import PhaseTree
from stream_infer_ros.inference.engines.tensorrt.flavour import flavour_named, why_not
from stream_infer_ros.inference.engines.tensorrt.target import known_capabilities
from stream_infer_ros.inference.input_packing import Normalisation
from stream_infer_ros.inference.surround_contract import METADATA, surround_io
from stream_infer_ros.resources import default_model

pytestmark = pytest.mark.skipif(
    bool(why_not('tensorrt_rtx')), reason=f'no plan was built: {why_not("tensorrt_rtx")}'
)
ADA = NvidiaGpu('NVIDIA GeForce RTX 4090', '8.9')


def go_on(_: str, __: float) -> bool:
    return True


def build(
    model: Path,
    precision: str = 'auto',
    max_batch: int = 4,
    capabilities: tuple[str, ...] = ('8.9',),
    gpu: NvidiaGpu | None = None,
    on_progress: OnProgress = go_on,
    normalisation: Normalisation | None = None,
    cache: str = 'plans',
    **options: object,
) -> Plan:
    config = EngineConfig(
        kind='tensorrt',
        precision=precision,
        cache_dir=str(model.parent / cache),
        tensorrt={'flavour': 'tensorrt_rtx', 'compute_capabilities': capabilities, **options},
    )
    more = {} if normalisation is None else {'normalisation_of': lambda _: normalisation}
    return built_plan(EngineSpec(config, model, max_batch, on_progress=on_progress, **more), gpu)


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """In a folder where a cache may be beside it."""
    path = tmp_path / 'surround.onnx'
    path.symlink_to(default_model())
    return path


def test_the_shipped_network_is_built_and_told_how_far_it_is(shipped):
    told: list[tuple[str, float, int]] = []

    def listen(what: str, fraction: float) -> bool:
        told.append((what, fraction, threading.get_ident()))
        return True

    plan = build(shipped, on_progress=listen)
    assert len(plan.serialized) > 1e6
    assert plan.precision == 'fp16'
    assert plan.max_batch == 4
    assert plan.flavour.name == 'tensorrt_rtx'
    assert plan.io.inputs == surround_io().inputs
    assert {tensor.name for tensor in plan.io.outputs} == {'boxes', 'free_space', 'ground'}
    assert plan.io.metadata['family'] == METADATA['family']
    # Its own Cast is in front: nothing was put before it.
    assert (plan.image_input.name, plan.image_input.dtype, plan.image_input.layout) == (
        'images',
        'uint8',
        'nhwc',
    )
    fractions = [fraction for _, fraction, _ in told]
    assert fractions == sorted(fractions)
    assert 0.0 <= fractions[0] < 0.1
    assert fractions[-1] == 1.0
    assert 0.5 < fractions[-2] < 1.0
    assert {what for what, _, _ in told} == {
        f'building surround.onnx with tensorrt_rtx {plan.flavour.version}'
    }
    assert {thread for _, _, thread in told} == {threading.get_ident()}


def test_a_plan_comes_from_the_cache_the_second_time(shipped):
    first = build(shipped)
    told: list[float] = []
    assert first.path is not None
    assert first.path.read_bytes() == first.serialized
    second = build(shipped, on_progress=lambda _, fraction: not told.append(fraction))
    assert second == first
    assert told == []


def test_what_a_plan_depends_on_is_in_its_key(tmp_path):
    path = write_convolution(tmp_path / 'net.onnx')
    calls: list[str] = []

    def count(what: str, _: float) -> bool:
        calls.append(what)
        return True

    builds: list[dict[str, object]] = [
        {},
        {'precision': 'fp32'},
        {'max_batch': 2},
        {'capabilities': ('8.6', '8.9')},
        {'workspace_mb': 64},
        {'capabilities': (), 'gpu': ADA},
    ]
    for options in builds:
        calls.clear()
        build(path, on_progress=count, **options)
        assert calls, f'{options} was taken from the cache'
    sidecars = [json.loads(file.read_text())['facts'] for file in tmp_path.glob('plans/*.json')]
    assert len(sidecars) == len(builds)
    assert {facts['gpu'] for facts in sidecars} == {'', ADA.name}


def test_a_corrupt_plan_in_the_cache_is_built_again(shipped):
    plan = build(shipped)
    (path,) = (shipped.parent / 'plans').glob('*.plan')
    path.write_bytes(path.read_bytes()[:1000])
    assert len(build(shipped).serialized) == len(plan.serialized)


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
@pytest.mark.parametrize('layout', ['nhwc', 'nchw'])
@pytest.mark.parametrize('batch', [1, 3, 'batch'])
def test_float_networks_are_fed_bytes(precision, layout, batch, tmp_path):
    path = write_stand_in(tmp_path / 'float.onnx', batch=batch, dtype='float32', layout=layout)
    plan = build(path, precision, normalisation=Normalisation(1 / 255, (0.4, 0.5, 0.6), (0.2, 0.3, 0.2)))
    image = plan.image_input
    assert (image.name, image.dtype, image.layout) == ('images_pixels', 'uint8', 'nhwc')
    assert (image.height, image.width, image.fixed_batch) == (240, 320, 0 if batch == 'batch' else batch)
    assert plan.max_batch == (4 if batch == 'batch' else batch)
    assert plan.precision == precision
    assert plan.io.inputs[0].dtype == 'float32'


def test_the_normalisation_is_part_of_the_plan(tmp_path):
    path = write_convolution(tmp_path / 'net.onnx')
    for scale in (1.0, 1 / 255, 1 / 128):
        build(path, normalisation=Normalisation(scale))
    assert len(list((tmp_path / 'plans').glob('*.plan'))) == 3


def test_sizes_that_the_file_leaves_free_come_from_its_metadata(tmp_path):
    path = write_stand_in(
        tmp_path / 'free.onnx', height='h', width='w', metadata={**METADATA, 'imgsz': '[240, 320]'}
    )
    assert build(path).image_input.shape(2) == (2, 240, 320, 3)


@pytest.mark.parametrize(
    ('form', 'precision', 'built'),
    [
        ({}, 'auto', 'fp16'),
        ({}, 'fp32', 'fp32'),
        ({'dtype': 'float16'}, 'auto', 'fp16'),
        ({'dtype': 'float16'}, 'fp16', 'fp16'),
        ({'quantised': 'int8'}, 'auto', 'int8'),
        ({'quantised': 'int8'}, 'int8', 'int8'),
        ({'quantised': 'float8'}, 'fp8', 'fp8'),
    ],
)
def test_a_precision_is_honoured(form, precision, built, tmp_path):
    plan = build(write_convolution(tmp_path / 'net.onnx', **form), precision)
    assert plan.precision == built
    assert len(plan.serialized) > 1e5


@pytest.mark.parametrize(
    ('form', 'precision', 'reason'),
    [
        ({}, 'int8', 'quantised for precision int8, got one in fp32'),
        ({}, 'fp8', 'quantised for precision fp8, got one in fp32'),
        ({}, 'bf16', 'calculates in the types of the file'),
        ({'dtype': 'float16'}, 'fp32', 'whose file is in fp16'),
        ({'quantised': 'int8'}, 'fp16', 'whose file is in int8'),
        ({'quantised': 'int8'}, 'fp32', 'whose file is in int8'),
    ],
)
def test_or_refused_with_the_reason(form, precision, reason, tmp_path):
    path = write_convolution(tmp_path / 'net.onnx', **form)
    with pytest.raises(EngineError, match=f'{reason}.*;'):
        build(path, precision)


def test_older_gpus_are_refused_what_they_cannot_calculate(tmp_path):
    path = write_convolution(tmp_path / 'net.onnx', quantised='float8')
    with pytest.raises(EngineError, match=r'8\.9 or newer for fp8, got 8\.6'):
        build(path, capabilities=('8.6', '8.9'))


@pytest.mark.parametrize('before', ['Transpose', 'Identity'])
def test_uint8_that_is_moved_before_its_cast_is_cast_first(before, tmp_path):
    path = write_convolution(tmp_path / 'net.onnx', dtype='uint8', layout='nhwc', before=before)
    assert build(path).image_input.shape(1) == (1, HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ('form', 'message'),
    [
        ({'dtype': 'uint8', 'before': 'Relu'}, r"Cast after the uint8 input 'images'.*got Relu"),
        (
            {'quantised': 'int8', 'bias': 'int32'},
            r'refuses node .*\(DequantizeLinear\).*Int32.*QuantizeBias=False',
        ),
        ({'after': 'Det'}, r"refuses node 'behind' \(Det\): it has no such operator; export"),
        ({'after': 'NoSuchOp'}, r"refuses node 'behind' \(NoSuchOp\): it has no such operator; export"),
    ],
)
def test_a_network_that_tensorrt_refuses_is_told_by_node(form, message, tmp_path):
    path = write_convolution(tmp_path / 'net.onnx', **form)
    with pytest.raises(ModelError, match=message) as refused:
        build(path)
    assert '\n' not in str(refused.value)
    assert not list(tmp_path.glob('plans/*.plan'))


def test_what_onnx_runtime_quantises_as_the_message_says_is_built(tmp_path):
    """With its usual settings it is refused, and the message has the settings that are taken."""
    quantization = pytest.importorskip('onnxruntime.quantization')

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            shape = (1, 240, 320, 3)
            self._left = [{'images': np.random.default_rng(1).integers(0, 256, shape, np.uint8)}]

        def get_next(self) -> object:
            return self._left.pop() if self._left else None

    def quantised(options: dict[str, bool], **more: object) -> Path:
        path = tmp_path / 'int8.onnx'
        kind = quantization.QuantType.QInt8
        quantization.quantize_static(
            default_model(),
            path,
            Reader(),
            activation_type=kind,
            weight_type=kind,
            extra_options=options,
            **more,
        )
        return path

    symmetric = {'QuantizeBias': False, 'ActivationSymmetric': True, 'WeightSymmetric': True}
    words = ''.join(f'.*{name}={value}' for name, value in symmetric.items())
    for options in ({}, symmetric):
        with pytest.raises(ModelError, match=rf"op_types_to_quantize=\['Conv'\]{words}"):
            build(quantised(options))
    assert build(quantised(symmetric, op_types_to_quantize=['Conv'])).precision == 'int8'


def test_an_operator_without_a_kernel_is_told(tmp_path):
    from onnx import TensorProto, helper, load, save  # noqa: PLC0415

    path = write_convolution(tmp_path / 'net.onnx', batch=1)
    model = load(path)
    model.opset_import[0].version = 17  # where ReduceMax has its axes as an attribute
    graph = model.graph
    graph.initializer.append(
        helper.make_tensor('boxes', TensorProto.FLOAT, [1, 32, 4], [0.0, 0.0, 1.0, 1.0] * 32)
    )
    graph.initializer.append(helper.make_tensor('one', TensorProto.INT64, [1], [1]))
    graph.node.append(helper.make_node('ReduceMax', ['scores'], ['best'], axes=[3], keepdims=0))
    graph.node.append(helper.make_node('NonMaxSuppression', ['boxes', 'best', 'one'], ['kept'], name='nms'))
    graph.output.append(helper.make_tensor_value_info('kept', TensorProto.INT64, None))
    save(model, path)
    with pytest.raises(ModelError, match=r"no kernel for node 'nms' \(NonMaxSuppression\); export"):
        build(path)


def test_a_file_that_is_no_network_is_refused(tmp_path):
    whole = write_stand_in(tmp_path / 'whole.onnx').read_bytes()
    with pytest.raises(ModelError, match='found none'):
        build(tmp_path / 'missing.onnx')
    for size in (0, 1, 1000, len(whole) // 2, len(whole) - 1):
        (tmp_path / 'cut.onnx').write_bytes(whole[:size])
        with pytest.raises(ModelError, match=r'valid ONNX network|empty'):
            build(tmp_path / 'cut.onnx')
    (tmp_path / 'text.onnx').write_text('not a network\n' * 100)
    with pytest.raises(ModelError, match='a text that begins with'):
        build(tmp_path / 'text.onnx')


def test_weights_in_another_file_count(tmp_path):
    import onnx  # noqa: PLC0415

    path = tmp_path / 'net.onnx'
    model = onnx.load(write_convolution(path))
    onnx.save(model, path, save_as_external_data=True, location='weights', size_threshold=0)
    build(path)
    weights = bytearray((tmp_path / 'weights').read_bytes())
    weights[:4] = np.float32(0.5).tobytes()
    (tmp_path / 'weights').write_bytes(weights)
    build(path)
    assert len(list((tmp_path / 'plans').glob('*.plan'))) == 2
    (tmp_path / 'weights').unlink()
    with pytest.raises(ModelError, match='weights'):
        build(path)


@pytest.mark.parametrize(
    ('shape', 'message'), [([1, 240, 320], 'height, width, 3'), ([0, 3, 8, 8], 'dynamic')]
)
def test_a_network_that_takes_no_picture_is_refused(shape, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        build(write_identity(tmp_path / 'odd.onnx', shape))


def test_a_build_ends_when_it_is_told_to(shipped):
    calls = 0

    def stop(_: str, __: float) -> bool:
        nonlocal calls
        calls += 1
        return calls < 20

    with pytest.raises(EngineError, match='it was stopped'):
        build(shipped, on_progress=stop)
    assert calls == 20
    assert not list((shipped.parent / 'plans').glob('*.plan*'))
    build(shipped)


@pytest.mark.parametrize('failure', [KeyboardInterrupt, EngineError('of the listener')])
def test_what_a_listener_raises_comes_out_of_the_build(shipped, failure):
    def fail(_: str, __: float) -> bool:
        raise failure

    with pytest.raises((KeyboardInterrupt, EngineError)) as raised:
        build(shipped, on_progress=fail)
    assert raised.type in (failure, type(failure))
    assert not list((shipped.parent / 'plans').glob('*.plan*'))


@pytest.fixture
def heeds_ctrl_c():
    """Python's own handler: what is started in the background of a shell begins without one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures('heeds_ctrl_c')
@pytest.mark.parametrize('where', ['start', 'step', 'finish'])
def test_ctrl_c_is_not_lost_in_a_callback(where, shipped, monkeypatch):
    """Handlers of signals run wherever Python is: in a listener with luck, else in any callback."""
    reached = getattr(PhaseTree, where)
    before = signal.getsignal(signal.SIGINT)

    def interrupted(*arguments: object) -> None:
        signal.raise_signal(signal.SIGINT)
        reached(*arguments)

    monkeypatch.setattr(PhaseTree, where, interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(shipped)
    assert signal.getsignal(signal.SIGINT) is before
    assert not list((shipped.parent / 'plans').glob('*.plan*'))


@pytest.mark.parametrize(
    ('capabilities', 'gpu', 'message'),
    [
        ((), None, 'compute_capabilities to build for, found neither'),
        ((), NvidiaGpu('NVIDIA H200', '9.0'), r'runs on \(7\.5, .*got compute capability 9\.0'),
        (('7.0',), None, r'got compute capability 7\.0'),
        (('8.6',), ADA, r'with 8\.9, which the NVIDIA GeForce RTX 4090 here has, got 8\.6'),
    ],
)
def test_a_gpu_that_it_cannot_build_for_is_told(capabilities, gpu, message, shipped):
    with pytest.raises(EngineError, match=message):
        build(shipped, capabilities=capabilities, gpu=gpu)


def test_all_gpus_it_knows_at_once(tmp_path):
    known = known_capabilities(flavour_named('tensorrt_rtx'))
    assert known[0] == '7.5'
    assert {'8.6', '8.9', '12.0'} <= set(known)
    assert build(write_convolution(tmp_path / 'net.onnx'), capabilities=known).serialized


def test_an_unusable_cache_is_told_before_anything_is_built(shipped):
    (shipped.parent / 'plans').write_text('')
    with pytest.raises(EngineError, match=r'engine\.cache_dir'):
        build(shipped, on_progress=lambda _, __: pytest.fail('was built'))
