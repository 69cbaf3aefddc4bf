"""Files that users take for a network and that no engine here runs: what they are, and what to do."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stream_infer_ros.inference.protobuf_fields import Field

_LONGEST_PICKLE = 8 << 20
_LONGEST_TEXT = 1 << 16


class Foreign(NamedTuple):
    """A file that is not a network to run here.

    Attributes:
        what: description with an article.
        remedy: what to do, as the second half of a message.
    """

    what: str
    remedy: str


_THE_ONNX = 'give the ONNX file that it was made from'
_TF2ONNX = 'or convert it (pip install tf2onnx): python -m tf2onnx.convert'
_TORCH_EXPORT = 'export it as ONNX with the code that trained it (torch.onnx.export)'
_NCNN = Foreign('one of the two files of an ncnn model', _THE_ONNX)
_DARKNET = Foreign(
    'a file of a darknet network',
    'convert it to ONNX, for example with the tools of tianxiaomo/pytorch-YOLOv4',
)
_PADDLE = Foreign(
    'a part of a PaddlePaddle model',
    'convert it to ONNX (pip install paddle2onnx): paddle2onnx --model_dir FOLDER --model_filename '
    'X.pdmodel --params_filename X.pdiparams --save_file model.onnx',
)
_KERAS = Foreign('a Keras model', f'export it as ONNX, {_TF2ONNX} --keras FILE --output model.onnx')
_CAFFE = Foreign('a part of a Caffe model', 'convert it to ONNX, or choose another network')
_TFLITE = Foreign('a TensorFlow Lite model', f'{_THE_ONNX}, {_TF2ONNX} --tflite FILE --output model.onnx')
_SAVED_MODEL = Foreign(
    'a TensorFlow SavedModel', f'{_THE_ONNX}, {_TF2ONNX} --saved-model FOLDER --output model.onnx'
)
_GRAPH_DEF = Foreign(
    'a frozen graph of TensorFlow',
    f'{_THE_ONNX}, {_TF2ONNX} --graphdef FILE --inputs NAME:0 --outputs NAME:0 --output model.onnx',
)
_SAFETENSORS = Foreign(
    'weights without a network (safetensors)',
    'export the network they belong to as ONNX, for a model of Hugging Face with: optimum-cli export onnx '
    '--model NAME FOLDER',
)
_WEB_PAGE = Foreign(
    'a web page',
    'the download gave a page about the file, or an error: fetch the file itself (on GitHub the link "Raw" '
    'or "Download", on Hugging Face the address with /resolve/ in place of /blob/)',
)
_PACKED = Foreign('a compressed archive', 'unpack it and give the network in it')
_OPENVINO_WEIGHTS = 'the weights of an OpenVINO network'

# Formats whose content has no mark, and some that have one.
_BY_SUFFIX = {
    '.mnn': Foreign('an MNN model', _THE_ONNX),
    '.param': _NCNN,
    '.rknn': Foreign('a model for the NPU of Rockchip', _THE_ONNX),
    '.hef': Foreign('a model for the NPU of Hailo', _THE_ONNX),
    '.dlc': Foreign('a model for the NPU of Qualcomm', _THE_ONNX),
    '.om': Foreign('a model for the NPU of Huawei', _THE_ONNX),
    '.kmodel': Foreign('a model for the NPU of Kendryte', _THE_ONNX),
    '.blob': Foreign(
        'a compiled OpenVINO network', 'give the .xml file or the ONNX file that it was made from'
    ),
    '.uff': Foreign('a UFF file for old versions of TensorRT', _THE_ONNX),
    '.etlt': Foreign('an encrypted model of NVIDIA TAO', 'export it as ONNX with: tao model NETWORK export'),
    '.mlmodel': Foreign('a Core ML model', _THE_ONNX),
    '.mlpackage': Foreign('a Core ML model', _THE_ONNX),
    '.nb': Foreign('a Paddle Lite model', _THE_ONNX),
    '.pdmodel': _PADDLE,
    '.pdiparams': _PADDLE,
    '.pdparams': _PADDLE,
    '.tflite': _TFLITE,
    '.h5': _KERAS,
    '.keras': _KERAS,
    '.caffemodel': _CAFFE,
    '.prototxt': _CAFFE,
    '.cfg': _DARKNET,
    '.safetensors': _SAFETENSORS,
    '.torchscript': Foreign('a TorchScript file that is damaged', 'fetch or export it again'),
    '.engine': Foreign(
        'no TensorRT plan in spite of its name',
        'give the ONNX file: with a GPU and TensorRT, plans are built here',
    ),
}
_BY_SUFFIX['.plan'] = _BY_SUFFIX['.trt'] = _BY_SUFFIX['.engine']


# Offset and bytes of the marks in files.
_MARKS = (
    (4, b'TFL3', _TFLITE),
    (0, b'\x89HDF\r\n', _KERAS),
    (0, (7767517).to_bytes(4, 'little'), _NCNN),
    (0, b'7767517\n', _NCNN),
    *(
        (0, mark, _PACKED)
        for mark in (b'\x1f\x8b', b'7z\xbc\xaf', b'Rar!', b'BZh', b'\xfd7zXZ', b'\x28\xb5\x2f\xfd')
    ),
)
_PICKLE = re.compile(rb'\x80[\x02-\x05]')


def foreign_content(head: bytes, path: Path) -> Foreign | None:
    """Return what a file is if its content tells, and no engine runs it."""
    for offset, mark, found in _MARKS:
        if head.startswith(mark, offset):
            return found
    if _PICKLE.match(head):
        return _checkpoint(head, path)
    if head[8:9] == b'{' and int.from_bytes(head[:8], 'little') < path.stat().st_size:
        return _SAFETENSORS
    return _weights(path) or _of_text(head, path)


def foreign_suffix(path: Path) -> Foreign | None:
    """Return what a file is if its name tells, and no engine runs it."""
    return _BY_SUFFIX.get(path.suffix.lower())


def foreign_protobuf(fields: Sequence[Field], head: bytes) -> Foreign | None:
    """Return which file of TensorFlow the fields of a protobuf file belong to, if any."""
    numbers = {field.number for field in fields}
    # saved_model.proto: saved_model_schema_version = 1, meta_graphs = 2.
    if len(fields) >= 2 and fields[0][:3] == (1, 0, 1) and numbers == {1, 2}:
        return _SAVED_MODEL
    # graph.proto: node = 1, library = 2, versions = 4; node_def.proto: name = 1, op = 2.
    if fields and numbers <= {1, 2, 4} and fields[0].begin[:1] == b'\x0a' and b'\x12' in fields[0].begin:
        return _GRAPH_DEF if any(op in head for op in (b'Placeholder', b'Const')) else None
    return None


def foreign_folder(path: Path) -> Foreign:
    """Return what to do with a folder in place of a file."""
    if (path / 'saved_model.pb').is_file():
        return Foreign('the folder of a TensorFlow SavedModel', _SAVED_MODEL.remedy)
    networks = sorted(file.name for pattern in ('*.onnx', '*.xml') for file in path.glob(pattern))
    if networks:
        return Foreign('a folder', f'set model.file to a file in it, such as {path / networks[0]}')
    return Foreign('a folder', 'set model.file to the file of a network, usually ONNX')


def foreign_zip(archive: zipfile.ZipFile, path: Path) -> Foreign:
    """Return what an archive is that no engine runs."""
    names = archive.namelist()
    for name in names:
        if name.endswith('data.pkl'):
            with archive.open(name) as pickle:
                return _checkpoint(pickle.read(_LONGEST_PICKLE), path)
    if found := foreign_suffix(path):
        return found
    if networks := [name for name in names if name.endswith(('.onnx', '.xml'))]:
        return Foreign('an archive', f'unpack it and give {networks[0]}')
    return Foreign('an archive without a network', 'give the file of a network, usually ONNX')


def _checkpoint(pickle: bytes, path: Path) -> Foreign:
    """Describe a checkpoint. Nothing of it is unpickled, because this would run its code."""
    what = 'a checkpoint of PyTorch, that is weights and Python code but no network to run'
    if b'ultralytics' in pickle:
        return Foreign(f'{what} (Ultralytics)', f'export it: yolo export model={path.name} format=onnx')
    if b'models.yolo' in pickle:
        remedy = f'export it in that repository: python export.py --weights {path.name} --include onnx'
        return Foreign(f'{what} (YOLOv5 or YOLOv7)', remedy)
    return Foreign(what, _TORCH_EXPORT)


def _weights(path: Path) -> Foreign | None:
    """Describe a file that is only weights, by its name and the files beside it."""
    if path.suffix.lower() == '.weights':
        return _DARKNET
    if path.suffix.lower() != '.bin':
        return None
    if path.with_suffix('.param').is_file():
        return _NCNN
    if path.with_suffix('.xml').is_file():
        return Foreign(_OPENVINO_WEIGHTS, f'give {path.with_suffix(".xml").name} beside it')
    return Foreign(
        'a file of weights (.bin) without a network',
        'give the file of the network: the .xml file of OpenVINO, or the ONNX file',
    )


def _of_text(head: bytes, path: Path) -> Foreign | None:
    """Describe a text: a page or an error in place of a download, a class list, a configuration."""
    text = head.lstrip(b'\xef\xbb\xbf \t\r\n')
    if text.startswith(b'version https://git-lfs'):
        size = re.search(rb'\nsize (\d+)', head[:1000])
        of = f' (the file itself has {int(size[1]) / 1e6:.1f} MB)' if size else ''
        return Foreign(f'a pointer of Git LFS{of}', 'run `git lfs install && git lfs pull` in the repository')
    if re.match(rb'<!doctype html|<html|<head', text[:20], re.IGNORECASE):
        return _WEB_PAGE
    if path.stat().st_size > _LONGEST_TEXT or not _is_printable(head):
        return None
    begin = json.dumps(head.decode().strip()[:40], ensure_ascii=False)
    return foreign_suffix(path) or Foreign(
        f'a text that begins with {begin}', 'fetch the file again, and check model.file'
    )


def _is_printable(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return all(line.replace('\t', '').isprintable() for line in text.splitlines())
