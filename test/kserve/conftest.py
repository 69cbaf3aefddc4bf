"""Two real Triton servers with the shipped model, for all tests of this folder."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from triton_server import TritonServer, find_triton

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.inference.engines import Engine, EngineSpec, make_engine
from stream_infer_ros.inference.engines.kserve.triton_repository import write_repository
from stream_infer_ros.resources import default_model

MAX_BATCH = 4


@pytest.fixture(scope='session')
def triton() -> Path:
    if not find_spec('tritonclient'):
        pytest.skip('tritonclient is not installed: engine kserve was not tested with a real Triton')
    found = find_triton()
    if found is None:
        pytest.skip(
            'no Triton (STREAM_INFER_TRITON, /opt/triton_venv, /opt/tritonserver, PATH): '
            'engine kserve was not tested with a real server'
        )
    return found


@pytest.fixture(scope='session')
def local() -> Iterator[Engine]:
    if not find_spec('onnxruntime'):
        pytest.skip('onnxruntime is not installed: served results were not compared with local ones')
    engine = make_engine(EngineSpec(EngineConfig(kind='onnxruntime', threads=1), default_model()))
    engine.load()
    yield engine
    engine.close()


@pytest.fixture(scope='session')
def repository(local: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('repository')
    write_repository(folder, default_model(), local.io, backend='python', max_batch=MAX_BATCH)
    return folder


@pytest.fixture(scope='session')
def running(
    triton: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[TritonServer]]:
    servers = [TritonServer(triton, repository, tmp_path_factory.mktemp('triton')) for _ in range(2)]
    try:
        for server in servers:
            server.start(wait=False)
        for server in servers:
            server.wait_ready()
        yield servers
    finally:
        for server in servers:
            server.kill()


@pytest.fixture
def servers(running: list[TritonServer]) -> Iterator[list[TritonServer]]:
    """Both run, whatever the test before did to them."""
    for server in running:
        server.go_on()
        if not server.ready():
            server.kill()
            server.start()
    yield running
    for server in running:
        server.go_on()


@pytest.fixture(scope='session')
def pictures() -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (6, 240, 320, 3), np.uint8)
