"""A user error gives one line with the remedy and exit code 1, and leaves nothing behind."""

import sys

import pytest

from stream_infer_ros.cli.app import run_app
from stream_infer_ros.graph import RELIABLE, BagGraph


@pytest.fixture
def stream_infer(monkeypatch, capsys):
    """Runs the command in this process; gives exit code and what it wrote to standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['stream_infer', *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run_app()
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
        # Before minutes of work, not after them:
        (('find-streams', '--json', '/dev/null/x.json'), '--json, got /dev/null/x.json: Not a directory'),
        (('find-streams', '--json', '/'), '--json, got /: Is a directory'),
        (('find-streams', '--plot', '/nowhere/x.png'), '--plot, got /nowhere/x.png: No such file'),
        (('find-streams', '--plot', '/tmp/stream_infer.wav'), 'expected a file name ending in'),
        (('find-streams', '--engine-only', '--plot', '/tmp/x.png'), 'expected --plot or --engine-only'),
        (('eval-map', '--out', '/nowhere/[x].json'), '--out, got /nowhere/[x].json: No such file'),
        (('build-engine', '--output', '/nowhere/x.plan'), '--output, got /nowhere/x.plan: No such file'),
        (('replay', '/nowhere', '--out', '/dev/null/x'), '--out, got /dev/null/x: Not a directory'),
        (('replay', '/nowhere', '--out', '/dev'), 'expected a new path for --out, /dev exists'),
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


def test_a_run_that_fails_leaves_no_empty_file_and_what_was_there(stream_infer, tmp_path):
    figures, picture = tmp_path / 'figures.json', tmp_path / 'picture.png'
    picture.write_text('of the last time')
    arguments = ('--model', tmp_path / 'none.onnx', '--json', figures, '--plot', picture)
    code, told = stream_infer('find-streams', *arguments)
    assert code == 1
    assert 'none.onnx' in told
    assert picture.read_text() == 'of the last time'
    assert list(tmp_path.iterdir()) == [picture]
