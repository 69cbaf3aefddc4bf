import socket

import pytest

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.inference.engines import EngineSpec, make_engine
from stream_infer_ros.inference.engines.kserve.endpoint import Endpoint, parse_endpoint
from stream_infer_ros.resources import default_model


@pytest.mark.parametrize(
    ('text', 'endpoint'),
    [
        ('grpc://gpu1:8001', Endpoint('grpc', 'gpu1', 8001)),
        ('http://10.0.0.7:8000/', Endpoint('http', '10.0.0.7', 8000)),
        ('grpc://[::1]:8001', Endpoint('grpc', '::1', 8001)),
    ],
)
def test_reads_what_the_configuration_says(text, endpoint):
    assert parse_endpoint(text) == endpoint
    assert parse_endpoint(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    'text',
    [
        *('', 'gpu1:8001', 'gpu1', 'https://gpu1:8000', 'grpc://gpu1', 'http://:8000', 'grpc://gpu1:0'),
        *(
            'grpc://gpu1:99999',
            'grpc://gpu1:x',
            'http://gpu1:8000/v2',
            'http://me@gpu1:8000',
            'grpc://[::1:8',
        ),
    ],
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match='grpc://gpu1:8001'):
        parse_endpoint(text)


def test_tells_this_host_from_others():
    assert parse_endpoint('grpc://127.0.0.1:1').is_here()
    assert parse_endpoint('http://localhost:1').is_here()
    assert parse_endpoint(f'http://{socket.gethostname()}:1').is_here()
    assert not parse_endpoint('grpc://192.0.2.1:1').is_here()  # TEST-NET-1 is nobody's


def test_an_engine_without_endpoints_says_what_to_set():
    with pytest.raises(ConfigError, match=r'engine\.kserve\.endpoints'):
        make_engine(EngineSpec(EngineConfig(kind='kserve'), default_model()))


@pytest.mark.parametrize('setting', [{'precision': 'fp16'}, {'device': 'cuda'}])
def test_what_the_server_decides_is_refused(setting):
    config = EngineConfig(kind='kserve', kserve={'endpoints': ['grpc://127.0.0.1:1']}, **setting)
    with pytest.raises(ConfigError, match='the server sets both'):
        make_engine(EngineSpec(config, default_model()))
