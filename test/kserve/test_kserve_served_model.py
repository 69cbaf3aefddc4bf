import pytest

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.engines.kserve.served_model import ServedModel, served_model
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

IMAGES = {'name': 'images', 'datatype': 'UINT8', 'shape': ['-1', '240', '320', '3']}  # as gRPC writes it
BOXES = {'name': 'boxes', 'datatype': 'FP32', 'shape': [-1, 100, 8]}
MODEL = {'name': 'surround', 'inputs': [IMAGES], 'outputs': [BOXES]}


def test_reads_tensors_batch_and_parameters():
    config = {'max_batch_size': 8, 'parameters': {'family': {'string_value': 'surround'}}}
    assert served_model(MODEL, config) == ServedModel(
        EngineIo(
            (TensorInfo('images', 'uint8', (-1, 240, 320, 3)),),
            (TensorInfo('boxes', 'float32', (-1, 100, 8)),),
            {'family': 'surround'},
        ),
        8,
    )


def test_a_server_without_configuration_tells_less():
    model = served_model(MODEL, {})
    assert (model.max_batch, model.io.metadata) == (0, {})


@pytest.mark.parametrize(
    ('metadata', 'config', 'message'),
    [
        ({'name': 'm'}, {}, 'inputs and outputs'),
        ({**MODEL, 'inputs': [{**IMAGES, 'datatype': 'BYTES'}]}, {}, 'got BYTES'),
        ({**MODEL, 'outputs': [{**BOXES, 'datatype': 'BF16'}]}, {}, 'got BF16'),
        ({**MODEL, 'outputs': [{**BOXES, 'shape': [1, 100, 8]}]}, {'max_batch_size': 4}, 'max_batch_size 4'),
    ],
)
def test_a_description_we_cannot_use_is_refused(metadata, config, message):
    with pytest.raises(ModelError, match=message):
        served_model(metadata, config)


def test_another_model_is_told_from_the_same():
    model = served_model(MODEL, {'parameters': {'family': {'string_value': 'a'}}})
    assert model.difference(model) == ''
    assert model.difference(served_model(MODEL, {})) == '', 'not every server has a place for metadata'
    fixed = {**MODEL, 'outputs': [{**BOXES, 'shape': [1, 100, 8]}]}
    assert model.difference(served_model(fixed, {})) == '', 'a free dimension fits any'
    other = served_model(MODEL, {'parameters': {'family': {'string_value': 'b'}}})
    assert 'family' in model.difference(other)
    wider = served_model({**MODEL, 'inputs': [{**IMAGES, 'shape': [-1, 480, 640, 3]}]}, {})
    assert 'inputs images uint8 (?, 480, 640, 3)' in model.difference(wider)
    assert 'outputs' in model.difference(served_model({**MODEL, 'outputs': [BOXES, BOXES]}, {}))
