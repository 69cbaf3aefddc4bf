"""Our code is held to the API of every TensorRT it is for, as their real bindings have it.

The full TensorRT 10 and 11 need libraries that are on no package index; their bindings, recorded by
record_tensorrt_api.py, say which names there are and what they take.
"""

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest
from cuda_double import CudaDouble
from recorded_tensorrt import RECORDED, Answers, bound, tensorrt_as_recorded

import stream_infer_ros.inference.engines.tensorrt as ours
from stream_infer_ros.config.engine_tree import TensorRtConfig
from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.engines.availability import NvidiaGpu
from stream_infer_ros.inference.engines.tensorrt.build import Plan
from stream_infer_ros.inference.engines.tensorrt.flavour import Flavour, logger_of
from stream_infer_ros.inference.engines.tensorrt.network_builder import BuildOrder, build_serialized
from stream_infer_ros.inference.engines.tensorrt.precision import BuildPrecision, build_precision
from stream_infer_ros.inference.engines.tensorrt.target import target_of
from stream_infer_ros.inference.engines.tensorrt.tensorrt_network import TensorRtNetwork
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

TENS = [name for name in RECORDED if name.startswith('tensorrt 10')]
ELEVENS = [name for name in RECORDED if name.startswith('tensorrt 11')]
RTX = [name for name in RECORDED if name.startswith('tensorrt_rtx')]
IMAGE = ImageInput('images', 'uint8', 'nhwc', 8, 8, 0)
GPU = NvidiaGpu('NVIDIA GeForce RTX 4090', '8.9')
# Not in every version; our code asks before it uses them.
GUARDED = {'ComputeCapability', 'ComputeCapability.__members__', 'BuilderFlag.FP16'}


def test_the_versions_that_are_meant_were_recorded():
    assert len(TENS) >= 2
    assert len(ELEVENS) >= 2
    assert len(RTX) == 1


def flavour_of(name: str, answers: Answers) -> Flavour:
    trt = tensorrt_as_recorded(name, answers)
    return Flavour(name.split(maxsplit=1)[0], trt.__version__, trt, logger_of(trt))


def build(name: str, precision: BuildPrecision, answers: Answers | None = None, **changes: Any) -> Any:
    """What came out, and the calls that were made."""
    told: list[float] = []

    def built(builder: Any, given: dict[str, Any]) -> bytes:
        assert set(given) == {'network', 'config'}
        # A listener is called with what the bindings say it is: positions, as pybind11 does.
        monitor = given['config'].progress_monitor
        methods = RECORDED[name]['classes']['IProgressMonitor']['methods']
        for method, values in (
            ('phase_start', ('build', None, 2)),
            ('step_complete', ('build', 0)),
            ('phase_finish', ('build',)),
        ):
            assert len(methods[method][0]['parameters']) == len(values)
            getattr(monitor, method)(*values)
        return b'plan'

    flavour = flavour_of(
        name,
        {
            'Builder.build_serialized_network': built,
            'ITimingCache.serialize': lambda _, __: b'timing',
            **(answers or {}),
        },
    )
    config = TensorRtConfig(compute_capabilities=changes.pop('capabilities', ()))
    target = target_of(config, flavour, changes.pop('gpu', GPU))
    order = BuildOrder(Path('net.onnx'), IMAGE, 6, precision, target, changes.pop('workspace_mb', 0))
    result = build_serialized(b'onnx', order, flavour, b'old', lambda _, fraction: not told.append(fraction))
    assert told
    return result, flavour.trt


@pytest.mark.parametrize('asked', ['fp32', 'fp16', 'bf16'])
@pytest.mark.parametrize('name', TENS)
def test_tensorrt_10_builds_as_its_flags_say(name, asked):
    precision = build_precision(asked, 'fp32', flavour_of(name, {}).typed_networks)
    (plan, timing), trt = build(name, precision, workspace_mb=64)
    assert (plan, timing) == (b'plan', b'timing')
    flags = {given['flag'].name for what, given in trt.calls if what == 'IBuilderConfig.set_flag'}
    cleared = {given['flag'].name for what, given in trt.calls if what == 'IBuilderConfig.clear_flag'}
    assert flags == {'fp32': set(), 'fp16': {'FP16'}, 'bf16': {'BF16'}}[asked]
    assert cleared == ({'TF32'} if asked == 'fp32' else set())
    assert ('Builder.create_network', {'flags': 0}) in trt.calls
    pool = {'pool': trt.MemoryPoolType.WORKSPACE, 'pool_size': 64 << 20}
    assert ('IBuilderConfig.set_memory_pool_limit', pool) in trt.calls


@pytest.mark.parametrize('name', ELEVENS + RTX)
def test_from_11_on_networks_run_in_the_types_of_their_file(name):
    precision = build_precision('fp16', 'fp32', flavour_of(name, {}).typed_networks)
    assert precision.to_half
    (plan, timing), trt = build(name, precision)
    typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    assert ('Builder.create_network', {'flags': typed}) in trt.calls
    assert not [what for what, _ in trt.calls if what == 'IBuilderConfig.set_flag']
    assert plan == b'plan'
    # Who builds for named GPUs measures nothing.
    assert timing == (b'' if name in RTX else b'timing')


@pytest.mark.parametrize('name', RECORDED)
def test_the_profile_goes_from_one_to_the_most(name):
    _, trt = build(name, BuildPrecision('fp32'))
    one, most = (1, 8, 8, 3), (6, 8, 8, 3)
    profile = {'input': 'images', 'min': one, 'opt': most, 'max': most}
    assert [given for what, given in trt.calls if what == 'IOptimizationProfile.set_shape'] == [profile]


def test_gpus_are_named_where_that_can_be():
    _, trt = build(RTX[0], BuildPrecision('fp32'), capabilities=('8.6', '12.0'), gpu=None)
    named = [given for what, given in trt.calls if what == 'IBuilderConfig.set_compute_capability']
    assert [tuple(given.values()) for given in named] == [
        (trt.ComputeCapability.SM86, 0),
        (trt.ComputeCapability.SM120, 1),
    ]
    assert ('IBuilderConfig.num_compute_capabilities', {'value': 2}) in trt.calls
    for name in TENS + ELEVENS:
        with pytest.raises(EngineError, match=r'set tensorrt\.flavour tensorrt_rtx'):
            build(name, BuildPrecision('fp32'), capabilities=('8.6',))
        with pytest.raises(EngineError, match='found none'):
            build(name, BuildPrecision('fp32'), gpu=None)


@pytest.mark.parametrize('name', TENS + ELEVENS)
def test_a_timing_cache_of_another_version_is_left_out(name):
    taken = []

    kind = tensorrt_as_recorded(name, {'ITimingCache.serialize': lambda _, __: b'new'}).ITimingCache

    def create(_: Any, given: dict[str, Any]) -> Any:
        taken.append(given['serialized_timing_cache'])
        return None if given['serialized_timing_cache'] else kind()

    (_, timing), _ = build(name, BuildPrecision('fp32'), {'IBuilderConfig.create_timing_cache': create})
    assert taken == [b'old', b'']
    assert timing == b'new'


@pytest.mark.parametrize('name', RECORDED)
def test_what_the_parser_complains_of_is_told(name):
    answers: Answers = {
        'OnnxParser.parse': lambda _, __: False,
        'OnnxParser.num_errors': lambda _, __: 1,
        'OnnxParser.get_error': lambda _, __: error_class(),
        'ParserError.desc': lambda _, __: 'Invalid Node - n2\nIt is (In f at a.cpp:4) wrong.',
        'ParserError.node_name': lambda _, __: 'n2',
        'ParserError.node_operator': lambda _, __: 'Sub',
    }
    error_class = tensorrt_as_recorded(name, answers).ParserError
    with pytest.raises(ModelError, match=r"refuses node 'n2' \(Sub\): It is"):
        build(name, BuildPrecision('fp32'), answers)


@pytest.mark.parametrize('name', RECORDED)
def test_a_build_that_fails_says_what_tensorrt_said(name):
    flavour = flavour_of(name, {'Builder.build_serialized_network': lambda _, __: say()})
    target = target_of(TensorRtConfig(), flavour, GPU)
    order = BuildOrder(Path('net.onnx'), IMAGE, 6, BuildPrecision('fp32'), target, 0)

    def say() -> None:
        severity = flavour.trt.ILogger.Severity
        flavour.logger.log(severity.INTERNAL_ERROR, 'out of memory.')
        flavour.logger.log(severity.WARNING, 'just so')

    with pytest.raises(EngineError, match=r'it says: out of memory; try'):
        build_serialized(b'onnx', order, flavour, b'', lambda _, __: True)


@pytest.mark.parametrize('name', RECORDED)
def test_listeners_take_what_tensorrt_hands_them(name):
    flavour = flavour_of(name, {})
    methods = RECORDED[name]['classes']['ILogger']['methods']
    given = inspect.signature(flavour.logger.log).parameters
    assert len(given) == len(methods['log'][0]['parameters'])
    flavour.register_plugins()
    assert flavour.trt.calls[0][0] == 'init_libnvinfer_plugins'


@pytest.mark.parametrize('columns', [4, -1])
@pytest.mark.parametrize('name', RECORDED)
def test_a_plan_is_run_as_the_api_says(name, columns):
    """Names and arguments only; what running does is tested on a double of CUDA."""
    answers: Answers = {
        'ICudaEngine.get_tensor_dtype': lambda *_: trt.DataType.FLOAT,
        'ICudaEngine.device_memory_size_v2': lambda *_: 1000,
        'IExecutionContext.get_tensor_shape': lambda *_: (6, columns),
    }
    flavour = flavour_of(name, answers)
    trt = flavour.trt
    out = TensorInfo('out', 'float32', (-1, columns))
    io = EngineIo((TensorInfo('images', 'uint8', (-1, 8, 8, 3)),), (out,), {})
    cuda = CudaDouble()
    cuda.use(0)
    network = TensorRtNetwork.read(cuda, Plan(b'plan', flavour, io, IMAGE, 6, 'fp32'))
    assert network is not None
    network.run(3, 1 << 20, [1 << 21], 7)
    network.close()
    calls = [call for call in trt.calls if call[0].startswith('IExecutionContext')]
    assert ('IExecutionContext.set_input_shape', {'name': 'images', 'shape': (3, 8, 8, 3)}) in calls
    assert [what for what, _ in calls].count('IExecutionContext.execute_async_v3') == 1
    bound_out = 'set_tensor_address' if columns > 0 else 'set_output_allocator'
    assert [given['name'] for what, given in calls if what.endswith(bound_out)][-1] == 'out'


def test_every_name_of_tensorrt_in_our_files_is_in_every_version():
    """Whether or not a test runs the line it is on."""
    used = set()
    for path in Path(ours.__file__).parent.glob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and _is_trt(node.value):
                used.add(node.attr)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                used |= {f'{node.value.attr}.{node.attr}'} if _is_trt(node.value.value) else set()
    assert {'Builder', 'OnnxParser', 'BuilderFlag.TF32', 'Runtime', 'MemoryPoolType.WORKSPACE'} <= used
    for name in RECORDED:
        trt = tensorrt_as_recorded(name, {})
        for dotted in used - GUARDED:
            here: Any = trt
            for part in dotted.split('.'):
                assert hasattr(here, part), f'{name} has no {dotted}'
                here = getattr(here, part)


def _is_trt(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == 'trt') or (
        isinstance(node, ast.Attribute) and node.attr == 'trt'
    )


def test_the_double_refuses_what_is_not_recorded():
    trt = tensorrt_as_recorded(TENS[0], {})
    config = trt.Builder(logger_of(trt)).create_builder_config()
    with pytest.raises(TypeError, match='set_flag'):
        config.set_flag(trt.BuilderFlag.FP16, 1)
    with pytest.raises(TypeError, match='OnnxParser'):
        trt.OnnxParser()
    with pytest.raises(AttributeError, match='num_compute_capabilities'):
        config.num_compute_capabilities = 1
    with pytest.raises(AttributeError):
        _ = trt.ComputeCapability
    with pytest.raises(AttributeError):
        _ = tensorrt_as_recorded(ELEVENS[0], {}).BuilderFlag.FP16
    assert bound('f', [{'parameters': ['a', 'b='], 'returns': 'int'}], (1,), {}) == ({'a': 1}, 'int')


def test_flags_of_10_are_all_there():
    for name in TENS:
        members = RECORDED[name]['classes']['BuilderFlag']['members']
        assert {'FP16', 'BF16', 'INT8', 'FP8', 'TF32'} <= set(members)
        assert not flavour_of(name, {}).typed_networks
    for name in ELEVENS + RTX:
        assert flavour_of(name, {}).typed_networks
