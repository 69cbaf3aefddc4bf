"""Engine kserve with real Triton servers, on loopback."""

import http.client
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from engine_runs import infer
from free_size_network import write_free_size_network
from triton_server import TritonServer, free_port

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import EngineError, InferenceMissed, ModelError
from stream_infer_ros.inference.engines import Engine, EngineSpec, make_engine
from stream_infer_ros.inference.engines.kserve.triton_repository import write_repository
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.resources import default_model

# A busy machine may be slow; nothing here is timed but the deadlines.
PATIENCE_S = 30.0
WIRE = 'none'


@contextmanager
def served(
    *endpoints: str,
    model: Path | None = None,
    max_batch: int = 6,
    input_size: tuple[int, int] | None = None,
    **options: object,
) -> Iterator[Engine]:
    config = EngineConfig(kind='kserve', threads=1, kserve={'endpoints': list(endpoints), **options})
    engine = make_engine(EngineSpec(config, model or default_model(), max_batch, input_size=input_size))
    try:
        engine.load()
        yield engine
    finally:
        engine.close()


def until(reached: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < end_s, 'not reached in time'
        time.sleep(0.02)


def regions(server: TritonServer) -> list[str]:
    connection = http.client.HTTPConnection('127.0.0.1', server.http_port, timeout=5)
    connection.request('GET', '/v2/systemsharedmemory/status')
    return [region['name'] for region in json.loads(connection.getresponse().read())]


def ours(server: TritonServer) -> list[str]:
    return [name for name in regions(server) if name.startswith('stream_infer')]


def requests_answered(server: TritonServer) -> int:
    connection = http.client.HTTPConnection('127.0.0.1', server.http_port, timeout=5)
    connection.request('GET', '/v2/models/surround/stats')
    stats = json.loads(connection.getresponse().read())['model_stats'][0]
    return int(stats['inference_stats']['success']['count'])


def answers(engine: Engine, pictures: np.ndarray) -> bool:
    try:
        infer(engine, pictures[:1], 5.0)
    except InferenceMissed:
        return False
    return True


@pytest.mark.parametrize('memory', ['none', 'auto', 'system'])
@pytest.mark.parametrize('protocol', ['grpc', 'http'])
def test_tells_and_gives_the_same_as_the_local_engine(protocol, memory, servers, local, pictures):
    expected = infer(local, pictures[:6])
    with served(getattr(servers[0], protocol), shared_memory=memory) as engine:
        assert engine.io == local.io
        shared = ours(servers[0])
        assert len(shared) == (0 if memory == 'none' else 2)
        whole = infer(engine, pictures[:6])  # more than the model's max_batch
        few = infer(engine, pictures[:3])
        singles = [infer(engine, pictures[index : index + 1]) for index in range(6)]
        assert ours(servers[0]) == shared, 'registered once'
        for name, array in expected.items():
            np.testing.assert_allclose(whole[name], array, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(few[name], array[:3], rtol=1e-4, atol=1e-4)
            for index, single in enumerate(singles):
                np.testing.assert_allclose(single[name][0], whole[name][index], rtol=1e-4, atol=1e-4)
            assert whole[name].dtype == array.dtype
            assert whole[name].flags.writeable
    assert not ours(servers[0])
    assert not list(Path('/dev/shm').glob(f'stream_infer_{os.getpid()}_*'))
    assert not [t.name for t in threading.enumerate() if t.name.startswith('kserve')]


def test_a_batch_larger_than_expected_gets_larger_memory_behind_the_scenes(servers, local, pictures):
    with served(servers[0].grpc, max_batch=1) as engine:
        shared = ours(servers[0])
        for _ in range(2):
            outputs = infer(engine, pictures[:6])
            np.testing.assert_allclose(outputs['ground'], infer(local, pictures[:6])['ground'], atol=1e-4)

        def larger() -> bool:
            infer(engine, pictures[:6])
            return len(ours(servers[0])) == 2 and not {*shared} & {*ours(servers[0])}

        until(larger)


def test_both_servers_get_their_share(servers, pictures):
    with served(servers[0].grpc, servers[1].http) as engine:
        before = [requests_answered(server) for server in servers]
        for _ in range(6):
            infer(engine, pictures[:2])
    assert [requests_answered(s) - b for s, b in zip(servers, before, strict=True)] == [3, 3]


@pytest.mark.parametrize('protocol', ['grpc', 'http'])
def test_one_server_dies_and_is_used_again_when_it_returns(protocol, servers, local, pictures):
    expected = infer(local, pictures[:2])
    with served(*[getattr(server, protocol) for server in servers]) as engine:
        for _ in range(4):
            infer(engine, pictures[:2])
        servers[0].kill()
        for _ in range(6):  # none is missed: there is time to ask the other
            np.testing.assert_allclose(infer(engine, pictures[:2])['ground'], expected['ground'], atol=1e-4)
        servers[0].start()

        def asked_again() -> bool:
            outputs = infer(engine, pictures[:2])
            np.testing.assert_allclose(outputs['ground'], expected['ground'], atol=1e-4)
            return requests_answered(servers[0]) >= 2

        until(asked_again)
        until(lambda: len(ours(servers[0])) == 2)


def test_without_any_server_a_batch_is_missed_and_the_next_may_not_be(servers, pictures, caplog):
    caplog.set_level(logging.WARNING)
    with served(*[server.grpc for server in servers]) as engine:
        infer(engine, pictures[:2])
        for server in servers:
            server.kill()
        with pytest.raises(InferenceMissed) as first:
            infer(engine, pictures[:2])
        for server in servers:
            assert server.grpc in str(first.value), 'who was tried'
        until(lambda: not answers(engine, pictures))
        start_s = time.monotonic()
        with pytest.raises(InferenceMissed, match=r'not used: .*refused'):
            infer(engine, pictures[:2])
        assert time.monotonic() - start_s < 1.0, 'nobody is waited for'
        servers[1].start()
        until(lambda: answers(engine, pictures))
        servers[0].start()
    said = [record.getMessage() for record in caplog.records]
    assert [line for line in said if 'is not used for now' in line]
    assert [line for line in said if f'{servers[1].grpc} is used again' in line]


@pytest.mark.parametrize('protocol', ['grpc', 'http'])
def test_a_server_that_hangs_costs_no_more_than_the_deadline(protocol, servers, pictures):
    with served(getattr(servers[0], protocol)) as engine:
        infer(engine, pictures[:2])
        servers[0].hang()
        start_s = time.monotonic()
        with pytest.raises(InferenceMissed):
            infer(engine, pictures[:2], 0.3)
        assert 0.25 < time.monotonic() - start_s < 1.3
        servers[0].go_on()
        until(lambda: answers(engine, pictures))


def test_the_configured_timeout_limits_the_deadline(servers, pictures):
    with served(servers[0].grpc, timeout_ms=300.0) as engine:
        infer(engine, pictures[:1], 30.0)
        servers[0].hang()
        start_s = time.monotonic()
        with pytest.raises(InferenceMissed):
            infer(engine, pictures[:1], 30.0)
        assert time.monotonic() - start_s < 2.0
        servers[0].go_on()


def test_the_other_server_is_asked_in_time_when_one_hangs(servers, pictures):
    with served(*[server.grpc for server in servers]) as engine:
        for _ in range(4):
            infer(engine, pictures[:1])
        servers[0].hang()
        for _ in range(4):
            assert len(infer(engine, pictures[:1], 2.0)['ground']) == 1
        servers[0].go_on()


def test_no_time_left_is_a_miss_at_once(servers, pictures):
    with served(servers[0].grpc) as engine, pytest.raises(InferenceMissed, match='0 ms are left'):
        infer(engine, pictures[:1], -0.01)


@pytest.mark.parametrize('protocol', ['grpc', 'http'])
def test_a_server_that_is_always_too_slow_gives_late_results(protocol, servers, local, pictures, caplog):
    """Not none for ever, with every run a miss."""
    caplog.set_level(logging.WARNING)
    expected = infer(local, pictures[:6])['ground']
    with served(getattr(servers[0], protocol)) as engine:
        late = []

        def three_came() -> bool:
            with suppress(InferenceMissed):
                late.append(infer(engine, pictures[:6], 0.01))  # six images take 50 ms and more
            return len(late) == 3

        with pytest.raises(InferenceMissed, match=r'no answer within \d+ ms'):
            infer(engine, pictures[:6], 0.01)
        until(three_came)
        np.testing.assert_allclose(late[0]['ground'], expected, atol=1e-4)
        infer(engine, pictures[:6], 0.01)  # from now on each is waited for: the schedule judges
        infer(engine, pictures[:6], PATIENCE_S)
        with pytest.raises(InferenceMissed):  # in time again, it is held to the bound again
            infer(engine, pictures[:6], 0.01)
    (said,) = [line for line in map(str, caplog.messages) if 'results of the servers arrive late' in line]
    assert 'a run of 6 images took' in said
    assert '10 ms were left of bound_ms; raise it by' in said


def test_a_timeout_that_no_server_keeps_is_told_of(servers, pictures, caplog):
    caplog.set_level(logging.WARNING)
    with served(servers[0].grpc, timeout_ms=2.0) as engine:

        def told() -> bool:
            assert not answers(engine, pictures[:6])
            return 'no results arrive from the servers' in caplog.text

        until(told)
    assert 'which engine.kserve.timeout_ms allows, a warm-up run took' in caplog.text


@pytest.mark.parametrize('fallback', ['onnxruntime', 'auto'])
def test_the_local_engine_takes_over_while_no_server_answers(fallback, servers, local, pictures):
    expected = infer(local, pictures[:2])
    with served(servers[0].grpc, fallback=fallback) as engine:
        infer(engine, pictures[:2])
        servers[0].kill()
        for _ in range(4):
            ground = infer(engine, pictures[:2])['ground']
            np.testing.assert_allclose(ground, expected['ground'], atol=0.1)  # auto may run in bfloat16
        servers[0].start()
        until(lambda: infer(engine, pictures[:2]) is not None and requests_answered(servers[0]) > 0)


def test_with_a_fallback_no_server_is_needed_to_begin(servers, pictures, local):
    servers[0].kill()
    with served(servers[0].http, fallback='onnxruntime') as engine:
        assert engine.io == local.io
        infer(engine, pictures[:6])
        servers[0].start()
        until(lambda: infer(engine, pictures[:6]) is not None and requests_answered(servers[0]) > 0)


def test_a_killed_process_leaves_no_memory_behind_for_long(servers, pictures):
    program = (
        'import sys, numpy as np; from stream_infer_ros.config import EngineConfig;'
        'from stream_infer_ros.inference.engines import EngineSpec, make_engine;'
        'from stream_infer_ros.resources import default_model;'
        f'k = {{"endpoints": [{servers[0].grpc!r}]}};'
        'e = make_engine(EngineSpec(EngineConfig(kind="kserve", kserve=k), default_model())); e.load();'
        'next(e.run(np.zeros((1, 240, 320, 3), np.uint8))); print("ready", flush=True); sys.stdin.read()'
    )
    process = subprocess.Popen(
        [sys.executable, '-c', program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == 'ready\n'
    pattern = f'stream_infer_{process.pid}_*'
    assert list(Path('/dev/shm').glob(pattern))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: not list(Path('/dev/shm').glob(pattern)))
    assert [name for name in regions(servers[0]) if f'_{process.pid}_' in name], 'the server still knows it'
    with served(servers[0].grpc):
        assert not [name for name in regions(servers[0]) if f'_{process.pid}_' in name]


def test_a_process_that_ends_without_close_leaves_nothing(servers):
    program = (
        'import numpy as np; from stream_infer_ros.config import EngineConfig;'
        'from stream_infer_ros.inference.engines import EngineSpec, make_engine;'
        'from stream_infer_ros.resources import default_model;'
        f'k = {{"endpoints": [{servers[0].grpc!r}]}};'
        'e = make_engine(EngineSpec(EngineConfig(kind="kserve", kserve=k), default_model())); e.load();'
        'next(e.run(np.zeros((1, 240, 320, 3), np.uint8)))'
    )
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, '')
    assert not ours(servers[0])


def test_load_names_every_server_and_what_is_wrong_with_it(servers):
    nobody = f'grpc://127.0.0.1:{free_port()}'
    with (
        pytest.raises(EngineError, match=r"serve model 'nope'.*model 'nope' is not ready there.*refused"),
        served(servers[0].grpc, nobody, model=Path('nope.onnx')),
    ):
        pass


def test_a_port_that_speaks_something_else_is_told_of(servers):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header('Content-Length', '6')
            self.end_headers()
            self.wfile.write(b'<html>')

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(('127.0.0.1', 0), Page) as page:
        threading.Thread(target=page.serve_forever, daemon=True).start()
        swapped = f'http://127.0.0.1:{servers[0].grpc_port}', f'grpc://127.0.0.1:{servers[0].http_port}'
        for endpoint in (*swapped, f'http://127.0.0.1:{page.server_port}'):
            with pytest.raises(EngineError, match=f'none does .{endpoint}'), served(endpoint):
                pass
        page.shutdown()


def test_a_server_of_another_model_is_not_used(servers, repository, triton, tmp_path, pictures):
    shutil.copytree(repository, tmp_path / 'other')
    config = tmp_path / 'other/surround/config.pbtxt'
    config.write_text(config.read_text().replace('pedestrian,car,cone,box', 'cat,dog'))
    other = TritonServer(triton, tmp_path / 'other', tmp_path)
    try:
        other.start()
        with served(servers[0].grpc, other.grpc, shared_memory=WIRE) as engine:
            for _ in range(4):
                infer(engine, pictures[:1])
            assert requests_answered(other) == 0
        with pytest.raises(ModelError, match='class_names'), served(other.grpc, fallback='onnxruntime'):
            pass
    finally:
        other.kill()


def test_the_user_says_the_size_of_a_served_network_that_leaves_it_open(triton, pictures, tmp_path):
    """Though neither file nor server tells it; also of what stands in for the server."""
    model = write_free_size_network(tmp_path / 'mean.onnx')
    spec = EngineSpec(EngineConfig(kind='onnxruntime', threads=1), model, input_size=(240, 320))
    local = make_engine(spec)
    local.load()
    expected = infer(local, pictures[:2])['mean']
    write_repository(tmp_path / 'served', model, local.io, backend='python', max_batch=4, metadata={})
    local.close()
    server = TritonServer(triton, tmp_path / 'served', tmp_path)
    try:
        server.start()
        with (
            pytest.raises(ModelError, match=r'of a known size.*input_size'),
            served(server.grpc, model=model),
        ):
            pass
        with served(server.grpc, model=model, input_size=(240, 320), fallback='onnxruntime') as engine:
            image_input = ImageInput.of(engine.io)
            assert (image_input.height, image_input.width) == (240, 320)
            np.testing.assert_allclose(infer(engine, pictures[:2])['mean'], expected, rtol=1e-4)
            server.kill()
            np.testing.assert_allclose(infer(engine, pictures[:2])['mean'], expected, rtol=1e-4)
    finally:
        server.kill()
