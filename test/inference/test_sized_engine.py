"""An engine whose size the user has said keeps what the engine within can do."""

import numpy as np
import pytest
from stand_in_network import write_stand_in

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.inference import FakeEngine
from stream_infer_ros.inference.engines import EngineSpec, make_engine
from stream_infer_ros.inference.engines.image_by_image import ImageByImage
from stream_infer_ros.inference.engines.sized_engine import SizedEngine

SIZE = 240, 320


class Told(FakeEngine):
    """Writes down what happens; one that runs image by image begins with each when it is there."""

    def __init__(self, happened):
        super().__init__()
        self.happened = happened

    def infer(self, batch, n, within_s=float('inf')):
        self.happened.append(f'run {n} within {within_s:g} s')
        return super().infer(batch, n)


class ToldEach(Told):
    def infer_each(self, batch, filling, within_s=float('inf')):
        for n in filling:
            self.happened.append(f'begin {n} within {within_s:g} s')
            yield super().infer(batch[n - 1 : n], 1)


@pytest.mark.parametrize(
    ('kind', 'expected'),
    [
        (Told, ['fill 1', 'fill 2', 'run 2 within 3 s']),
        (
            ToldEach,
            [
                *('fill 1', 'begin 1 within 3 s', 'run 1 within inf s'),
                *('fill 2', 'begin 2 within 3 s', 'run 1 within inf s'),
            ],
        ),
    ],
)
def test_images_are_written_when_the_engine_within_asks_for_them(kind, expected, tmp_path):
    happened = []
    engine = SizedEngine(kind(happened), EngineSpec(EngineConfig(), tmp_path, input_size=SIZE))
    engine.load()

    def filling():
        for n in (1, 2):
            happened.append(f'fill {n}')
            yield n

    results = list(engine.infer_each(np.zeros((2, *SIZE, 3), np.uint8), filling(), 3.0))
    assert happened == expected
    assert [len(one['boxes']) for one in results] == [1, 1]


def test_a_network_of_free_size_still_runs_image_by_image(tmp_path):
    pytest.importorskip('openvino', reason='needs openvino, which is not installed')
    path = write_stand_in(tmp_path / 'free.onnx', height='h', width='w')
    spec = EngineSpec(EngineConfig(kind='openvino', threads=1), path, max_batch=4, input_size=SIZE)
    engine = make_engine(spec)
    engine.load()
    pictures = np.random.default_rng(7).integers(0, 256, (3, *SIZE, 3), np.uint8)
    whole = engine.infer(pictures, 3)
    batch = np.zeros_like(pictures)

    def filling():
        for index in range(3):
            batch[index] = pictures[index]
            yield index + 1

    assert isinstance(engine, ImageByImage)
    each = list(engine.infer_each(batch, filling()))
    engine.close()
    for name, array in whole.items():
        np.testing.assert_array_equal(np.concatenate([one[name] for one in each]), array)
