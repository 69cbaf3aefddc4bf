"""Check a file for torch: its kind, and that it contains no pickled code."""

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
# Names of tensors in an exported program. Everything else in its lists of tensors is a pickled object.
_TENSOR = re.compile(r'(weight|tensor)_\d+')
_COMPILED = '/data/aotinductor/'
_BEFORE_2_8 = 'serialized_exported_program.json'


def archive_kind(data: bytes, path: Path, torch: Any) -> Kind:
    """Return the kind of a file.

    Raises ModelError for an ONNX file, a checkpoint (weights without their network, or a pickled Python
    network), an exported program with pickled objects or compiled code, and any other file.
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
        if data[:1] == b'\x80':  # the first byte of a pickle
            raise _checkpoint(path) from error
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception | str) -> ModelError:
    """Return the error for a file that torch cannot read."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return ModelError(
        f'expected a valid exported program (.pt2) or TorchScript (.pt, .ts) in {path}, torch says: '
        f'{lines[0].rstrip(".")}; fetch the file again, or export it with this version of torch: {EXPORT}'
    )


def _kind(archive: zipfile.ZipFile, path: Path, torch: Any) -> Kind:
    # Every archive of torch has one folder at its root, whose name does not matter.
    names = {name: name.partition('/')[2] for name in archive.namelist()}
    inside = set(names.values())
    if len({name.lower() for name in names}) != len(archive.namelist()):
        raise unreadable(path, 'an archive with two files of one name')  # a check of one could miss the other
    if 'constants.pkl' in inside and any(name.startswith('code/') for name in inside):
        return 'TorchScript'  # its reader does not create Python objects
    if any(name.startswith('models/') for name in inside) or _BEFORE_2_8 in names:
        _refuse_objects(archive, path, torch)
        return 'exported program'
    if any(f'/{name}'.startswith(_COMPILED) for name in inside):
        raise _compiled(path)
    if 'data.pkl' in inside:
        raise _checkpoint(path)
    raise unreadable(path, 'an archive of something else')


def _refuse_objects(archive: zipfile.ZipFile, path: Path, torch: Any) -> None:
    """Raise ModelError for pickled objects, whose code torch.export.load would run."""
    for name in archive.namelist():
        if _COMPILED in name:
            raise _compiled(path)
        # Before torch 2.8 the files had other names, and some also ended in .json.
        if name.endswith('.pt') or (name.startswith('serialized_') and name != _BEFORE_2_8):
            # Any error means that there is more than tensors.
            try:
                torch.load(io.BytesIO(archive.read(name)), map_location='cpu', weights_only=True)
            except Exception as error:
                raise _pickled(path, name) from error
        elif name.endswith('config.json'):
            for entry in _tensors(json.loads(archive.read(name))):
                if entry.get('use_pickle') or not _TENSOR.fullmatch(str(entry['path_name'])):
                    raise _pickled(path, f'{name}: {entry["path_name"]}')


def _tensors(config: Any) -> Iterator[dict[str, Any]]:
    """Yield every entry of a nested list of tensors."""
    if isinstance(config, dict):
        if 'path_name' in config:
            yield config
        for value in config.values():
            yield from _tensors(value)


def _checkpoint(path: Path) -> ModelError:
    return ModelError(
        f'expected an exported program (.pt2) or TorchScript (.pt, .ts), got a pickled checkpoint in {path}: '
        f'weights without their network, or Python code that this engine does not run; '
        f'export the network on a machine that has its code: {EXPORT}'
    )


def _pickled(path: Path, where: str) -> ModelError:
    return ModelError(
        f'expected only a graph and tensors in {path}, got a pickled object ({where}), which may contain '
        f'any code; export the network without custom objects'
    )


def _compiled(path: Path) -> ModelError:
    return ModelError(
        f'expected an exported program in {path}, got one compiled for one machine (AOTInductor); '
        f'save it before it is compiled: {EXPORT}'
    )
