"""Compile a generated package into one extension module, and install it into the prefix."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tools.ros_prefix.generator import TYPESUPPORTS
from tools.ros_prefix.unavailable import Unavailable

GENERATED_BY = (
    'generator_c',
    'generator_py',
    'typesupport_fastrtps_c',
    'typesupport_introspection_c',
    'typesupport_c',
)
LIBRARIES = (
    'rosidl_typesupport_c',
    *TYPESUPPORTS,
    'rosidl_typesupport_fastrtps_cpp',
    'rosidl_runtime_c',
    'fastcdr',
    'rmw',
    'rcutils',
)


def compilers() -> tuple[str, str]:
    """Return the C and the C++ compiler, by default or from CC and CXX."""
    return os.environ.get('CC', 'cc'), os.environ.get('CXX', 'c++')


def why_no_compiler() -> str | None:
    """Return what is missing to compile an extension module, and how to get it; None if nothing is."""
    missing = [name for name in compilers() if shutil.which(name) is None]
    if missing:
        names = ' and no '.join(missing)
        return f'there is no compiler {names}; on Debian and Ubuntu: apt install build-essential'
    if not (Path(sysconfig.get_paths()['include']) / 'Python.h').is_file():
        return 'the headers of Python are missing; on Debian and Ubuntu: apt install python3-dev'
    return None


def compile_package(package: str, prefix: Path, site_packages: Path, generated: Path) -> None:
    """Compile the code in `generated`, and install it into the prefix.

    Raises:
        Unavailable: the compiler failed; the text ends with its output.
    """
    library = _build(package, prefix, generated)
    python = generated / 'rosidl_generator_py' / package
    target = site_packages / package
    (target / 'msg').mkdir(parents=True)
    shutil.copy(library, target)
    for file in [*python.glob('*.py'), *(python / 'msg').glob('*.py')]:
        shutil.copy(file, target / file.relative_to(python))
    # rosidl_typesupport_c loads a typesupport by the name of its library.
    for typesupport in TYPESUPPORTS:
        link = prefix / 'lib' / f'lib{package}__{typesupport}.so'
        link.symlink_to(os.path.relpath(target / library.name, link.parent))
    index = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True, exist_ok=True)
    (index / package).touch()


def _build(package: str, prefix: Path, generated: Path) -> Path:
    folder = generated / 'definitions' / package
    # All C++ code is one unit, because the headers take longer to compile than the code.
    typesupport = folder / 'typesupport.cpp'
    parts = sorted(generated.glob(f'*/{package}/**/*.cpp'))
    typesupport.write_text(''.join(f'#include "{part}"\n' for part in parts))
    units = [typesupport, *sorted(generated.glob(f'*/{package}/**/*.c'))]
    headers = [prefix / 'include', *(path for path in (prefix / 'include').iterdir() if path.is_dir())]
    includes = [*generated.iterdir(), sysconfig.get_paths()['include'], np.get_include(), *headers]
    flags = ['-fPIC', '-O1', '-w', *(f'-I{path}' for path in includes)]
    c, cxx = compilers()

    def compile_unit(unit: Path) -> str:
        made = f'{unit}.o'
        command = [cxx, '-std=c++17'] if unit.suffix == '.cpp' else [c]
        _run([*command, *flags, '-c', str(unit), '-o', made])
        return made

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        objects = list(pool.map(compile_unit, units))
    library = folder / f'{package}_s__rosidl_typesupport_c.so'
    messages = [str(p) for kind in GENERATED_BY for p in (prefix / 'lib').glob(f'lib*__rosidl_{kind}.so')]
    link = [cxx, '-shared', '-Wl,--as-needed', f'-L{prefix / "lib"}']
    _run([*link, *objects, *messages, *(f'-l{name}' for name in LIBRARIES), '-o', str(library)])
    return library


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f'{command[0]} failed: {done.stderr.strip()[:2000]}')
