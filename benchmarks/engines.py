"""The cost of our engines compared with a bare call of the runtime, by batch size.

    python benchmarks/engines.py [MODEL.onnx] [--rounds 60]

Medians of wall and CPU time per image. Our engine and the bare call take turns in the same run. `adds` is
our time minus the bare time, per batch. The bare call gets packed input and does not copy its outputs.
Where torch is installed, its engine runs the shipped network's architecture, with random weights.
"""

import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from interleaved import costs
from machine import Cell, Results, Table, parser
from numpy.typing import NDArray

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.inference import Engine, ImageInput, make_engine
from stream_infer_ros.inference.engines import EngineSpec
from stream_infer_ros.resources import default_model

BATCHES = (1, 2, 6, 12)
# The engine may add the larger of the two to the time of a batch.
SHARE, MILLISECONDS = 0.05, 0.1

Bare = Callable[[NDArray[np.generic]], object]


def main() -> int:
    made = parser(__doc__)
    made.add_argument('model', type=Path, nargs='?', default=default_model(), help='ONNX file')
    made.add_argument('--rounds', type=int, help='(60; quick: 20)')
    options = made.parse_args()
    results = Results('engines', 'Engines', options)
    rounds = options.rounds or (20 if options.quick else 60)
    table = Table(
        f'{options.model.name}, ms an image; adds: ms a batch',
        ('engine', 'batch', 'ours', 'bare', 'ours, CPU', 'bare, CPU', 'adds', 'share'),
        'bare: the runtime alone, its fastest call, its input packed',
    )
    worst: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        for kind, bare_of in BARE.items():
            if find_spec(kind) is None:
                results.missing(f'{kind} is not installed')
                continue
            model = _torch_model(Path(folder)) if kind == 'torch' else options.model
            engine = make_engine(EngineSpec(EngineConfig(kind=kind), model, max(BATCHES)))
            engine.load()
            for row, over in _rows(kind, engine, bare_of(model, engine), rounds):
                table.row(*row)
                worst[kind] = max(worst.get(kind, over), over)
            engine.close()
    results.show(table)
    results.check(
        f'largest added time, relative to the larger of {SHARE:.0%} and {MILLISECONDS} ms',
        max(worst.values(), default=None),
        1.0,
        'x',
    )
    # Without this bound, the benchmark would pass on a machine that has no runtime.
    results.check('engines measured', len(worst), 1, most=False)
    return results.finish()


def _rows(kind: str, engine: Engine, bare: Bare, rounds: int) -> Iterator[tuple[tuple[Cell, ...], float]]:
    """A row for each batch, and how much of what is allowed is added."""
    image_input = ImageInput.of(engine.io)
    shape = (max(BATCHES), image_input.height, image_input.width, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for batch in BATCHES:
        packed = image_input.pack(images[:batch])
        took = costs(
            {
                'bare': lambda packed=packed: bare(packed),
                'ours': lambda batch=batch: list(engine.run(images[:batch])),
            },
            rounds,
        )
        ours, floor = took['ours'], took['bare']
        adds = ours.wall_ms - floor.wall_ms
        yield (
            (
                kind,
                batch,
                ours.wall_ms / batch,
                floor.wall_ms / batch,
                ours.cpu_ms / batch,
                floor.cpu_ms / batch,
                f'{adds:+.3f}',
                f'{adds / floor.wall_ms:+.1%}',
            ),
            adds / max(MILLISECONDS, SHARE * floor.wall_ms),
        )


def _bare_openvino(model: Path, engine: Engine) -> Bare:
    """One request per image, as many at a time as OpenVINO likes: its fastest way on a CPU."""
    import openvino  # noqa: PLC0415

    image_input = ImageInput.of(engine.io)
    network = openvino.Core().read_model(model)
    network.reshape({image_input.name: list(image_input.shape(1))})
    compiled = openvino.Core().compile_model(network, 'CPU', {'PERFORMANCE_HINT': 'THROUGHPUT'})
    requests = [compiled.create_infer_request() for _ in range(max(BATCHES))]

    def run(packed: NDArray[np.generic]) -> None:
        used = requests[: len(packed)]
        for index, request in enumerate(used):
            request.start_async({0: packed[index : index + 1]}, share_inputs=True)
        for request in used:
            request.wait()

    return run


def _bare_onnxruntime(model: Path, engine: Engine) -> Bare:
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    session = onnxruntime.InferenceSession(str(model), options, providers=['CPUExecutionProvider'])
    image_input = ImageInput.of(engine.io)
    step = image_input.fixed_batch

    def run(packed: NDArray[np.generic]) -> None:
        for first in range(0, len(packed), step or len(packed)):
            session.run(None, {image_input.name: packed[first : first + (step or len(packed))]})

    return run


def _bare_torch(model: Path, engine: Engine) -> Bare:
    del engine
    import torch  # noqa: PLC0415

    network = torch.export.load(model).module()

    def run(packed: NDArray[np.generic]) -> None:
        with torch.inference_mode():
            network(torch.from_numpy(packed))

    return run


def _torch_model(folder: Path) -> Path:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from training.export import export_program  # noqa: PLC0415
    from training.network import SurroundNet  # noqa: PLC0415

    path = folder / 'surround.pt2'
    export_program(SurroundNet(), path)
    return path


BARE: dict[str, Callable[[Path, Engine], Bare]] = {
    'openvino': _bare_openvino,
    'onnxruntime': _bare_onnxruntime,
    'torch': _bare_torch,
}


if __name__ == '__main__':
    sys.exit(main())
