"""A real Triton for the tests: the binary in the `nvidia-pytriton` wheel, or one that is installed."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

CONVENTIONAL = ('/opt/triton_venv', '/opt/tritonserver')
START_S = 60.0


def find_triton() -> Path | None:
    """A virtual environment with nvidia-pytriton, or a `tritonserver` binary; None if there is neither.

    STREAM_INFER_TRITON names one; else the conventional places and PATH are looked at.
    """
    named = os.environ.get('STREAM_INFER_TRITON')
    for place in (named,) if named else CONVENTIONAL:
        path = Path(place)
        for found in (path, *path.glob('bin/tritonserver'), *path.glob('lib/python*/site-packages/pytriton')):
            if found.name == 'pytriton':
                return path
            if found.name == 'tritonserver' and found.is_file():
                return found
    on_path = shutil.which('tritonserver')
    return Path(on_path) if on_path else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


class TritonServer:
    """One server on loopback, serving `repository`; `start` again after `kill` uses the same ports."""

    def __init__(
        self,
        triton: Path,
        repository: Path,
        folder: Path,
        threads: int = 1,
        options: tuple[str, ...] = (),
        runtime: str = 'onnxruntime',
    ) -> None:
        self._triton, self._repository, self._folder = triton, repository, folder
        self._threads, self._options, self._runtime = threads, options, runtime
        self.http_port, self.grpc_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def grpc(self) -> str:
        return f'grpc://127.0.0.1:{self.grpc_port}'

    @property
    def http(self) -> str:
        return f'http://127.0.0.1:{self.http_port}'

    @property
    def _prefix(self) -> str:
        return f'triton_{os.getpid()}_{self.grpc_port}_'

    @property
    def log(self) -> Path:
        return self._folder / f'triton_{self.grpc_port}.log'

    def start(self, wait: bool = True) -> TritonServer:
        command, environment = self._command()
        command += [
            *self._options,
            f'--model-repository={self._repository}',
            '--allow-metrics=false',
            '--log-info=false',
        ]
        command += ['--http-address=127.0.0.1', f'--http-port={self.http_port}', '--reuse-http-port=true']
        command += ['--grpc-address=127.0.0.1', f'--grpc-port={self.grpc_port}', '--reuse-grpc-port=true']
        with self.log.open('ab') as log:
            # A group of its own: the python backend's stubs go with it.
            self._process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            if self.ready():
                return
            time.sleep(0.05)
        log = self.log.read_text()[-3000:]
        self.kill()
        raise RuntimeError(f'tritonserver did not become ready; its log:\n{log}')

    def ready(self) -> bool:
        connection = http.client.HTTPConnection('127.0.0.1', self.http_port, timeout=1.0)
        try:
            connection.request('GET', '/v2/health/ready')
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        """As a power cut: no farewell."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
            # What a killed python backend leaves behind.
            for region in Path('/dev/shm').glob(f'{self._prefix}*'):
                region.unlink()

    def cpu_s(self) -> float:
        """Processor time of the server and its backends so far; in steps of 10 ms."""
        assert self._process is not None
        ticks = 0
        for stat in Path('/proc').glob('[0-9]*/stat'):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(')')[2].split()
                if int(fields[2]) == self._process.pid:  # of its process group
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf('SC_CLK_TCK')

    def hang(self) -> None:
        self.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.signal(signal.SIGCONT)

    def signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _command(self) -> tuple[list[str], dict[str, str]]:
        environment = {
            **os.environ,
            'OMP_NUM_THREADS': str(self._threads),
            'STREAM_INFER_RUNTIME': self._runtime,
        }
        environment.pop('PYTHONPATH', None)
        if self._triton.is_file():
            return [str(self._triton)], environment
        (packages,) = self._triton.glob('lib/python*/site-packages')
        version = packages.parent.name.removeprefix('python')
        server = packages / 'pytriton' / 'tritonserver'
        backend = self._folder / 'backends' / 'python'
        if not backend.exists():
            shutil.copytree(server / 'backends' / 'python', backend)
            stub = server / 'python_backend_stubs' / version / 'triton_python_backend_stub'
            shutil.copy(stub, backend / stub.name)
        environment['PATH'] = f'{self._triton / "bin"}:{environment["PATH"]}'
        environment['VIRTUAL_ENV'] = str(self._triton)
        environment['PYTHONPATH'] = str(packages)
        environment['LD_LIBRARY_PATH'] = str(packages / 'nvidia_pytriton.libs')
        return [
            str(server / 'bin' / 'tritonserver'),
            f'--backend-directory={backend.parent}',
            f'--backend-config=python,shm-region-prefix-name={self._prefix}',
        ], environment


if __name__ == '__main__':
    found = find_triton()
    if found is None:
        sys.exit('no tritonserver here: set STREAM_INFER_TRITON')
    print(found)
