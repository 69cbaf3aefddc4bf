"""One contract for every engine that is installed."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from engine_runs import infer
from stand_in_network import write_identity, write_stand_in
from triton_host import missing, serving

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.engines import ENGINES, Engine, EngineSpec, make_engine
from stream_infer_ros.inference.engines.runtime import import_runtime
from stream_infer_ros.inference.surround_contract import METADATA, surround_io

# What runs networks, by the modules it needs. TensorRT runs here over a double of CUDA and of itself.
NEEDS = {'openvino': 'openvino', 'onnxruntime': 'onnxruntime', 'torch': 'torch', 'tensorrt': 'onnxruntime'}
RUNTIMES = [
    pytest.param(
        kind,
        marks=[] if find_spec(module) else pytest.mark.skip(reason=f'{module} is not installed'),
    )
    for kind, module in NEEDS.items()
]
# With a real Triton, on loopback.
SERVED = pytest.param('kserve', marks=pytest.mark.skipif(bool(missing()), reason=missing()))
NETWORKS = [*RUNTIMES, SERVED]
ALL = [*NETWORKS, 'fake']
# bfloat16 keeps 8 bits: engines agree with the float32 reference to within a percent or so.
TOLERANCE = {
    'openvino': 0.02,
    'onnxruntime': 1e-5,
    'torch': 1e-5,
    'tensorrt': 1e-5,
    'kserve': 1e-5,
    'fake': 0.0,
}


@pytest.fixture(scope='module')
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {}


@pytest.fixture
def model(kind: str, written: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    suffix = suffix_for(kind)
    if suffix not in written:
        written[suffix] = stand_in(kind, tmp_path_factory.mktemp('model') / 'stand_in')
    return written[suffix]


@pytest.fixture(scope='module')
def pictures() -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (8, 240, 320, 3), np.uint8)


def suffix_for(kind: str) -> str:
    return '.pt2' if kind == 'torch' else '.onnx'


def stand_in(kind: str, path: Path, **options: object) -> Path:
    """The stand-in network as a file that an engine of this kind reads."""
    if kind == 'torch':
        from stand_in_torch import write_torch_stand_in  # noqa: PLC0415, torch is not always there

        return write_torch_stand_in(path.with_suffix('.pt2'), **options)
    return write_stand_in(path.with_suffix('.onnx'), **options)


def identity(kind: str, path: Path, shape: list[int], dtype: str, inputs: int) -> Path:
    if kind == 'torch':
        from stand_in_torch import write_torch_identity  # noqa: PLC0415

        return write_torch_identity(path, shape, dtype, inputs)
    return write_identity(path.with_suffix('.onnx'), shape, dtype, inputs)


OPENED: list[Engine] = []


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    """Engines hold threads, memory of the device, and memory that servers know of."""
    yield
    while OPENED:
        OPENED.pop().close()


def made(kind: str, model: Path, **options: object) -> Engine:
    engine = unopened(kind, model, **options)
    OPENED.append(engine)
    return engine


def unopened(kind: str, model: Path, **options: object) -> Engine:
    if kind == 'kserve':
        options['kserve'] = serving(model)
    input_size = options.pop('input_size', None)
    spec = EngineSpec(
        EngineConfig(kind=kind, threads=1, **options), model, max_batch=4, input_size=input_size
    )
    if kind == 'tensorrt':
        from tensorrt_double import CudaDouble, TensorRtDouble  # noqa: PLC0415, it needs ONNX Runtime

        return TensorRtDouble(CudaDouble()).engine(spec)
    return make_engine(spec)


def loaded(kind: str, model: Path, **options: object) -> Engine:
    engine = made(kind, model, **options)
    engine.load()
    return engine


@pytest.mark.parametrize('kind', ALL)
def test_tells_inputs_outputs_and_metadata(kind, model):
    engine = loaded(kind, model)
    expected = surround_io()
    assert engine.io.inputs == expected.inputs
    # Not every runtime knows which dimensions of an output are free.
    assert [(t.name, t.dtype, t.shape[1:]) for t in engine.io.outputs] == [
        (t.name, t.dtype, t.shape[1:]) for t in expected.outputs
    ]
    assert engine.io.metadata == METADATA


@pytest.mark.parametrize('kind', ALL)
def test_a_batch_of_six_equals_six_singles(kind, model, pictures):
    engine = loaded(kind, model)
    batch = infer(engine, pictures[:6])
    for index in range(6):
        single = infer(engine, pictures[index : index + 1])
        assert single.keys() == batch.keys()
        for name, array in single.items():
            assert array.shape == (1, *batch[name].shape[1:])
            # Exact for OpenVINO too, bfloat16 or not: each image is a request of its own.
            np.testing.assert_allclose(batch[name][index], array[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('kind', NETWORKS)
def test_images_are_told_apart(kind, model, pictures):
    ground = infer(loaded(kind, model), pictures[:6])['ground']
    expected = pictures[:6].reshape(6, 60, 4, 80, 4, 3).mean(axis=(2, 4, 5)) / 255
    np.testing.assert_allclose(ground, expected, atol=TOLERANCE[kind])


@pytest.mark.parametrize('kind', ALL)
def test_each_picture_has_outputs_of_its_own(kind, model, pictures):
    engine = loaded(kind, model)
    outputs = list(engine.run(pictures[:3]))
    assert [{len(array) for array in each.values()} for each in outputs] == [{1}] * 3


@pytest.mark.parametrize('kind', ALL)
def test_outputs_belong_to_the_caller(kind, model, pictures):
    engine = loaded(kind, model)
    first = list(engine.run(pictures[:2]))
    kept = [{name: array.copy() for name, array in outputs.items()} for outputs in first]
    second = list(engine.run(pictures[4:6]))
    for outputs, before, later in zip(first, kept, second, strict=True):
        for name, array in outputs.items():
            assert array.flags.writeable
            assert not np.shares_memory(array, later[name])
            np.testing.assert_array_equal(array, before[name])
    engine.close()
    for outputs, before in zip(first, kept, strict=True):
        for name, array in outputs.items():
            np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize('kind', ALL)
def test_pictures_that_are_written_when_they_are_taken_give_the_same(kind, model, pictures):
    engine = loaded(kind, model)
    whole = infer(engine, pictures[:3])
    batch = np.zeros_like(pictures[:3])

    def written():
        for index in range(3):
            batch[index] = pictures[index]
            yield batch[index]

    for _ in range(2):
        each = list(engine.run(written()))
        for name, array in whole.items():
            np.testing.assert_array_equal(np.concatenate([outputs[name] for outputs in each]), array)
        batch[:] = 0
    assert not list(engine.run(iter(())))


@pytest.mark.parametrize('kind', ALL)
def test_pictures_may_lie_anywhere(kind, model, pictures):
    engine = loaded(kind, model)
    apart = infer(engine, [pictures[4], pictures[1].copy(), pictures[5]])
    for name, array in infer(engine, pictures[[4, 1, 5]]).items():
        np.testing.assert_array_equal(apart[name], array)


@pytest.mark.parametrize('kind', ALL)
def test_who_looks_no_further_can_go_on_with_another_batch(kind, model, pictures):
    engine = loaded(kind, model)
    first = next(engine.run(pictures[:4]))
    np.testing.assert_array_equal(first['ground'], infer(engine, pictures[:1])['ground'])
    with pytest.raises(EngineError, match='expected'):
        list(engine.run(pictures[:2, :100]))
    assert len(infer(engine, pictures[:4])['ground']) == 4


@pytest.mark.parametrize('kind', ALL)
@pytest.mark.parametrize(
    'picture',
    [
        np.zeros((240, 320), np.uint8),
        np.zeros((320, 240, 3), np.uint8),
        np.zeros((240, 320, 3), np.float32),
    ],
)
def test_a_picture_of_another_form_is_refused(kind, model, pictures, picture):
    engine = loaded(kind, model)
    with pytest.raises(EngineError, match='expected uint8 pictures'):
        list(engine.run([pictures[0], picture]))


@pytest.mark.parametrize('kind', ALL)
def test_nothing_runs_before_load_or_after_close(kind, model, pictures):
    engine = made(kind, model)
    with pytest.raises(EngineError, match='load'):
        infer(engine, pictures[:1])
    engine.load()
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match='load'):
        infer(engine, pictures[:1])
    with pytest.raises(EngineError, match='load'):
        _ = engine.io
    engine.load()
    assert len(infer(engine, pictures[:1])['boxes']) == 1


@pytest.mark.parametrize('kind', NETWORKS)
@pytest.mark.parametrize('layout', ['nhwc', 'nchw'])
@pytest.mark.parametrize('batch', [1, 'batch'])
def test_float_networks_and_fixed_batches_give_the_same(kind, layout, batch, model, pictures, tmp_path):
    path = stand_in(kind, tmp_path / 'float', batch=batch, dtype='float32', layout=layout)
    outputs = infer(loaded(kind, path), pictures[:3])
    for name, array in infer(loaded(kind, model), pictures[:3]).items():
        np.testing.assert_allclose(outputs[name], array, atol=TOLERANCE[kind])


@pytest.mark.parametrize('kind', RUNTIMES)
def test_float32_precision_on_request(kind, model, pictures):
    ground = infer(loaded(kind, model, precision='fp32'), pictures[:2])['ground']
    expected = pictures[:2].reshape(2, 60, 4, 80, 4, 3).mean(axis=(2, 4, 5)) / 255
    np.testing.assert_allclose(ground, expected, atol=1e-5)


@pytest.mark.parametrize('kind', RUNTIMES)
def test_a_network_of_free_size_runs_at_the_size_its_metadata_names(kind, pictures, tmp_path):
    path = stand_in(
        kind, tmp_path / 'free', height='h', width='w', metadata={**METADATA, 'imgsz': '[240, 320]'}
    )
    assert infer(loaded(kind, path), pictures[:2])['ground'].shape == (2, 60, 80)
    for imgsz in ('[240]', '240', 'big', '[0, 320]'):
        path = stand_in(kind, tmp_path / 'bad', height='h', width='w', metadata={'imgsz': imgsz})
        with pytest.raises(ModelError, match='imgsz'):
            loaded(kind, path)
    path = stand_in(kind, tmp_path / 'none', height='h', width='w')
    with pytest.raises(ModelError, match=r'fixed height and width.* input_size'):
        loaded(kind, path)


@pytest.mark.parametrize('kind', RUNTIMES)
@pytest.mark.parametrize(('height', 'width'), [('h', 'w'), (240, 'w'), ('h', 320)])
def test_a_network_of_free_size_runs_at_the_size_the_user_says(kind, height, width, pictures, tmp_path):
    told = {**METADATA, 'imgsz': '[480, 640]'}  # what the user says goes before what the file says
    for metadata in (METADATA, told):
        path = stand_in(kind, tmp_path / 'free', height=height, width=width, metadata=metadata)
        engine = loaded(kind, path, input_size=(240, 320))
        assert infer(engine, pictures[:2])['ground'].shape == (2, 60, 80)


@pytest.mark.parametrize('kind', RUNTIMES)
def test_a_network_of_another_size_than_the_user_says_is_refused(kind, model, tmp_path):
    with pytest.raises(ModelError, match=r'pictures of \(480, 640\), .*got one for \(240, 320\)'):
        loaded(kind, model, input_size=(480, 640))
    half = stand_in(kind, tmp_path / 'half', height='h', width=320)
    with pytest.raises(ModelError, match=r'size of \[480, 640\] to fit'):
        loaded(kind, half, input_size=(480, 640))


@pytest.mark.parametrize('kind', RUNTIMES)
def test_a_file_that_is_no_network_is_refused(kind, model, tmp_path):
    path = tmp_path / f'broken{model.suffix}'
    with pytest.raises(ModelError, match='found none'):
        loaded(kind, path)
    path.touch()
    with pytest.raises(ModelError, match='empty'):
        loaded(kind, path)
    invalid = 'valid exported program|cut short' if kind == 'torch' else 'valid ONNX network'
    whole = model.read_bytes()
    for size in (1, 1000, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelError, match=invalid):
            loaded(kind, path)
    path.write_text('not a network\n' * 100)
    with pytest.raises(ModelError, match='a text that begins with "not a network'):
        loaded(kind, path)


@pytest.mark.parametrize('kind', RUNTIMES)
@pytest.mark.parametrize(
    ('shape', 'dtype', 'inputs', 'message'),
    [
        ([1, 240, 320], 'float32', 1, 'height, width, 3'),
        ([1, 1, 240, 320], 'float32', 1, 'colour pictures'),
        ([0, 3, 240, 320], 'float32', 1, 'dynamic batch'),
        ([1, 3, 65536, 65536], 'float32', 1, 'smaller pictures'),
        ([1, 3, 240, 320], 'int64', 1, 'got int64'),
        ([1, 3, 240, 320], 'float32', 2, 'one input'),
    ],
)
def test_a_network_that_takes_no_picture_is_refused(kind, shape, dtype, inputs, message, tmp_path):
    engine = made(kind, identity(kind, tmp_path / 'odd', shape, dtype, inputs))
    with pytest.raises(ModelError, match=message):
        engine.load()
    with pytest.raises(EngineError, match='load'):
        _ = engine.io


def test_a_missing_runtime_names_the_remedy():
    with pytest.raises(EngineError, match='pip install no_such_runtime'):
        import_runtime('no_such_runtime')


def test_every_engine_is_a_kind_of_the_configuration():
    assert {'auto', *ENGINES} <= set(EngineConfig.model_fields['kind'].annotation.__args__)
