"""The format of a model file is found from its content. Other files are described, with the remedy."""

import io
import json
import pickle
import struct
import zipfile

import pytest
from stand_in_network import write_stand_in

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference import engine_kind, make_engine
from stream_infer_ros.inference.engines import EngineSpec, registry
from stream_infer_ros.inference.engines.availability import Availability
from stream_infer_ros.inference.model_file import ModelFormat, model_format
from stream_infer_ros.resources import default_model

HEADER = {'names': {'0': 'person'}, 'task': 'detect', 'imgsz': [640, 640], 'stride': 32}
PLAN = b'ftrt' + bytes(4000)


def with_header(header: object) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack('<i', len(text)) + text + PLAN


def zipped(*names: str, content: bytes = b'x') -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as archive:
        for name in names:
            archive.writestr(name, content)
    return file.getvalue()


def saved_model() -> bytes:
    return b'\x08\x01\x12' + bytes([0x80, 0x02]) + bytes(256)


def graph_def() -> bytes:
    node = b'\x0a\x06images\x12\x0bPlaceholder'
    return (b'\x0a' + bytes([len(node)]) + node) * 3


LFS = b'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345678\n'
IR = b'<?xml version="1.0"?>\n<net name="Model0" version="11">\n<layers/></net>\n'
SAFETENSORS = struct.pack('<Q', 40) + json.dumps({'w': {'dtype': 'F32'}}).ljust(40).encode() + bytes(100)

RUNNABLE = {
    'yolo11n.engine': (with_header(HEADER), ModelFormat.TENSORRT_PLAN),
    'yolo11n.plan': (PLAN, ModelFormat.TENSORRT_PLAN),
    'named.onnx': (PLAN, ModelFormat.TENSORRT_PLAN),
    'model.xml': (IR, ModelFormat.OPENVINO_IR),
    'yolo11n.torchscript': (zipped('m/constants.pkl', 'm/code/__torch__.py'), ModelFormat.TORCHSCRIPT),
    'yolo11n.pt': (zipped('m/constants.pkl', 'm/code/x.py', 'm/data.pkl'), ModelFormat.TORCHSCRIPT),
    'model.pt2': (zipped('m/models/model.json', 'm/data/weights/w'), ModelFormat.EXPORTED_PROGRAM),
    'model.ort': (struct.pack('<I', 32) + b'ORTM' + bytes(100), ModelFormat.ORT),
    'model.dat': (b'\xff\xfe' * 100, ModelFormat.UNKNOWN),
}
FOREIGN = {
    'pointer.onnx': (LFS, 'a pointer of Git LFS (the file itself has 12.3 MB)', 'git lfs pull'),
    'page.onnx': (b'\n<!DOCTYPE html><html>...', 'a web page', 'fetch the file itself'),
    'page2.engine': (b'<HTML><head>', 'a web page', 'fetch the file itself'),
    'error.onnx': (b'{"error": "Not Found"}', 'a text that begins with', 'fetch the file again'),
    'denied.onnx': (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', 'a text', 'fetch'),
    'names.txt': (b'person\nbicycle\n', 'a text that begins with "person', 'check model.file'),
    'yolo11n.pt': (
        zipped('a/data.pkl', content=b'cultralytics.nn.tasks\nDetectionModel'),
        'a checkpoint of PyTorch',
        'yolo export model=yolo11n.pt format=onnx',
    ),
    'yolov5s.pt': (
        zipped('a/data.pkl', content=b'cmodels.yolo\nModel'),
        'YOLOv5',
        'python export.py --weights yolov5s.pt --include onnx',
    ),
    'best.pth': (zipped('a/data.pkl', 'a/data/0'), 'a checkpoint of PyTorch', 'torch.onnx.export'),
    'old.pth': (pickle.dumps({'model': 1}, 2), 'a checkpoint of PyTorch', 'torch.onnx.export'),
    'best.ckpt': (pickle.dumps({'model': 1}), 'a checkpoint of PyTorch', 'torch.onnx.export'),
    'named.onnx': (zipped('a/data.pkl'), 'a checkpoint of PyTorch', 'torch.onnx.export'),
    'model.safetensors': (SAFETENSORS, 'weights without a network', 'optimum-cli export onnx'),
    'model.tflite': (struct.pack('<I', 28) + b'TFL3' + bytes(100), 'TensorFlow Lite', 'tf2onnx.convert'),
    'saved_model.pb': (saved_model(), 'a TensorFlow SavedModel', '--saved-model FOLDER'),
    'frozen.pb': (graph_def(), 'a frozen graph of TensorFlow', '--graphdef FILE'),
    'model.h5': (b'\x89HDF\r\n\x1a\n' + bytes(100), 'a Keras model', 'tf2onnx'),
    'model.keras': (zipped('config.json', 'model.weights.h5'), 'a Keras model', 'tf2onnx'),
    'model.param': (b'7767517\n75 83\nInput data 0 1 data', 'an ncnn model', 'give the ONNX file'),
    'model.mnn': (bytes(range(200)), 'an MNN model', 'give the ONNX file'),
    'model.rknn': (b'RKNN' + bytes(100), 'Rockchip', 'give the ONNX file'),
    'model.hef': (b'\x01HEF' + bytes(100), 'Hailo', 'give the ONNX file'),
    'model.pdmodel': (b'\x0a\x05\x08\x00\x10\xff\xff' + bytes(100), 'PaddlePaddle', 'paddle2onnx'),
    'yolov4.weights': (struct.pack('<iiiq', 0, 2, 5, 32013312) + bytes(100), 'darknet', 'ONNX'),
    'yolov4.cfg': (b'[net]\nbatch=1\n', 'darknet', 'ONNX'),
    'weights.bin': (bytes(range(200)), 'a file of weights', 'the .xml file of OpenVINO'),
    'broken.engine': (bytes(range(200)), 'no TensorRT plan', 'give the ONNX file'),
    'model.zip': (zipped('yolo/best.onnx'), 'an archive', 'unpack it and give yolo/best.onnx'),
    'model.tar.gz': (b'\x1f\x8b\x08' + bytes(100), 'a compressed archive', 'unpack it'),
    'cut.pt': (zipped('a/data.pkl')[:60], 'cut short', 'fetch or export it again'),
}


def write(folder, name: str, content: bytes):
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize('name', RUNNABLE)
def test_formats_that_an_engine_runs(name, tmp_path):
    content, expected = RUNNABLE[name]
    assert model_format(write(tmp_path, name, content)) is expected


@pytest.mark.parametrize('name', ['model.onnx', 'model.pb', 'model', 'model.pt', 'model.engine'])
@pytest.mark.parametrize('share', [1.0, 0.5])
def test_onnx_is_recognised_under_every_name_even_if_it_is_cut_short(name, share, tmp_path):
    whole = default_model().read_bytes()
    path = write(tmp_path, name, whole[: int(len(whole) * share)])
    assert model_format(path) is ModelFormat.ONNX
    assert engine_kind(EngineConfig(), path) in ('tensorrt', 'openvino', 'onnxruntime')


@pytest.mark.parametrize('name', FOREIGN)
def test_a_file_that_no_engine_runs_is_described_with_the_remedy(name, tmp_path):
    content, what, remedy = FOREIGN[name]
    path = write(tmp_path, name, content)
    with pytest.raises(ModelError) as refused:
        engine_kind(EngineConfig(), path)
    told = str(refused.value)
    assert what in told
    assert remedy in told
    assert str(path) in told
    assert '\n' not in told
    assert len(told) < 500
    for kind in ('openvino', 'onnxruntime'):
        pytest.importorskip(kind, reason=f'{kind} is not installed')
        with pytest.raises(ModelError) as refused:
            make_engine(EngineSpec(EngineConfig(kind=kind), path)).load()
        assert str(refused.value) == told


def test_the_other_file_of_a_pair_is_named(tmp_path):
    weights = write(tmp_path, 'net.bin', bytes(range(200)))
    write(tmp_path, 'net.xml', IR)
    with pytest.raises(ModelError, match=r'weights of an OpenVINO network; give net\.xml'):
        model_format(weights)
    write(tmp_path, 'net.param', b'7767517\n')
    with pytest.raises(ModelError, match='ncnn'):
        model_format(weights)


def test_a_folder_is_searched_for_a_network(tmp_path):
    with pytest.raises(ModelError, match=r'a folder; set model\.file to the file of a network'):
        model_format(tmp_path)
    write(tmp_path, 'yolo11n.xml', IR)
    with pytest.raises(ModelError, match=r'set model\.file to a file in it, such as .*yolo11n\.xml'):
        model_format(tmp_path)
    write(tmp_path, 'saved_model.pb', saved_model())
    with pytest.raises(ModelError, match='TensorFlow SavedModel'):
        model_format(tmp_path)


def test_a_missing_and_an_empty_file(tmp_path):
    with pytest.raises(ModelError, match=r'found none; check model\.file'):
        model_format(tmp_path / 'none.onnx')
    with pytest.raises(ModelError, match='found an empty one'):
        model_format(write(tmp_path, 'empty.onnx', b''))


@pytest.mark.parametrize(
    ('name', 'kind', 'runs_on'),
    [
        ('yolo11n.engine', 'openvino', 'tensorrt'),
        ('yolo11n.plan', 'onnxruntime', 'tensorrt'),
        ('model.xml', 'onnxruntime', 'openvino'),
        ('yolo11n.torchscript', 'openvino', 'torch'),
        ('model.ort', 'openvino', 'onnxruntime'),
    ],
)
def test_an_engine_that_does_not_run_a_format_names_the_one_that_does(name, kind, runs_on, tmp_path):
    pytest.importorskip(kind, reason=f'{kind} is not installed')
    path = write(tmp_path, name, RUNNABLE[name][0])
    with pytest.raises(ModelError, match=f'set engine.kind to {runs_on} or to auto'):
        make_engine(EngineSpec(EngineConfig(kind=kind), path)).load()


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('yolo11n.engine', ('a TensorRT plan', 'pip install tensorrt', 'give the ONNX file')),
        ('yolo11n.torchscript', ('a TorchScript file', 'pip install torch', 'export the network as ONNX')),
        ('model.xml', ('format of OpenVINO', 'pip install openvino', 'give the ONNX file')),
    ],
)
def test_auto_on_a_machine_without_the_engine_offers_the_onnx_file(name, words, tmp_path, monkeypatch):
    none = {
        kind: lambda kind=kind: Availability(problem='not installed', remedy=f'pip install {kind}')
        for kind in registry.FINDERS
    }
    monkeypatch.setattr(registry, 'FINDERS', none)
    with pytest.raises(EngineError) as refused:
        engine_kind(EngineConfig(), write(tmp_path, name, RUNNABLE[name][0]))
    for word in words:
        assert word in str(refused.value)


def test_onnx_under_another_name_runs(tmp_path):
    for kind in ('openvino', 'onnxruntime'):
        pytest.importorskip(kind, reason=f'{kind} is not installed')
        path = write_stand_in(tmp_path / 'stand_in.pb')
        engine = make_engine(EngineSpec(EngineConfig(kind=kind), path))
        engine.load()
        engine.close()


def test_an_openvino_network_runs_with_the_metadata_beside_it(tmp_path):
    openvino = pytest.importorskip('openvino', reason='openvino is not installed')
    network = openvino.convert_model(str(write_stand_in(tmp_path / 'stand_in.onnx')))
    openvino.save_model(network, tmp_path / 'net.xml')
    (tmp_path / 'metadata.yaml').write_text('names: {0: person, 1: dog}\ntask: detect\nimgsz: [240, 320]\n')
    spec = EngineSpec(EngineConfig(), tmp_path / 'net.xml')
    assert engine_kind(spec.config, spec.model) == 'openvino'
    engine = make_engine(spec)
    engine.load()
    assert engine.io.metadata['names'] == "{0: 'person', 1: 'dog'}"
    assert engine.io.metadata['imgsz'] == '[240, 320]'
    engine.close()
    (tmp_path / 'metadata.yaml').write_text('names: [')
    with pytest.raises(ModelError, match=r'metadata\.yaml, cannot read it'):
        make_engine(spec).load()
    (tmp_path / 'metadata.yaml').unlink()
    (tmp_path / 'net.bin').unlink()
    with pytest.raises(ModelError, match=r'expected the weights of .*net\.xml in net\.bin beside it'):
        make_engine(spec).load()
