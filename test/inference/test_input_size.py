"""A network whose size the user gives: it runs picture by picture, and `io` shows the size."""

import json

import numpy as np
import pytest
from engine_runs import infer
from stand_in_network import write_stand_in

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.inference.engines import EngineSpec, make_engine
from stream_infer_ros.inference.input_packing import IMAGE_SIZE

SIZE = 240, 320


def test_io_shows_the_size_that_the_user_gave(tmp_path):
    engine = make_engine(EngineSpec(EngineConfig(kind='fake'), tmp_path, input_size=SIZE))
    engine.load()
    assert json.loads(engine.io.metadata[IMAGE_SIZE]) == list(SIZE)


def test_a_network_of_free_size_starts_each_picture_when_it_gets_it(tmp_path):
    pytest.importorskip('openvino', reason='needs openvino, which is not installed')
    path = write_stand_in(tmp_path / 'free.onnx', height='h', width='w')
    spec = EngineSpec(EngineConfig(kind='openvino', threads=1), path, max_batch=4, input_size=SIZE)
    engine = make_engine(spec)
    engine.load()
    pictures = np.random.default_rng(7).integers(0, 256, (3, *SIZE, 3), np.uint8)
    whole = infer(engine, pictures)
    batch = np.zeros_like(pictures)

    def written():
        for index in range(3):
            batch[index] = pictures[index]
            yield batch[index]

    each = infer(engine, list(written()))
    engine.close()
    for name, array in whole.items():
        np.testing.assert_array_equal(each[name], array)
