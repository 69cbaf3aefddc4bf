"""Who gets something wrong meets one line with the remedy, exit code 1, and nothing left behind."""

import sys

import pytest

from stream_infer_ros.cli.main import main
from stream_infer_ros.graph import RELIABLE, BagGraph


@pytest.fixture
def stream_infer(monkeypatch, capsys):
    """Runs the command in this process; gives exit code and what it wrote to standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['stream_infer', *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('replay', '/nowhere/[/x]'), '/nowhere/[/x]: expected a recording'),
        (('check-model', '/nowhere/[a].onnx'), '/nowhere/[a].onnx'),
        (('demo', '--seconds', 'inf'), 'seconds: expected a finite number'),
        (('demo', '--out', '/dev/null/report'), '/dev/null/report'),
        (('run', '--bound-ms', '-5'), 'bound_ms: input should be greater than 0'),
    ],
)
def test_an_error_is_one_line_and_says_what_it_is_about(stream_infer, arguments, words):
    code, told = stream_infer(*arguments)
    assert code == 1
    assert told.startswith('error: ')
    assert words in told
    assert told.count('\n') == 1


def test_a_replay_that_cannot_begin_leaves_no_recording(stream_infer, tmp_path):
    graph = BagGraph(write=tmp_path / 'in')
    graph.advertise('/a/image_raw', 'sensor_msgs/msg/Image', RELIABLE)
    graph.close()
    config = tmp_path / 'wrong.yaml'
    config.write_text('cameras: [a]\ncamera: {b: {compressed: true}}\n')
    code, told = stream_infer('replay', tmp_path / 'in', '--out', tmp_path / 'out', '--config', config)
    assert code == 1
    assert 'given for b' in told
    assert not (tmp_path / 'out').exists()
