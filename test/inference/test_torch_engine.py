"""Engine torch: what it reads, what it refuses, and its way through the buffers of a GPU."""

import io
import json
import logging
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed: engine torch is not tested')

import torch
from cuda_double import CudaDouble
from engine_runs import infer
from stand_in_torch import OUTPUTS, Identity, StandIn, write_torch_stand_in

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import ConfigError, EngineError, ModelError
from stream_infer_ros.inference.engines import EngineSpec
from stream_infer_ros.inference.engines.device import DeviceRunner
from stream_infer_ros.inference.engines.torch.picture_model import PictureModel
from stream_infer_ros.inference.engines.torch.torch_engine import TorchEngine
from stream_infer_ros.inference.engines.torch.torch_file import described, read_file
from stream_infer_ros.inference.engines.torch.torch_network import TorchNetwork
from stream_infer_ros.inference.input_packing import AS_THEY_ARE, ImageInput, Normalisation
from stream_infer_ros.inference.surround_contract import METADATA

pytestmark = pytest.mark.filterwarnings('ignore:.*torch.jit.*:DeprecationWarning')


@pytest.fixture(scope='module')
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_torch_stand_in(tmp_path_factory.mktemp('torch') / 'stand_in.pt2')


@pytest.fixture(scope='module')
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_torch_stand_in(tmp_path_factory.mktemp('torch') / 'stand_in.pt')


@pytest.fixture(scope='module')
def pictures() -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (5, 240, 320, 3), np.uint8)


def expected_ground(pictures: np.ndarray) -> np.ndarray:
    return pictures.reshape(len(pictures), 60, 4, 80, 4, 3).mean(axis=(2, 4, 5)) / 255


def spec(path: Path, **options: object) -> EngineSpec:
    return EngineSpec(EngineConfig(kind='torch', threads=1, **options), path)


def loaded(path: Path, **options: object) -> TorchEngine:
    engine = TorchEngine(spec(path, **options))
    engine.load()
    return engine


def test_torchscript_gives_what_the_exported_program_gives(program, script, pictures):
    programmed, scripted = loaded(program), loaded(script)
    assert scripted.io == programmed.io
    assert scripted.io.metadata == METADATA
    expected = infer(programmed, pictures[:3])
    assert list(expected) == OUTPUTS
    for name, array in infer(scripted, pictures[:3]).items():
        np.testing.assert_allclose(array, expected[name], atol=1e-6)


def test_pictures_are_normalised_as_elsewhere(tmp_path, pictures):
    path = write_torch_stand_in(tmp_path / 'float.pt2', dtype='float32', layout='nchw')
    normalisation = Normalisation(1 / 255, (0.4, 0.5, 0.6), (0.2, 0.3, 0.25))
    engine = TorchEngine(replace(spec(path), normalisation_of=lambda _: normalisation))
    engine.load()
    packed = ImageInput.of(engine.io, normalisation).pack(pictures[:2])
    cells = packed.reshape(2, 3, 60, 4, 80, 4).mean(axis=(1, 3, 5)) / 255
    np.testing.assert_allclose(infer(engine, pictures[:2])['ground'], cells, atol=1e-6)


def test_a_network_that_hands_its_input_through_does_not_hand_out_the_callers(tmp_path, pictures):
    told = {'input': {'name': 'images', 'dtype': 'uint8', 'shape': [-1, 240, 320, 3]}}
    path = tmp_path / 'identity.pt'
    torch.jit.save(torch.jit.script(Identity()), path, _extra_files={'stream_infer.json': json.dumps(told)})
    (output,) = infer(loaded(path), pictures[:2]).values()
    np.testing.assert_array_equal(output, pictures[:2])
    assert not np.shares_memory(output, pictures)


@pytest.mark.parametrize(
    ('precision', 'atol'), [('auto', 1e-6), ('fp32', 1e-6), ('fp16', 2e-3), ('bf16', 2e-2)]
)
def test_precision_is_honoured(precision, atol, program, pictures):
    exact = infer(loaded(program), pictures[:2])['boxes']
    boxes = infer(loaded(program, precision=precision), pictures[:2])['boxes']
    np.testing.assert_allclose(boxes, exact, atol=atol)
    assert np.array_equal(boxes, exact) == (precision in {'auto', 'fp32'})  # else it was ignored


@pytest.mark.parametrize('precision', ['int8', 'fp8'])
def test_precision_it_has_not_is_refused(precision, program):
    with pytest.raises(EngineError, match=f'got {precision}; .*quantised'):
        loaded(program, precision=precision)


def test_fp32_is_refused_for_a_network_in_half(tmp_path):
    images = torch.zeros((1, 3, 8, 8), dtype=torch.float16)
    network = torch.nn.Conv2d(3, 4, 3).half().eval()
    path = tmp_path / 'half.pt2'
    torch.export.save(torch.export.export(network, (images,)), path)
    assert loaded(path).io.outputs[0].dtype == 'float16'
    with pytest.raises(EngineError, match='float16; set it to auto'):
        loaded(path, precision='fp32')


@pytest.mark.parametrize(
    ('device', 'error', 'message'),
    [
        ('NPU', ConfigError, 'auto, cpu, cuda or cuda:<number>'),
        ('cuda:one', ConfigError, 'auto, cpu, cuda or cuda:<number>'),
        ('cuda:1', EngineError, "'cuda:1', found none.*engine.device to cpu"),
    ],
)
def test_a_device_that_is_not_there_is_refused(device, error, message, program, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(error, match=message):
        loaded(program, device=device)
    assert loaded(program, device='CPU').io.outputs


def test_an_onnx_file_is_refused_with_the_way_out(tmp_path):
    (tmp_path / 'model.onnx').write_bytes(b'\x08\x08')
    with pytest.raises(ModelError, match=r'engine.kind tensorrt, openvino or onnxruntime.*torch.export.save'):
        loaded(tmp_path / 'model.onnx')


def saved(value: object, **options: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    'data',
    [
        pytest.param(lambda: saved(StandIn().state_dict()), id='state dict'),
        pytest.param(lambda: saved(StandIn()), id='module'),
        pytest.param(
            lambda: saved(StandIn().state_dict(), _use_new_zipfile_serialization=False), id='legacy'
        ),
        pytest.param(lambda: pickle.dumps({'model': 1}), id='plain pickle'),
    ],
)
def test_a_checkpoint_is_refused_with_the_way_out(data, tmp_path):
    path = tmp_path / 'checkpoint.pt'
    path.write_bytes(data())
    with pytest.raises(ModelError, match=r'checkpoint of PyTorch.*torch.onnx.export'):
        loaded(path)


class Touch:
    """Pickled code: whoever unpickles it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.path),)


def with_changed(program: Path, path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A copy of an archive, each member changed; None leaves it out."""
    with zipfile.ZipFile(program) as old, zipfile.ZipFile(path, 'w') as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return path


def test_nothing_that_is_pickled_in_a_program_is_run(program, tmp_path):
    trace = tmp_path / 'ran'
    bomb = saved(Touch(trace))

    def sample(name: str, data: bytes) -> bytes:
        return bomb if 'sample_inputs' in name else data

    def weight(name: str, data: bytes) -> bytes:
        if name.endswith('weights_config.json'):
            return data.replace(b'"use_pickle": false', b'"use_pickle": true')
        return bomb if name.endswith('weights/weight_0') else data

    def constant(name: str, data: bytes) -> bytes:
        if name.endswith('constants_config.json'):
            entry = {'path_name': 'opaque_obj_0', 'is_param': False, 'use_pickle': False, 'tensor_meta': None}
            return json.dumps({'config': {'x': entry}}).encode()
        return data

    # These are what torch itself would run: the check is worth something only if it does.
    with suppress(Exception):
        torch.export.load(with_changed(program, tmp_path / 'plain.pt2', weight))
    ran = trace.exists()
    if ran:
        trace.rmdir()
    for number, change in enumerate((sample, weight, constant)):
        path = with_changed(program, tmp_path / f'{number}.pt2', change)
        with pytest.raises(ModelError, match='pickled object'):
            loaded(path)
    assert ran
    assert not trace.exists()


def test_a_program_of_an_older_torch_is_read_and_its_pickled_code_is_not_run(program, tmp_path, pictures):
    serialize = pytest.importorskip('torch._export.serde.serialize')
    if not hasattr(serialize, 'serialize'):
        pytest.skip('this torch writes no older format')
    artifact = serialize.serialize(torch.export.load(program))
    members = {
        'serialized_exported_program.json': artifact.exported_program,
        'serialized_state_dict.pt': artifact.state_dict,
        'serialized_constants.pt': artifact.constants,
        'serialized_example_inputs.pt': artifact.example_inputs,
        'version': '.'.join(map(str, serialize.SCHEMA_VERSION)),
        'extra_files/stream_infer.json': json.dumps({'outputs': OUTPUTS, 'metadata': METADATA}),
    }

    def written(name: str, **changed: bytes) -> Path:
        with zipfile.ZipFile(tmp_path / name, 'w') as archive:
            for member, data in {**members, **changed}.items():
                archive.writestr(member, data)
        return tmp_path / name

    np.testing.assert_array_equal(
        infer(loaded(written('old.pt2')), pictures[:2])['ground'],
        infer(loaded(program), pictures[:2])['ground'],
    )
    bomb = saved(Touch(tmp_path / 'ran'))
    for number, member in enumerate(('serialized_constants.pt', 'serialized_constants.json')):
        path = written(f'{number}.pt2', **{member: bomb})
        with pytest.raises(ModelError, match='pickled object'):
            loaded(path)
    assert not (tmp_path / 'ran').exists()


@pytest.mark.filterwarnings('ignore:Duplicate name')
def test_an_archive_with_two_files_of_one_name_is_refused(program, tmp_path):
    path = tmp_path / 'twice.pt2'
    path.write_bytes(program.read_bytes())
    with zipfile.ZipFile(path, 'a') as archive:
        archive.writestr('stand_in/DATA/sample_inputs/model.pt', b'')
    with pytest.raises(ModelError, match='two files of one name'):
        loaded(path)


def test_a_compiled_program_is_refused(program, tmp_path):
    path = tmp_path / 'compiled.pt2'
    path.write_bytes(program.read_bytes())
    with zipfile.ZipFile(path, 'a') as archive:
        archive.writestr('stand_in/data/aotinductor/model/model.so', b'code')
    with pytest.raises(ModelError, match='compiled for one machine'):
        loaded(path)


def test_torchscript_that_does_not_say_its_input_is_asked_about(tmp_path, pictures):
    path = tmp_path / 'silent.pt'
    images = torch.zeros((2, 240, 320, 3), dtype=torch.uint8)
    torch.jit.save(torch.jit.trace(StandIn().eval(), images), path)
    with pytest.raises(ModelError, match=r'silent\.json.*"shape"'):
        loaded(path)
    told = {
        'input': {'name': 'images', 'dtype': 'uint8', 'shape': [-1, 240, 320, 3]},
        'outputs': OUTPUTS,
        'metadata': METADATA,
    }
    path.with_suffix('.json').write_text(json.dumps(told))
    assert loaded(path).io.metadata == METADATA
    assert list(infer(loaded(path), pictures[:1])) == OUTPUTS
    path.with_suffix('.json').write_text(json.dumps({**told, 'outputs': OUTPUTS[:2]}))
    with pytest.raises(ModelError, match='names of 3 outputs'):
        loaded(path)
    for broken in ('{', '[]', '{"input": {"shape": [1]}}', '{"outputs": 3}', '{"metadata": []}'):
        path.with_suffix('.json').write_text(broken)
        with pytest.raises(ModelError, match=r'silent\.json'):
            loaded(path)


def test_torchscript_of_ultralytics_tells_all_by_itself(tmp_path, pictures):
    path = tmp_path / 'yolo.pt'
    images = torch.zeros((1, 3, 240, 320))
    told = {
        'description': 'Ultralytics',
        'stride': 32,
        'task': 'detect',
        'batch': 1,
        'imgsz': [240, 320],
        'names': {'0': 'cone', '1': 'car'},
    }
    torch.jit.save(
        torch.jit.trace(torch.nn.Conv2d(3, 6, 3).eval(), images),
        path,
        _extra_files={'config.txt': json.dumps(told)},
    )
    engine = loaded(path)
    assert engine.io.inputs[0].shape == (1, 3, 240, 320)
    assert engine.io.metadata['names'] == "{0: 'cone', 1: 'car'}"  # as it stands in its ONNX files
    assert engine.io.metadata['imgsz'] == '[240, 320]'
    assert infer(engine, pictures[:3])['output0'].shape == (3, 6, 238, 318)


def test_a_network_that_does_not_run_as_it_says_is_refused(tmp_path):
    path = tmp_path / 'wrong.pt'
    told = {'input': {'name': 'images', 'dtype': 'float32', 'shape': [-1, 240, 320, 3]}}
    traced = torch.jit.trace(torch.nn.Conv2d(3, 6, 3).eval(), torch.zeros((1, 3, 240, 320)))
    torch.jit.save(traced, path, _extra_files={'stream_infer.json': json.dumps(told)})
    with pytest.raises(EngineError, match=r'2 image\(s\) of \(240, 320, 3\) on cpu, torch says: .*channels'):
        loaded(path)


def test_no_more_images_at_once_than_the_program_takes(tmp_path, pictures):
    batch = torch.export.Dim('batch', min=1, max=2)
    network = torch.nn.Conv2d(3, 6, 3).eval()
    images = torch.zeros((2, 3, 240, 320))
    program = torch.export.export(network, (images,), dynamic_shapes={'input': {0: batch}})
    torch.export.save(program, tmp_path / 'two.pt2')
    (output,) = infer(loaded(tmp_path / 'two.pt2'), pictures[:5]).values()
    with torch.inference_mode():
        expected = network(torch.from_numpy(pictures).permute(0, 3, 1, 2).float())
    np.testing.assert_allclose(output, expected.numpy(), atol=1e-2)


class OnDouble:
    """See TorchOnStream: memory of a CudaDouble. What torch does is done when it is queued."""

    def __init__(self, cuda: CudaDouble) -> None:
        self.cuda = cuda

    def tensor_at(self, address: int, dtype: str, shape: tuple[int, ...]) -> Any:
        return torch.from_numpy(self.cuda.view(address, dtype, shape))

    @contextmanager
    def on(self, stream: int) -> Iterator[None]:
        self.cuda.synchronise_stream(stream)
        yield

    def record(self, stream: int, queue: Callable[[], object]) -> Any:
        raise EngineError('the double of torch records nothing')


@pytest.mark.parametrize('schedule', ['late', 'early', 1, 2])
@pytest.mark.parametrize('batch', ['batch', 2])
def test_through_the_buffers_of_a_gpu_it_gives_the_same(schedule, batch, tmp_path, pictures, caplog):
    path = write_torch_stand_in(tmp_path / 'network.pt2', batch=batch)
    plain = infer(loaded(path), pictures[:5])
    file = read_file(path, torch, 'cpu')
    network_io = described(file, path)
    image_input = spec(path).image_input(network_io)
    model = PictureModel(file, image_input, torch, 'cpu', 'auto')
    outputs = model.outputs(file.description.outputs, path)
    fed = replace(image_input, dtype='uint8', layout='nhwc', normalisation=AS_THEY_ARE)
    cuda = CudaDouble(schedule)
    runner = DeviceRunner(cuda, 0, TorchNetwork(OnDouble(cuda), model, fed, outputs, 2), fed, 2, graphs=True)
    with caplog.at_level(logging.WARNING):
        runner.open()
        for _ in range(2):
            runs = runner.infer(pictures)
    assert [count for _, count in runs] == [2, 2, 1]
    for place, name in enumerate(OUTPUTS):
        together = np.concatenate([arrays[place] for arrays, _ in runs])
        np.testing.assert_allclose(together, plain[name], atol=1e-6)
    assert caplog.text.count('records nothing') == 1
    runner.close()
    assert cuda.held() == {}
