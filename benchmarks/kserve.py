"""The cost of served inference compared with the local engine, over loopback.

    python benchmarks/kserve.py [MODEL.onnx] [--rounds 40] [--runtime onnxruntime|openvino] [--json FILE]

Per image, for batches of 1 and 6: wall time, this process's CPU (what a node on a robot pays), the server's
CPU, and the bytes that go over the wire. The same runtime runs in the server and here; all in turn in one
run, medians. Needs tritonclient and a Triton (test/kserve).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
from machine import Results, Table, parser
from served import TritonServer, lacking, serving

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.inference.engines import Engine, EngineSpec, make_engine
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.resources import default_model

BATCHES = (1, 6)
# A turn: the kernel counts a process's CPU in steps of 10 ms.
CALLS = 5


def main() -> int:
    options = _arguments()
    results = Results('kserve', 'Served beside local', options)
    if wanting := lacking(options.runtime):
        results.missing(f'served inference: needs {", ".join(wanting)}')
        return results.finish()
    with ExitStack() as stack:
        local = _loaded(EngineConfig(kind=options.runtime, threads=1), options.model)
        stack.enter_context(closing(local))
        (server,) = stack.enter_context(
            serving(options.model, local.io, threads=1, runtime=options.runtime, max_batch=max(BATCHES))
        )
        engines = {'local': local}
        for name, config in ways_to(server).items():
            engines[name] = stack.enter_context(closing(_loaded(config, options.model)))
        compare(engines, server, options, results)
    return results.finish()


def ways_to(server: TritonServer) -> dict[str, EngineConfig]:
    """By name."""
    return {
        f'{protocol}{words}': EngineConfig(
            kind='kserve', kserve={'endpoints': [endpoint], 'shared_memory': memory}
        )
        for memory, words in (('none', ''), ('system', ' + shared memory'))
        for protocol, endpoint in (('gRPC', server.grpc), ('HTTP', server.http))
    }


def compare(
    engines: dict[str, Engine], server: TritonServer, options: argparse.Namespace, results: Results
) -> None:
    """All in turn, for each size of a batch."""
    image_input = ImageInput.of(engines['local'].io)
    shape = (max(BATCHES), image_input.height, image_input.width, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    there_kb = image_input.pack(images[:1]).nbytes / 1e3
    back_kb = sum(array.nbytes for array in next(engines['local'].run(images[:1])).values()) / 1e3
    table = Table(
        f'{options.model.name} on {options.runtime}, {options.rounds} rounds, ms an image',
        ('', 'batch', 'wall', 'adds', 'x local', 'CPU here', 'CPU of the server'),
        f'over the wire an image: {there_kb:.0f} kB there, {back_kb:.0f} kB back',
    )
    for batch in BATCHES:
        took = costs(engines, server, images, batch, options.rounds)
        floor = took['local'][0]
        for name, (wall, here, there) in took.items():
            table.row(name, batch, wall, wall - floor, wall / floor, here, there)
    results.show(table)
    results.figures(there_kb=there_kb, back_kb=back_kb)


def costs(
    engines: dict[str, Engine], server: TritonServer, images: np.ndarray, batch: int, rounds: int
) -> dict[str, tuple[float, float, float]]:
    """Wall, CPU of this process (medians), CPU of the server (mean, for its coarse clock): ms an image."""
    took: dict[str, list[tuple[float, ...]]] = {name: [] for name in engines}
    for turn in range(rounds + 2):
        for name in list(engines)[:: 1 if turn % 2 else -1]:
            start = time.perf_counter(), time.process_time(), server.cpu_s()
            for _ in range(CALLS):
                list(engines[name].run(images[:batch]))
            end = time.perf_counter(), time.process_time(), server.cpu_s()
            if turn >= 2:
                spent = (1e3 * (b - a) / (CALLS * batch) for a, b in zip(start, end, strict=True))
                took[name].append(tuple(spent))
    found = {}
    for name, values in took.items():
        wall, here, there = zip(*values, strict=True)
        found[name] = (statistics.median(wall), statistics.median(here), statistics.mean(there))
    return found


def _loaded(config: EngineConfig, model: Path) -> Engine:
    made = make_engine(EngineSpec(config, model, max(BATCHES)))
    made.load()
    return made


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument('model', type=Path, nargs='?', default=default_model(), help='ONNX file')
    made.add_argument('--rounds', type=int, metavar='N', help='(40; quick: 10)')
    made.add_argument('--runtime', choices=('onnxruntime', 'openvino'), default='onnxruntime')
    options = made.parse_args()
    options.rounds = options.rounds or (10 if options.quick else 40)
    return options


if __name__ == '__main__':
    sys.exit(main())
