"""`stream_infer build-engine`, with TensorRT for RTX, which builds without a GPU."""

import sys

import pytest

from stream_infer_ros.cli.app import run_app
from stream_infer_ros.inference.engines.tensorrt.flavour import why_not

pytestmark = pytest.mark.skipif(
    bool(why_not('tensorrt_rtx')), reason=f'no plan was built: {why_not("tensorrt_rtx")}'
)


@pytest.fixture
def build_engine(monkeypatch, capsys, tmp_path):
    """Runs the command in this process; gives exit code and what it wrote."""

    def run(*arguments):
        command = ['stream_infer', 'build-engine', '--cache-dir', str(tmp_path / 'plans')]
        monkeypatch.setattr(sys, 'argv', [*command, '--flavour', 'tensorrt_rtx', *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run_app()
        wrote = capsys.readouterr()
        return ended.value.code, wrote.out, wrote.err

    return run


def test_a_plan_is_built_once_and_written(build_engine, tmp_path):
    options = ('--compute-capability', '8.9', '--max-batch', 6, '--output', tmp_path / 'surround.plan')
    for ending in ('built', 'was already in the cache'):
        code, told, _ = build_engine(*options)
        assert code == 0
        assert 'fp16, 1 to 6 images' in told
        assert told.rstrip().endswith(ending)
    (plan,) = (tmp_path / 'plans').glob('*.plan')
    assert str(plan) in told
    assert (tmp_path / 'surround.plan').read_bytes() == plan.read_bytes()
    assert not list(tmp_path.glob('*.tmp'))


def test_the_configuration_file_counts(build_engine, tmp_path):
    config = tmp_path / 'robot.yaml'
    config.write_text(
        'cameras: [a, b, c]\nengine: {precision: fp32, tensorrt: {compute_capabilities: [8.6, 12.0]}}\n'
    )
    code, told, _ = build_engine('--config', config)
    assert code == 0
    assert 'fp32, 1 to 3 images' in told


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('/nowhere/net.onnx', '--compute-capability', '8.9'), '/nowhere/net.onnx'),
        (('--compute-capability', 'nine'), "like 8.9, got 'nine'"),
        (('--compute-capability', '9.0'), 'got compute capability 9.0'),
        (('--compute-capability', '8.9', '--precision', 'int8'), 'quantised for precision int8'),
        (('--compute-capability', '8.9', '--output', '/nowhere/x.plan'), '/nowhere/x.plan'),
    ],
)
def test_what_cannot_be_built_is_one_line(build_engine, arguments, words):
    code, _, told = build_engine(*arguments)
    assert code == 1
    assert told.startswith('error: ')
    assert words in told
    assert told.count('\n') == 1
