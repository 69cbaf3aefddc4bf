"""A plan in place of an ONNX file is run as it is, with the metadata in the header of Ultralytics."""

import json
from pathlib import Path

import numpy as np
import pytest
from cuda_double import CudaDouble

pytest.importorskip('onnxruntime')
pytest.importorskip('onnx')

from constant_network import write_constant
from engine_runs import infer
from recorded_tensorrt import RECORDED, tensorrt_as_recorded
from stand_in_network import write_identity
from tensorrt_double import STALE, TensorRtDouble

from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference import make_decoder, network_card
from stream_infer_ros.inference.engines import EngineSpec
from stream_infer_ros.inference.engines.tensorrt.flavour import Flavour, logger_of
from stream_infer_ros.inference.engines.tensorrt.given_plan import given_network
from stream_infer_ros.inference.engines.tensorrt.onnx_file import read_onnx

HEADER = {
    'description': 'Ultralytics YOLO11n model',
    'author': 'Ultralytics',
    'task': 'detect',
    'stride': 32,
    'names': {'0': 'person', '1': 'dog'},
    'imgsz': [64, 96],
}


def with_header(path: Path, plan: bytes) -> Path:
    text = json.dumps(HEADER).encode()
    path.write_bytes(len(text).to_bytes(4, 'little') + text + plan)
    return path


def spec(path: Path, max_batch: int = 6, **options: object) -> EngineSpec:
    return EngineSpec(
        EngineConfig(kind='tensorrt', **options),
        path,
        max_batch,
        normalisation_of=lambda io: network_card(ModelConfig(), io).normalisation,
    )


def test_an_engine_of_ultralytics_is_decoded_with_its_metadata(tmp_path):
    head = np.zeros((1, 6, 126))
    head[0, :4, 7], head[0, 5, 7] = (48, 32, 20, 10), 0.75
    network = write_constant(tmp_path / 'yolo11n.onnx', {'output0': head}, input_name='images').read_bytes()
    double = TensorRtDouble(CudaDouble())
    double.give(network, 1)
    engine = double.engine(spec(with_header(tmp_path / 'yolo11n.engine', network)))
    engine.load()
    decoder = make_decoder(ModelConfig(), engine.io)
    assert (decoder.card.family, decoder.class_names) == ('yolov8', ('person', 'dog'))
    assert engine.io.metadata['imgsz'] == '[64, 96]'
    assert double.built == []
    outputs = infer(engine, np.zeros((3, 64, 96, 3), np.uint8))
    np.testing.assert_allclose(outputs['output0'], np.repeat(head, 3, axis=0), atol=1e-6)
    engine.close()
    assert double.cuda.held() == {}
    assert not double.alive


@pytest.mark.parametrize(('batch', 'most'), [(1, 1), (4, 4), ('batch', 2), ('batch', 16)])
def test_pictures_are_packed_as_the_plan_takes_them(batch, most, tmp_path):
    network = write_identity(tmp_path / 'm.onnx', [batch, 3, 64, 96], 'float32', 1).read_bytes()
    double = TensorRtDouble(CudaDouble())
    double.give(network, most)
    path = tmp_path / 'm.plan'
    engine = double.engine(EngineSpec(EngineConfig(kind='tensorrt'), with_header(path, network), 6))
    engine.load()
    pictures = np.random.default_rng(3).integers(0, 256, (7, 64, 96, 3), np.uint8)
    (output,) = infer(engine, pictures).values()
    np.testing.assert_allclose(output, pictures.transpose(0, 3, 1, 2))
    engine.close()


def test_a_plan_of_another_tensorrt_or_gpu_is_refused_with_the_way_out(tmp_path):
    double = TensorRtDouble(CudaDouble())
    with pytest.raises(ModelError, match=r'a plan of tensorrt 0\.0 for this GPU .*the reason; give the ONNX'):
        double.engine(spec(with_header(tmp_path / 'old.engine', STALE))).load()
    assert double.cuda.held() == {}
    assert not double.alive


def test_a_plan_has_its_precision(tmp_path):
    with pytest.raises(EngineError, match=r'engine\.precision auto for m\.engine'):
        TensorRtDouble(CudaDouble()).engine(
            spec(with_header(tmp_path / 'm.engine', b'ftrt'), precision='fp16')
        ).load()


def test_no_plan_is_built_from_a_plan(tmp_path):
    with pytest.raises(ModelError, match='expected an ONNX file to build a plan from, got a plan'):
        read_onnx(with_header(tmp_path / 'm.engine', b'ftrt'))


@pytest.mark.parametrize('name', RECORDED)
def test_every_version_of_tensorrt_is_asked_in_its_own_words(name, tmp_path):
    shapes = {'images': (-1, 3, 64, 96), 'output0': (-1, 6, 126)}

    class Mode:
        def __init__(self, tensor: str) -> None:
            self.name = 'INPUT' if tensor == 'images' else 'OUTPUT'

    answers = {
        'ICudaEngine.num_io_tensors': lambda *_: 2,
        'ICudaEngine.get_tensor_name': lambda _, given: list(shapes)[given['index']],
        'ICudaEngine.get_tensor_shape': lambda _, given: shapes[given['name']],
        'ICudaEngine.get_tensor_mode': lambda _, given: Mode(given['name']),
        'ICudaEngine.get_tensor_dtype': lambda *_: trt.DataType.FLOAT,
        'ICudaEngine.get_tensor_profile_shape': lambda *_: [(1, 3, 64, 96), (4, 3, 64, 96), (8, 3, 64, 96)],
        'ICudaEngine.device_memory_size_v2': lambda *_: 1000,
        'IExecutionContext.get_tensor_shape': lambda *_: (4, 6, 126),
    }
    trt = tensorrt_as_recorded(name, answers)
    flavour = Flavour(name.split(maxsplit=1)[0], trt.__version__, trt, logger_of(trt))
    cuda = CudaDouble()
    cuda.use(0)
    plan, network = given_network(spec(with_header(tmp_path / 'm.engine', b'ftrt'), 4), cuda, flavour)
    assert plan.max_batch == 4
    assert plan.io.inputs[0].shape == shapes['images']
    assert [output.name for output in network.outputs] == ['output0']
    network.close()
