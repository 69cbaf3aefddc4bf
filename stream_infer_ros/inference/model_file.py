"""The format of a model file, found from its content before an engine is chosen.

Names of files are unreliable: a download can be a web page, and `.pb` and `.pt` stand for several formats. A
name counts only for formats whose content has no mark.
"""

from __future__ import annotations

import zipfile
from enum import Enum
from pathlib import Path

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.foreign_files import (
    Foreign,
    foreign_content,
    foreign_folder,
    foreign_protobuf,
    foreign_suffix,
    foreign_zip,
)
from stream_infer_ros.inference.plan_file import LONGEST_HEAD, plan_header
from stream_infer_ros.inference.protobuf_fields import is_onnx, top_level_fields

_ZIP = b'PK\x03\x04'


class ModelFormat(Enum):
    """A format that an engine can run. The value is its description for messages."""

    ONNX = 'an ONNX file'
    ORT = 'a file in the format of ONNX Runtime'
    OPENVINO_IR = 'a network in the format of OpenVINO'
    EXPORTED_PROGRAM = 'an exported program of PyTorch'
    TORCHSCRIPT = 'a TorchScript file of PyTorch'
    TENSORRT_PLAN = 'a TensorRT plan'
    UNKNOWN = 'a file of unknown format'


def model_format(path: Path) -> ModelFormat:
    """Return the format of a model file. UNKNOWN is for the runtime to read, or to refuse.

    Raises ModelError if the file is missing, is empty, or has a format that no engine runs. The message says
    what the file is, and what to do.
    """
    if not path.is_file():
        if path.is_dir():
            raise _not_a_network(path, foreign_folder(path))
        raise ModelError(f'expected a network in the file {path}, found none; check model.file')
    if path.stat().st_size == 0:
        raise ModelError(
            f'expected a network in the file {path}, found an empty one; fetch or export it again'
        )
    with path.open('rb') as file:
        head = file.read(LONGEST_HEAD)
    known = _of_content(head, path)
    if isinstance(known, Foreign):
        raise _not_a_network(path, known)
    return known


def _of_content(head: bytes, path: Path) -> ModelFormat | Foreign:
    if head.startswith(_ZIP):
        return _of_zip(path)
    known = {
        ModelFormat.TENSORRT_PLAN: plan_header(head) is not None,
        ModelFormat.ORT: head[4:8] == b'ORTM',
        ModelFormat.OPENVINO_IR: _is_openvino(head),
    }
    if found := next((each for each, is_it in known.items() if is_it), None):
        return found
    if foreign := foreign_content(head, path):
        return foreign
    fields = top_level_fields(path)
    if is_onnx(fields):
        return ModelFormat.ONNX
    return foreign_suffix(path) or foreign_protobuf(fields, head) or ModelFormat.UNKNOWN


def _of_zip(path: Path) -> ModelFormat | Foreign:
    try:
        with zipfile.ZipFile(path) as archive:
            # Every archive of torch has one folder at its root, whose name does not matter.
            inside = {name.partition('/')[2] for name in archive.namelist()}
            if 'constants.pkl' in inside and any(name.startswith('code/') for name in inside):
                return ModelFormat.TORCHSCRIPT
            exported = 'serialized_exported_program.json' in archive.namelist()
            if exported or any(name.startswith(('models/', 'data/aotinductor/')) for name in inside):
                return ModelFormat.EXPORTED_PROGRAM
            return foreign_zip(archive, path)
    except (zipfile.BadZipFile, OSError):
        return Foreign('an archive that is cut short', 'fetch or export it again')


def _is_openvino(head: bytes) -> bool:
    text = head.lstrip(b'\xef\xbb\xbf \t\r\n')
    return text.startswith((b'<?xml', b'<net ')) and b'<net ' in text[:1000]


def _not_a_network(path: Path, found: Foreign) -> ModelError:
    return ModelError(f'expected a network in {path}, got {found.what}; {found.remedy}')
