"""What served inference costs beside the local engine: the network between node and server, on loopback.

    python benchmarks/kserve.py [MODEL.onnx] [--rounds 40] [--runtime onnxruntime|openvino]

Per image, for batches of 1 and 6: wall time, this process's CPU (what a node on a robot pays), the server's
CPU, and the bytes that go over the wire. The same runtime runs in the server and here; all in turn in one
run, medians. Needs tritonclient and a Triton (test/kserve).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test' / 'kserve'))
from triton_server import TritonServer, find_triton

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.inference.engines import Engine, EngineSpec, make_engine
from stream_infer_ros.inference.engines.kserve.triton_repository import write_repository
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.resources import default_model

BATCHES = (1, 6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('model', type=Path, nargs='?', default=default_model())
    parser.add_argument('--rounds', type=int, default=40)
    parser.add_argument('--runtime', choices=('onnxruntime', 'openvino'), default='onnxruntime')
    options = parser.parse_args()
    triton = find_triton()
    if triton is None:
        sys.exit('no Triton here: set STREAM_INFER_TRITON')
    local = make_engine(
        EngineSpec(EngineConfig(kind=options.runtime, threads=1), options.model, max(BATCHES))
    )
    local.load()
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / 'models'
        write_repository(models, options.model, local.io, backend='python', max_batch=max(BATCHES))
        server = TritonServer(triton, models, Path(folder), threads=1, runtime=options.runtime)
        try:
            server.start()
            engines = {'local': local, **served(server, options.model)}
            compare(engines, server, options)
            for engine in engines.values():
                engine.close()
        finally:
            server.kill()


def served(server: TritonServer, model: Path) -> dict[str, Engine]:
    engines = {}
    for name, endpoint, memory in (
        ('gRPC', server.grpc, 'none'),
        ('HTTP', server.http, 'none'),
        ('gRPC + shared memory', server.grpc, 'system'),
        ('HTTP + shared memory', server.http, 'system'),
    ):
        kserve = {'endpoints': [endpoint], 'shared_memory': memory}
        engines[name] = make_engine(
            EngineSpec(EngineConfig(kind='kserve', kserve=kserve), model, max(BATCHES))
        )
        engines[name].load()
    return engines


def compare(engines: dict[str, Engine], server: TritonServer, options: argparse.Namespace) -> None:
    io = engines['local'].io
    image_input = ImageInput.of(io)
    shape = (max(BATCHES), image_input.height, image_input.width, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    image_kb = image_input.pack(images[:1]).nbytes / 1e3
    result_kb = sum(array.nbytes for array in engines['local'].infer(images, 1).values()) / 1e3
    print(f'{options.model.name} on {options.runtime}, {options.rounds} rounds; ms an image')
    print(f'over the wire an image: {image_kb:.0f} kB there, {result_kb:.0f} kB back')
    print(f'{"batch":>5} {"":<22} {"wall":>7} {"adds":>7} {"x":>5} {"cpu here":>9} {"cpu server":>11}')
    for batch in BATCHES:
        took: dict[str, list[tuple[float, float, float]]] = {name: [] for name in engines}
        for turn in range(options.rounds + 2):
            for name in list(engines)[:: 1 if turn % 2 else -1]:
                start = time.perf_counter(), time.process_time(), server.cpu_s()
                # Several a turn: the kernel counts a process's CPU in steps of 10 ms.
                for _ in range(5):
                    engines[name].infer(images, batch)
                end = time.perf_counter(), time.process_time(), server.cpu_s()
                if turn >= 2:
                    spent = (1e3 * (b - a) / (5 * batch) for a, b in zip(start, end, strict=True))
                    took[name].append(tuple(spent))
        floor = statistics.median(wall for wall, _, _ in took['local'])
        for name, values in took.items():
            wall, here = (statistics.median(value[index] for value in values) for index in (0, 1))
            there = statistics.mean(value[2] for value in values)
            print(
                f'{batch:>5} {name:<22} {wall:7.2f} {wall - floor:+7.2f} {wall / floor:5.2f} '
                f'{here:9.2f} {there:11.2f}'
            )


if __name__ == '__main__':
    main()
