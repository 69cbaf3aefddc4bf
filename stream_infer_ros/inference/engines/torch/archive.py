"""What kind of file torch is given, and that nothing in it is pickled code."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from stream_infer_ros.errors import ModelError

Kind = Literal['exported program', 'TorchScript']

EXPORT = 'torch.export.save(torch.export.export(model.eval(), (images,)), "model.pt2")'
# What an exported program keeps beside its graph; all else in its lists of tensors is an object.
_TENSOR = re.compile(r'(weight|tensor)_\d+')
_COMPILED = '/data/aotinductor/'
_BEFORE_2_8 = 'serialized_exported_program.json'


def archive_kind(data: bytes, path: Path, torch: Any) -> Kind:
    """What the bytes of a file are.

    Raises ModelError for an ONNX file, for a checkpoint (weights without their network, or a network that is
    pickled Python), for an exported program with pickled objects or compiled code, and for anything else.
    """
    if path.suffix.lower() == '.onnx':
        raise ModelError(
            f'expected an exported program (.pt2) or TorchScript (.pt, .ts) for kind torch, got {path.name}; '
            f'choose engine.kind tensorrt, openvino or onnxruntime, or export the network again: {EXPORT}'
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _kind(archive, path, torch)
    except zipfile.BadZipFile as error:
        if data[:1] == b'\x80':  # how a pickle begins
            raise _checkpoint(path) from error
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception | str) -> ModelError:
    """Torch could not make sense of a file."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return ModelError(
        f'expected a valid exported program (.pt2) or TorchScript (.pt, .ts) in {path}, torch says: '
        f'{lines[0].rstrip(".")}; fetch the file again, or export it with this version of torch: {EXPORT}'
    )


def _kind(archive: zipfile.ZipFile, path: Path, torch: Any) -> Kind:
    # Every archive of torch has one folder at its root, of any name.
    names = {name: name.partition('/')[2] for name in archive.namelist()}
    inside = set(names.values())
    if len({name.lower() for name in names}) != len(archive.namelist()):
        raise unreadable(path, 'an archive with two files of one name')  # which of them would be looked at?
    if 'constants.pkl' in inside and any(name.startswith('code/') for name in inside):
        return 'TorchScript'  # its reader knows no Python objects
    if any(name.startswith('models/') for name in inside) or _BEFORE_2_8 in names:
        _refuse_objects(archive, path, torch)
        return 'exported program'
    if any(f'/{name}'.startswith(_COMPILED) for name in inside):
        raise _compiled(path)
    if 'data.pkl' in inside:
        raise _checkpoint(path)
    raise unreadable(path, 'an archive of something else')


def _refuse_objects(archive: zipfile.ZipFile, path: Path, torch: Any) -> None:
    """torch.export.load runs what is pickled in a program; ordinary programs have tensors only."""
    for name in archive.namelist():
        if _COMPILED in name:
            raise _compiled(path)
        # Before torch 2.8 they had other names, and some of them ended in .json, too.
        if name.endswith('.pt') or (name.startswith('serialized_') and name != _BEFORE_2_8):
            # Any of its errors means the same: more than tensors.
            try:
                torch.load(io.BytesIO(archive.read(name)), map_location='cpu', weights_only=True)
            except Exception as error:
                raise _pickled(path, name) from error
        elif name.endswith('config.json'):
            for entry in _tensors(json.loads(archive.read(name))):
                if entry.get('use_pickle') or not _TENSOR.fullmatch(str(entry['path_name'])):
                    raise _pickled(path, f'{name}: {entry["path_name"]}')


def _tensors(config: Any) -> Iterator[dict[str, Any]]:
    """Every entry of a list of tensors, however it is nested."""
    if isinstance(config, dict):
        if 'path_name' in config:
            yield config
        for value in config.values():
            yield from _tensors(value)


def _checkpoint(path: Path) -> ModelError:
    return ModelError(
        f'expected an exported program (.pt2) or TorchScript (.pt, .ts), got a pickled checkpoint in {path}: '
        f'weights without their network, or Python code that this engine does not run; '
        f'export the network where its code is: {EXPORT}'
    )


def _pickled(path: Path, where: str) -> ModelError:
    return ModelError(
        f'expected tensors only beside the graph in {path}, got a pickled object ({where}), which could be '
        f'any code; export the network without custom objects'
    )


def _compiled(path: Path) -> ModelError:
    return ModelError(
        f'expected an exported program in {path}, got one compiled for one machine (AOTInductor); '
        f'save it before it is compiled: {EXPORT}'
    )
