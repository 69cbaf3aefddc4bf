"""Generate Python and C code from message definitions with the generators of rosidl."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from stream_infer_ros.messages.typestore import type_hash
from tools.ros_prefix.unavailable import Unavailable

# rmw_fastrtps serialises with the first and describes types to its peers with the second.
TYPESUPPORTS = ['rosidl_typesupport_fastrtps_c', 'rosidl_typesupport_introspection_c']


class Generator:
    """Generates the code of packages, one after the other.

    Args:
        prefix: the folder where the wheels are installed. Their modules must be importable.
        out: the code of a package goes to `out/<generator>/<package>`, its definitions to
            `out/definitions/<package>`. Each generator has its own folder, because two of them write files
            of the same names.
    """

    def __init__(self, prefix: Path, out: Path) -> None:
        self._prefix, self._out = prefix, out

    def generate(self, package: str, texts: Mapping[str, str]) -> None:
        """Generate all messages of a package from the texts of their .msg files.

        Raises:
            Unavailable: rosidl computes a type hash that differs from the one this package announces.
        """
        folder = self._out / 'definitions' / package
        self._write_idl(package, texts, folder)
        hashes = self._out / 'rosidl_generator_type_description' / package / 'msg'
        arguments = {
            'package_name': package,
            'idl_tuples': [f'{folder}:msg/{name}.idl' for name in texts],
            'target_dependencies': [],
            'include_paths': [f'{p.parent.name}:{p.parent}' for p in self._prefix.glob('share/*/msg')],
            'type_description_tuples': [f'msg/{name}.idl:{hashes / name}.json' for name in texts],
            'ros_interface_files': [f'{folder}/msg/{name}.msg' for name in texts],
        }

        def run(generator: str, function: str, *more: list[str]) -> None:
            places = {
                'output_dir': str(self._out / generator / package),
                'template_dir': str(self._prefix / 'share' / generator / 'resource'),
            }
            file = folder / f'{generator}.json'
            file.write_text(json.dumps(arguments | places))
            getattr(importlib.import_module(generator), function)(str(file), *more)

        run('rosidl_generator_type_description', 'generate_type_hash')
        self._check_hashes(hashes)
        run('rosidl_generator_c', 'generate_c')
        run('rosidl_typesupport_fastrtps_c', 'generate_typesupport_fastrtps_c')
        run('rosidl_typesupport_introspection_c', 'generate_c')
        run('rosidl_typesupport_c', 'generate_c', TYPESUPPORTS)
        run('rosidl_generator_py', 'generate_py', ['rosidl_typesupport_c'])
        for generator in ('rosidl_generator_c', *TYPESUPPORTS):
            self._write_visibility_header(generator, package)
        (self._out / 'rosidl_generator_py' / package / '__init__.py').touch()

    def _write_idl(self, package: str, texts: Mapping[str, str], folder: Path) -> None:
        adapter = importlib.import_module('rosidl_adapter')
        (folder / 'msg').mkdir(parents=True)
        for name, text in texts.items():
            (folder / 'msg' / f'{name}.msg').write_text(text)
            with redirect_stdout(StringIO()):
                adapter.convert_to_idl(folder, package, Path('msg', f'{name}.msg'), folder)

    def _check_hashes(self, hashes: Path) -> None:
        for file in hashes.glob('*.json'):
            for found in json.loads(file.read_text())['type_hashes']:
                name, theirs = found['type_name'], found['hash_string']
                if theirs != type_hash(name):
                    raise Unavailable(f'{name}: expected type hash {type_hash(name)}, rosidl gives {theirs}')

    def _write_visibility_header(self, generator: str, package: str) -> None:
        """Write the header that CMake creates in an ordinary build."""
        header = f'{generator}__visibility_control.h'
        text = (self._prefix / 'share' / generator / 'resource' / f'{header}.in').read_text()
        text = text.replace('@PROJECT_NAME@', package).replace('@PROJECT_NAME_UPPER@', package.upper())
        (self._out / generator / package / 'msg' / header).write_text(text)
