import shutil

import pytest
from free_size_network import write_free_size_network
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from stream_infer_ros.cli.app import app
from stream_infer_ros.errors import ConfigError, ModelError
from stream_infer_ros.inference.engines.kserve.triton_repository import repository_config, write_repository
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo
from stream_infer_ros.inference.surround_contract import METADATA, surround_io
from stream_infer_ros.resources import default_model

model_config_pb2 = pytest.importorskip(
    'tritonclient.grpc.model_config_pb2', reason='tritonclient is not installed: config.pbtxt was not read'
)
text_format = pytest.importorskip('google.protobuf.text_format')


def parsed(text: str):
    """As Triton reads it."""
    return text_format.Parse(text, model_config_pb2.ModelConfig())


@pytest.mark.parametrize('backend', ['onnxruntime', 'tensorrt', 'openvino', 'python'])
def test_triton_reads_the_configuration(backend):
    config = parsed(repository_config('net', surround_io(), backend, 8, 2, METADATA))
    assert (config.name, config.max_batch_size) == ('net', 8)
    assert config.backend == ('onnxruntime' if backend == 'tensorrt' else backend)
    assert [(t.name, list(t.dims)) for t in config.input] == [('images', [240, 320, 3])]
    assert config.input[0].data_type == model_config_pb2.TYPE_UINT8
    assert {t.name for t in config.output} == {'boxes', 'free_space', 'ground'}
    assert {t.data_type for t in config.output} == {model_config_pb2.TYPE_FP32}
    assert config.HasField('dynamic_batching')
    assert config.instance_group[0].count == 2
    assert {key: value.string_value for key, value in config.parameters.items()} == METADATA
    accelerators = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert [a.name for a in accelerators] == (['tensorrt'] if backend == 'tensorrt' else [])


def test_a_fixed_batch_is_served_as_it_is():
    io = EngineIo(
        (TensorInfo('in', 'float32', (1, 3, 64, 64)),), (TensorInfo('out', 'float16', (1, -1, 85)),), {}
    )
    config = parsed(repository_config('net', io, 'onnxruntime', 8, 1, {}))
    assert config.max_batch_size == 0
    assert list(config.input[0].dims) == [1, 3, 64, 64]
    assert list(config.output[0].dims) == [1, -1, 85]
    assert not config.HasField('dynamic_batching')


@given(st.text(st.characters(exclude_categories=['Cs'])))
def test_metadata_of_any_text_comes_back(text):
    config = parsed(repository_config('net', surround_io(), 'python', 8, 1, {'names': text}))
    assert config.parameters['names'].string_value == text


@pytest.mark.parametrize('name', ['.hidden', 'a/b', '../up', 'with space', '-x'])
def test_names_that_are_no_folder_are_refused(name, tmp_path):
    with pytest.raises(ConfigError, match='--name'):
        write_repository(tmp_path, default_model(), surround_io(), name=name)
    assert not list(tmp_path.iterdir())


def test_a_tensor_triton_cannot_hold_is_refused(tmp_path):
    io = EngineIo(surround_io().inputs, (TensorInfo('out', 'complex64', (-1, 4)),), {})
    with pytest.raises(ModelError, match='complex64'):
        write_repository(tmp_path, default_model(), io)
    assert not list(tmp_path.iterdir())


def test_the_command_writes_a_repository(tmp_path):
    result = CliRunner().invoke(
        app, ['export-triton', str(tmp_path), '--backend', 'python', '--name', 'eyes']
    )
    assert result.exit_code == 0, result.output
    assert (tmp_path / 'eyes/1/model.onnx').read_bytes() == default_model().read_bytes()
    assert 'TritonPythonModel' in (tmp_path / 'eyes/1/model.py').read_text()
    assert (
        parsed((tmp_path / 'eyes/config.pbtxt').read_text()).parameters['family'].string_value == 'surround'
    )
    # Again, with another file and backend: what is of no use any more goes.
    shutil.copy(default_model(), tmp_path / 'eyes.onnx')
    result = CliRunner().invoke(app, ['export-triton', str(tmp_path / 'eyes.onnx'), str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert not (tmp_path / 'eyes/1/model.py').exists()
    assert parsed((tmp_path / 'eyes/config.pbtxt').read_text()).backend == 'onnxruntime'


def test_the_size_that_a_card_says_goes_with_the_model(tmp_path):
    model, card = write_free_size_network(tmp_path / 'mean.onnx'), tmp_path / 'card.yaml'
    card.write_text('input_size: [48, 64]\n')
    told = ['export-triton', str(model), str(tmp_path), '--card', str(card)]
    result = CliRunner().invoke(app, told)
    assert result.exit_code == 0, result.output
    config = parsed((tmp_path / 'mean/config.pbtxt').read_text())
    assert config.parameters['imgsz'].string_value == '[48, 64]'
    assert list(config.input[0].dims) == [3, -1, -1]
