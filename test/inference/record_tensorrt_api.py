"""Writes down what the bindings of a TensorRT offer: names, signatures, members of enumerations.

    python record_tensorrt_api.py recorded/tensorrt_api.json FOLDER...

Each FOLDER holds an installed `tensorrt_bindings` (`pip install --no-deps --target FOLDER
tensorrt_cu12_bindings==10.3.0`) or `tensorrt_rtx_bindings`. The libraries those are linked to are not needed:
stubs with the few functions they want are compiled with `cc`, which is enough to import a module and to read
its docstrings, where pybind11 has put the signatures.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# What our code touches; the rest of the API is of no concern.
CLASSES = [
    *('Builder', 'BuilderFlag', 'ComputeCapability', 'DataType', 'ExecutionContextAllocationStrategy'),
    *(
        'IBuilderConfig',
        'ICudaEngine',
        'IExecutionContext',
        'IHostMemory',
        'ILogger',
        'IOptimizationProfile',
        'IOutputAllocator',
    ),
    *('IProgressMonitor', 'ITimingCache', 'MemoryPoolType', 'NetworkDefinitionCreationFlag'),
    *('OnnxParser', 'ParserError', 'Runtime'),
]
FUNCTIONS = ['init_libnvinfer_plugins']
MODULES = ['tensorrt_bindings', 'tensorrt_rtx_bindings']
# What the bindings want of their libraries.
_LINKED = [
    *('createInferBuilder_INTERNAL', 'createInferRefitter_INTERNAL', 'createInferRuntime_INTERNAL'),
    *('createNvOnnxParserRefitter_INTERNAL', 'createNvOnnxParser_INTERNAL', 'getNvOnnxParserVersion'),
    *('getBuilderPluginRegistry', 'getPluginRegistry', 'initLibNvInferPlugins'),
]
_STUB = ''.join(f'void {name}(void) {{}}\n' for name in _LINKED)


def recorded_api(module: Any) -> dict[str, Any]:
    """Classes with their methods, properties and members, and functions."""
    api: dict[str, Any] = {'functions': {}, 'classes': {}}
    for name in FUNCTIONS:
        if hasattr(module, name):
            api['functions'][name] = signatures(getattr(module, name))
    for name in CLASSES:
        if hasattr(module, name):
            api['classes'][name] = recorded_class(getattr(module, name))
    return api


def recorded_class(kind: type) -> dict[str, Any]:
    if hasattr(kind, '__members__'):
        return {'members': {name: int(member) for name, member in sorted(kind.__members__.items())}}
    methods, properties, nested = {}, [], {}
    for name in sorted(dir(kind)):
        if name.startswith('_') and name != '__init__':
            continue
        value = getattr(kind, name)
        if isinstance(value, property):
            properties.append(name)
        elif hasattr(value, '__members__') and isinstance(value, type):
            nested[name] = recorded_class(value)
        elif signatures(value):
            methods[name] = signatures(value)
    return {'methods': methods, 'properties': properties, 'nested': nested}


def signatures(value: Any) -> list[dict[str, Any]]:
    """Every overload: parameters without self, 'name=' where there is a default, and what it returns."""
    found = re.findall(r'^(?:\d+\. )?(\w+)\((.*)\) -> (.+)$', value.__doc__ or '', re.MULTILINE)
    return [
        {
            'parameters': [_parameter(text) for text in _split(inside) if not text.startswith('self')],
            'returns': returns.split('.')[-1].split('::')[-1].strip(),
        }
        for _, inside, returns in found
    ]


def _parameter(text: str) -> str:
    name = text.split(':', maxsplit=1)[0].split('=', maxsplit=1)[0].strip()
    return f'{name}=' if '=' in text else name


def _split(inside: str) -> list[str]:
    parts, depth = [''], 0
    for letter in inside:
        depth += (letter in '[(<') - (letter in '])>')
        if letter == ',' and depth == 0:
            parts.append('')
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _in_folder(folder: Path) -> tuple[str, dict[str, Any]]:
    """In a process of its own, since one cannot hold two of them."""
    (module,) = (name for name in MODULES if (folder / name).is_dir())
    with tempfile.TemporaryDirectory() as stubs:
        (library,) = (folder / module).glob('tensorrt*.so')
        _compile_stubs(library, Path(stubs))
        answer = subprocess.run(
            [sys.executable, __file__, '--one', module],
            env={**os.environ, 'LD_LIBRARY_PATH': stubs, 'PYTHONPATH': str(folder)},
            check=True,
            capture_output=True,
            text=True,
        )
    version, api = json.loads(answer.stdout)
    return f'{module.removesuffix("_bindings")} {version}', api


def _compile_stubs(library: Path, folder: Path) -> None:
    wanted = subprocess.run(
        ['readelf', '-d', str(library)], check=True, capture_output=True, text=True
    ).stdout
    source = folder / 'stub.c'
    source.write_text(_STUB)
    for name in re.findall(r'NEEDED.*\[(lib(?:nv|tensorrt|cudart)[^]]*)\]', wanted):
        subprocess.run(['cc', '-shared', '-fPIC', '-o', str(folder / name), str(source)], check=True)


def main(arguments: list[str]) -> None:
    if arguments[0] == '--one':
        module = __import__(arguments[1])
        print(json.dumps([module.__version__, recorded_api(module)]))
        return
    target, *folders = map(Path, arguments)
    apis = dict(_in_folder(folder.resolve()) for folder in folders)
    target.write_text(
        json.dumps(apis, sort_keys=True, separators=(',', ':')).replace('"classes":', '\n"classes":')
    )


if __name__ == '__main__':
    main(sys.argv[1:])
