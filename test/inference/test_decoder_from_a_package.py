"""Another package adds a model family: the entry point of an installed distribution is all it takes."""

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

onnx = pytest.importorskip('onnx')

from onnx import TensorProto, helper, numpy_helper  # noqa: E402 - only where it is installed

pytestmark = pytest.mark.skipif(
    find_spec('openvino') is None and find_spec('onnxruntime') is None, reason='no runtime is installed'
)

PLUGIN = """
import numpy as np

from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.model_card import UNIT, ModelCard


class CornerNetDecoder(BoxDecoder):
    default_card = ModelCard('cornernet', normalisation=UNIT)
    output_layout = 'corners (batch, N, 4 + classes)'

    @classmethod
    def recognises(cls, io):
        rows = io.output('corners')
        return rows is not None and len(rows.shape) == 3 and rows.shape[2] > 4

    @classmethod
    def is_certain(cls, io):
        return True

    @classmethod
    def class_count(cls, io):
        return io.output('corners').shape[2] - 4

    def boxes(self, outputs, thresholds):
        rows = outputs['corners']
        class_id = rows[:, 4:].argmax(axis=1)
        return Boxes(rows[:, :4], rows[np.arange(len(rows)), 4 + class_id], class_id)
"""

# In another process than the tests: families are found once in each process.
DECODE = """
import sys
import numpy as np
from stream_infer_ros.config import parse_config
from stream_infer_ros.inference import Thresholds, fit
from stream_infer_ros.pipeline.network import Network

config = parse_config({'model': {'file': sys.argv[1], 'family': 'cornernet'}}, 'test')
with Network(config, 1) as network:
    (outputs,) = network.engines[0].run(np.zeros((1, 64, 64, 3), np.uint8))
    (seen,) = network.decoder.decode(outputs, [fit(128, 128, 64, 64)], Thresholds.of(config.model))
    print(seen.detections.xyxy.tolist(), seen.detections.class_id.tolist())
"""


@pytest.fixture
def model(tmp_path):
    """A network that returns two boxes for every picture; the second one suppresses the first."""
    rows = np.array([[[10.0, 20, 30, 40, 0.1, 0.6], [11.0, 20, 31, 40, 0.2, 0.9]]], np.float32)
    constant = helper.make_node('Constant', [], ['corners'], value=numpy_helper.from_array(rows))
    graph = helper.make_graph(
        [constant],
        'corners',
        [helper.make_tensor_value_info('images', TensorProto.FLOAT, (1, 3, 64, 64))],
        [helper.make_tensor_value_info('corners', TensorProto.FLOAT, rows.shape)],
    )
    path = tmp_path / 'corners.onnx'
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8), path)
    return path


@pytest.fixture
def run(tmp_path):
    """Run Python with a distribution `corner-net` installed that has this entry point."""

    def run(entry_point, *arguments):
        installed = tmp_path / 'site'
        information = installed / 'corner_net-1.0.dist-info'
        information.mkdir(parents=True)
        (installed / 'corner_net.py').write_text(PLUGIN)
        (information / 'METADATA').write_text('Metadata-Version: 2.1\nName: corner-net\nVersion: 1.0\n')
        (information / 'entry_points.txt').write_text(f'[stream_infer_ros.decoders]\n{entry_point}\n')
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            env={**os.environ, 'PYTHONPATH': str(installed), 'COLUMNS': '200'},
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout, done.stderr

    return run


CHECK = ('-m', 'stream_infer_ros', 'check-model', '--batch', '1')
ENTRY_POINT = 'cornernet = corner_net:CornerNetDecoder'


def test_check_model_recognises_it(run, model):
    code, output, error = run(ENTRY_POINT, *CHECK, model)
    assert code == 0, error
    assert 'cornernet' in output
    assert '2: class0, class1' in output
    assert '0.00392157' in output


def test_the_network_of_a_pipeline_decodes_with_it(run, model):
    code, output, error = run(ENTRY_POINT, '-c', DECODE, model)
    assert code == 0, error
    # The picture is twice as large as the input, and pixel centres are at whole numbers.
    assert output.strip() == '[[22.5, 40.5, 62.5, 80.5]] [1]'


@pytest.mark.parametrize(
    ('entry_point', 'words'),
    [
        ('cornernet = corner_net:Missing', 'cannot load decoder corner_net:Missing of corner-net'),
        (
            'cornernet = corner_net:ModelCard',
            'expected a subclass of Decoder in decoder corner_net:ModelCard',
        ),
        ('other = corner_net:CornerNetDecoder', "expected the family 'other', the name of the entry point"),
        ('yolox = corner_net:CornerNetDecoder', "the family 'yolox' of decoder corner_net:CornerNetDecoder"),
    ],
)
def test_a_broken_one_is_named_in_one_line(run, model, entry_point, words):
    code, _, error = run(entry_point, *CHECK, model)
    assert code == 1
    assert words in error
    assert error.count('\n') == 1
