"""Tritons on loopback that serve a network, for as long as a benchmark asks (those of test/kserve)."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ros_setup import ROOT

from stream_infer_ros.inference.engines.kserve.triton_repository import write_repository
from stream_infer_ros.inference.network_io import EngineIo

sys.path.insert(0, str(ROOT / 'test' / 'kserve'))
from triton_server import TritonServer, find_triton

__all__ = ['TritonServer', 'lacking', 'serving']


def lacking(*modules: str) -> list[str]:
    """Return the missing parts of Triton, its client and these modules; empty if `serving` works."""
    wanting = [name for name in ('tritonclient', *modules) if find_spec(name) is None]
    return wanting + (['a Triton (STREAM_INFER_TRITON)'] if find_triton() is None else [])


@contextlib.contextmanager
def serving(
    model: Path,
    io: EngineIo,
    *,
    servers: int = 1,
    threads: int,
    runtime: str,
    max_batch: int,
    program: Path | None = None,
) -> Iterator[list[TritonServer]]:
    """So many, with the python backend; killed at the end.

    Args:
        model: ONNX file.
        io: what an engine says of it.
        threads: of the network in each server.
        runtime: that the backend's program asks.
        program: the backend's `model.py`, in place of ours.
    """
    triton = find_triton()
    assert triton is not None, 'ask lacking() first'
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        repository = Path(folder) / 'models'
        written = write_repository(repository, model, io, backend='python', max_batch=max_batch)
        if program is not None:
            shutil.copyfile(program, written / '1' / 'model.py')
        made = []
        for _ in range(servers):
            made.append(TritonServer(triton, repository, Path(folder), threads, runtime=runtime))
            stack.callback(made[-1].kill)
            made[-1].start()
        yield made
