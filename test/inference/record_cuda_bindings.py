"""Print what our seam uses of the installed cuda.bindings, for recorded/cuda_bindings.json.

`python record_cuda_bindings.py` in an environment with one version of cuda-bindings; the JSON of several are
put together by version.
"""

import inspect
import json
import re
from pathlib import Path

from cuda import bindings
from cuda.bindings import runtime

SEAM = Path(__file__).resolve().parents[2] / 'stream_infer_ros/inference/engines/device/cuda_runtime.py'


def main() -> None:
    source = SEAM.read_text()
    functions = sorted(
        {*re.findall(r"_call\(\s*'(cuda\w+)'", source), *re.findall(r'_runtime\.(cuda[A-Z]\w+)\(', source)}
    )
    constants = sorted(set(re.findall(r'_runtime\.(cuda(?:Host|Stream|Event)\w+)\b(?![(.])', source)))
    members = sorted(set(re.findall(r'_runtime\.(cuda\w+\.cuda\w+)', source)))
    recorded = {
        'functions': {name: list(inspect.signature(getattr(runtime, name)).parameters) for name in functions},
        'constants': {name: int(getattr(runtime, name)) for name in constants},
        'members': {
            name: int(getattr(getattr(runtime, name.partition('.')[0]), name.partition('.')[2]))
            for name in members
        },
        'properties': [
            name
            for name in ('name', 'major', 'minor', 'totalGlobalMem')
            if hasattr(runtime.cudaDeviceProp, name)
        ],
    }
    print(json.dumps({bindings.__version__: recorded}, indent=1))


if __name__ == '__main__':
    main()
