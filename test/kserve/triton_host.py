"""One real Triton for the engine contract suite: it serves whatever file a test asks for."""

from __future__ import annotations

import atexit
import functools
import hashlib
import http.client
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from triton_server import TritonServer, find_triton

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.inference.engines import EngineSpec, make_engine
from stream_infer_ros.inference.engines.kserve.triton_repository import write_repository


def missing() -> str:
    """Why no model can be served here; empty if one can."""
    for module in ('tritonclient', 'onnxruntime'):
        if not find_spec(module):
            return f'{module} is not installed: engine kserve did not join the contract suite'
    return '' if find_triton() else 'no Triton here: engine kserve did not join the contract suite'


def serving(model: Path, max_batch: int = 4) -> dict[str, object]:
    """`engine.kserve` for this file, which is served from now on until the tests end."""
    server, repository = _running()
    name = f'm{hashlib.sha256(model.read_bytes()).hexdigest()[:16]}'
    if not (repository / name).exists():
        engine = make_engine(EngineSpec(EngineConfig(kind='onnxruntime', threads=1), model))
        engine.load()
        write_repository(repository, model, engine.io, name=name, backend='python', max_batch=max_batch)
        engine.close()
        connection = http.client.HTTPConnection('127.0.0.1', server.http_port, timeout=60)
        connection.request('POST', f'/v2/repository/models/{name}/load')
        response = connection.getresponse()
        assert response.status == 200, response.read()
        connection.close()
    return {'endpoints': (server.grpc,), 'model': name}


@functools.cache
def _running() -> tuple[TritonServer, Path]:
    triton = find_triton()
    assert triton is not None
    folder = Path(tempfile.mkdtemp(prefix='triton_host_'))
    repository = folder / 'repository'
    repository.mkdir()
    server = TritonServer(triton, repository, folder, options=('--model-control-mode=explicit',))

    def end() -> None:
        server.kill()
        shutil.rmtree(folder)

    atexit.register(end)
    server.start()
    return server, repository
