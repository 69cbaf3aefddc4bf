"""The command `stream_infer doctor`: exit code, text for terminals, JSON, and the documentation of both."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from planted import changed, examined, healthy, images, in_frame, write
from rich.markup import render

import stream_infer_ros.doctor.checks
from stream_infer_ros.doctor import Examination
from stream_infer_ros.doctor.findings import Severity, error, note, warning, worst_first
from stream_infer_ros.doctor.report import json_report, printable, text_report
from stream_infer_ros.mapping.view_problem import ViewProblemKind

GUIDE = Path(__file__).parents[2] / 'docs' / 'how-to' / 'doctor.md'


@pytest.fixture(scope='module')
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp('doctor')
    robot = healthy()
    spoilt = changed(robot, images(lambda m, _: replace(m, step=0)))
    return write(folder / 'healthy', robot), write(folder / 'spoilt', spoilt)


def doctor(*arguments):
    command = [sys.executable, '-m', 'stream_infer_ros', 'doctor', *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_exit_code_is_0_only_if_nothing_is_wrong(recordings):
    done = doctor(recordings[0], '--engine', 'fake')
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Nothing is wrong' in done.stdout
    assert 'cam0: 160x120 rgb8, 10.' in done.stdout
    done = doctor(recordings[1], '--engine', 'fake', '--json', '--seconds', 1)
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert not report['ok']
    assert (report['findings'][0]['problem'], report['findings'][0]['subject']) == (
        'images_refused',
        'camera cam0',
    )
    assert report['source']['seconds'] < 2


def test_a_recording_that_does_not_exist(tmp_path):
    done = doctor(tmp_path / 'none', '--json')
    assert done.returncode == 1
    assert [f['problem'] for f in json.loads(done.stdout)['findings']] == ['recording']


def test_a_configuration_that_is_wrong_is_an_error_of_the_command(tmp_path):
    (tmp_path / 'x.yaml').write_text('bound: 3')
    done = doctor('--config', tmp_path / 'x.yaml')
    assert done.returncode == 1
    assert 'there is no setting bound' in done.stderr


def test_the_values_in_json(recordings):
    report = json_report(examined(recordings[0]))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    camera = report['cameras'][0]
    assert (camera['name'], camera['width'], camera['height'], camera['encoding']) == (
        'cam0',
        160,
        120,
        'rgb8',
    )
    assert camera['rate_hz'] == pytest.approx(10.0, rel=0.1)
    assert camera['latency_ms'] == pytest.approx(5.0)
    # Cameras of the simulated robot are 0.9 m high and look 12 degrees down.
    assert camera['ground']['height_m'] == pytest.approx(0.9)
    assert 0.3 < camera['ground']['share'] < 0.8
    assert camera['ground']['farthest_m'] is None
    assert 30 < camera['ground']['horizon_row'] < 60
    assert report['matching']['partial'] == 0
    assert report['network']['offered_streams'] == 2


def test_the_guide_lists_every_key_of_the_json_report(recordings):
    guide = GUIDE.read_text()
    report = json_report(examined(recordings[1]))
    named = set(re.findall(r'`([a-z_]+)`', guide))
    for part in (
        report,
        report['source'],
        report['findings'][0],
        report['cameras'][1],
        report['matching'],
        report['network'],
    ):
        assert set(part) <= named
    assert set(report['cameras'][1]['ground']) <= named


def test_the_guide_lists_every_problem():
    guide = GUIDE.read_text()
    folder = Path(stream_infer_ros.doctor.checks.__file__).parent
    sources = [*folder.glob('*.py'), folder.parent / 'examination.py']
    called = [
        re.findall(r"(?:error|warning|note|report)\(\s*'([a-z0-9_]+)'", file.read_text()) for file in sources
    ]
    names = {name for found in called for name in found} | {kind.value for kind in ViewProblemKind}
    assert len(names) > 50
    assert not {name for name in names if f'`{name}`' not in guide}


def test_the_worst_comes_first_and_notes_do_not_fail(recordings):
    result = examined(recordings[0])
    found = worst_first([note('n', 'a', 'b'), warning('w', 'a', 'b', 'c'), error('e', 'a', 'b', 'c')])
    assert [finding.severity for finding in found] == list(Severity)
    assert Examination(result.seen, result.network, found[2:]).ok
    assert not Examination(result.seen, result.network, found[1:]).ok


def test_names_from_the_graph_cannot_write_to_the_terminal(recordings, tmp_path):
    evil = 'x\x1b[2J[red]y\u202ez' + 'w' * 5000
    bag = write(tmp_path / 'bag', changed(healthy(), images(lambda m, _: in_frame(m, evil))))
    lines = [render(line).plain for line in text_report(examined(bag))]
    text = '\n'.join(lines)
    assert '\x1b' not in text
    assert '\u202e' not in text
    assert '[red]y' in text
    assert max(map(len, lines)) < 2000
    assert printable('a\nb\tc') == 'a b c'
