"""What is said of the engines of a machine, and which one 'auto' means."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_runs import infer
from stand_in_network import write_identity, write_stand_in
from typer.testing import CliRunner

from stream_infer_ros.cli.app import app
from stream_infer_ros.config import EngineConfig, KserveConfig
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference import make_engine
from stream_infer_ros.inference.engines import ENGINES, EngineSpec, engine_kind, instances, registry
from stream_infer_ros.inference.engines.availability import Availability, nvidia_gpus
from stream_infer_ros.inference.engines.onnxruntime_providers import find_onnxruntime

ONNX = Path('model.onnx')
HERE, NOT_HERE = Availability('there'), Availability(problem='not installed', remedy='pip install it')


@pytest.fixture
def machine(monkeypatch):
    """A machine on which only these engines work."""

    def with_engines(*kinds):
        finders = {kind: lambda kind=kind: HERE if kind in kinds else NOT_HERE for kind in registry.FINDERS}
        monkeypatch.setattr(registry, 'FINDERS', finders)

    return with_engines


def test_auto_takes_the_best_that_works(machine):
    machine('tensorrt', 'openvino', 'onnxruntime', 'torch', 'kserve')
    assert engine_kind(EngineConfig(), ONNX) == 'tensorrt'
    machine('openvino', 'onnxruntime')
    assert engine_kind(EngineConfig(), ONNX) == 'openvino'
    machine('onnxruntime', 'torch')
    assert engine_kind(EngineConfig(), ONNX) == 'onnxruntime'
    assert engine_kind(EngineConfig(kind='fake'), ONNX) == 'fake'


def test_auto_looks_at_the_file_and_at_named_servers(machine):
    machine('tensorrt', 'openvino', 'onnxruntime', 'torch', 'kserve')
    assert engine_kind(EngineConfig(), Path('model.pt2')) == 'torch'
    assert engine_kind(EngineConfig(), Path('model.xml')) == 'openvino'
    served = EngineConfig(kserve=KserveConfig(endpoints=('grpc://gpu1:8001',)))
    assert engine_kind(served, ONNX) == 'kserve'


@pytest.mark.parametrize(
    ('kind', 'device', 'gpus', 'devices'),
    [
        ('tensorrt', 'auto', 0, ['cuda:0', 'cuda:1', 'cuda:2']),
        ('torch', 'cuda', 1, ['cuda:0', 'cuda:1', 'cuda:2']),  # asked for, and refused where there is none
        ('torch', 'auto', 4, ['cuda:0', 'cuda:1', 'cuda:2']),
        ('torch', 'auto', 2, ['cuda:0', 'cuda:1', 'cuda:0']),
        ('torch', 'auto', 1, ['cuda:0'] * 3),
        ('torch', 'auto', 0, ['auto'] * 3),
        ('torch', 'cpu', 2, ['cpu'] * 3),
        ('torch', 'cuda:1', 2, ['cuda:1'] * 3),
        ('openvino', 'auto', 2, ['auto'] * 3),
    ],
)
def test_several_engines_of_one_kind_spread_over_the_gpus(kind, device, gpus, devices):
    made = instances(EngineConfig(device=device, instances=3), kind, lambda: gpus)
    assert [one.device for one in made] == devices
    assert {one.kind for one in made} == {kind}
    assert len(instances(EngineConfig(device=device), kind, lambda: gpus)) == 1


def test_where_nothing_works_every_reason_is_told(machine):
    machine('torch')
    with pytest.raises(EngineError) as told:
        engine_kind(EngineConfig(), ONNX)
    for kind in ('tensorrt', 'openvino', 'onnxruntime'):
        assert f'{kind}: not installed (pip install it)' in str(told.value)


def test_a_runtime_that_is_installed_and_does_not_start_is_told_and_passed_over(tmp_path):
    """A library of CUDA is missing, say: the import fails."""
    for kind in ('openvino', 'onnxruntime'):
        (tmp_path / f'{kind}.py').write_text(
            'raise ImportError("libmissing.so.1: cannot open shared object")'
        )
    told = subprocess.run(
        [sys.executable, '-m', 'stream_infer_ros', 'engines', '--json'],
        env=os.environ | {'PYTHONPATH': os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    found_there = json.loads(told.stdout)['engines']
    for kind in ('openvino', 'onnxruntime'):
        assert 'libmissing.so.1' in found_there[kind]['problem']
        assert kind in found_there[kind]['remedy']


def test_every_engine_but_the_fake_one_can_be_found():
    assert (
        set(ENGINES) - {'fake'}
        <= set(registry.FINDERS)
        <= set(EngineConfig.model_fields['kind'].annotation.__args__)
    )


def test_the_command_tells_of_every_engine(machine):
    machine('openvino')
    result = CliRunner().invoke(app, ['engines', '--json'])
    told = json.loads(result.stdout)
    assert told['auto'] == 'openvino'
    assert set(told['engines']) == set(registry.FINDERS)
    assert told['engines']['torch']['remedy'] == 'pip install it'
    words = CliRunner().invoke(app, ['engines'], env={'COLUMNS': '200'}).stdout
    assert 'auto uses openvino for surround.onnx' in words


def test_the_real_machine_is_described_without_failing():
    told = json.loads(CliRunner().invoke(app, ['engines', '--json']).stdout)['engines']
    for engine in told.values():
        assert bool(engine['problem']) == bool(engine['remedy'])
        assert engine['found'] or engine['problem']


@pytest.mark.skipif(bool(nvidia_gpus()), reason='a machine without a GPU is needed, this one has one')
def test_a_machine_without_a_gpu_has_none():
    assert nvidia_gpus() == ()


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    return write_stand_in(tmp_path_factory.mktemp('model') / 'stand_in.onnx')


@pytest.mark.parametrize(
    ('kind', 'options', 'message'),
    [
        ('openvino', {'device': 'NPU9'}, 'one of .*CPU.*NPU9'),
        ('openvino', {'precision': 'fp8'}, 'can do .*fp32.*got fp8'),
        ('openvino', {'precision': 'int8'}, 'quantised model'),
        ('onnxruntime', {'device': 'tpu'}, "auto, cuda.*'tpu'"),
        ('onnxruntime', {'device': 'cuda'}, 'CUDAExecutionProvider.*onnxruntime-gpu'),
        ('onnxruntime', {'device': 'cuda:x'}, ':N'),
        ('onnxruntime', {'precision': 'fp16'}, 'auto or fp32, got fp16'),
        ('onnxruntime', {'precision': 'int8'}, 'quantise the model and set auto'),
    ],
)
def test_what_a_runtime_cannot_do_is_refused_with_the_reason(kind, options, message, model):
    pytest.importorskip(kind, reason=f'{kind} is not installed')
    if options.get('device') == 'cuda' and 'cuda' in find_onnxruntime().devices:
        pytest.skip('this ONNX Runtime has CUDA')
    with pytest.raises(EngineError, match=message):
        make_engine(EngineSpec(EngineConfig(kind=kind, **options), model)).load()


@pytest.mark.parametrize('kind', ['openvino', 'onnxruntime'])
def test_the_cpu_can_be_named(kind, model):
    pytest.importorskip(kind, reason=f'{kind} is not installed')
    engine = make_engine(EngineSpec(EngineConfig(kind=kind, device='cpu', precision='fp32'), model))
    engine.load()
    engine.close()


@pytest.mark.parametrize('kind', ['openvino', 'onnxruntime'])
def test_a_network_of_a_fixed_batch_runs_any_number_of_images(kind, tmp_path):
    pytest.importorskip(kind, reason=f'{kind} is not installed')
    path = write_identity(tmp_path / 'four.onnx', [4, 3, 8, 16], 'float32', 1)
    engine = make_engine(EngineSpec(EngineConfig(kind=kind, precision='fp32'), path))
    engine.load()
    pictures = np.random.default_rng(3).integers(0, 256, (9, 8, 16, 3), np.uint8)
    for n in (1, 4, 9):
        (output,) = infer(engine, pictures[:n]).values()
        np.testing.assert_allclose(output, pictures[:n].transpose(0, 3, 1, 2))
