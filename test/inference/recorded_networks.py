"""What exports of published architectures say of themselves, written down so that no exporter is needed.

Run as a script, with torch, transformers, torchvision and timm installed, to write it down again.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stream_infer_ros.inference import EngineIo, TensorInfo

_FILE = Path(__file__).with_name('recorded') / 'architectures.json'
RECORDED: dict[str, Any] = json.loads(_FILE.read_text()) if _FILE.is_file() else {}

UNTESTED = (
    'exports of DETR, YOLOS, RT-DETR, D-FINE, RF-DETR, LW-DETR, SegFormer, timm and torchvision were not '
    'made and compared with their own post-processing; test_recorded_networks has what they look like'
)


def described(io: EngineIo) -> dict[str, Any]:
    """A network's description as it is written down."""
    return json.loads(json.dumps(asdict(io)))


def recorded(name: str) -> EngineIo:
    """The description of an architecture that was exported once."""
    told = RECORDED[name]
    inputs, outputs = (
        tuple(TensorInfo(it['name'], it['dtype'], tuple(it['shape'])) for it in told[which])
        for which in ('inputs', 'outputs')
    )
    return EngineIo(inputs, outputs, told['metadata'])


def _record() -> None:
    import tempfile  # noqa: PLC0415

    from small_architectures import ARCHITECTURES, export  # noqa: PLC0415

    from stream_infer_ros.config import EngineConfig  # noqa: PLC0415
    from stream_infer_ros.inference import make_engine  # noqa: PLC0415
    from stream_infer_ros.inference.engines import EngineSpec  # noqa: PLC0415

    told = {}
    for name in ARCHITECTURES:
        with tempfile.TemporaryDirectory() as folder:
            path = export(name, Path(folder) / 'model.onnx')
            engine = make_engine(EngineSpec(EngineConfig(kind='onnxruntime'), path))
            engine.load()
            told[name] = described(engine.io)
            engine.close()
    _FILE.write_text(json.dumps(told, indent=1) + '\n')


if __name__ == '__main__':
    _record()
