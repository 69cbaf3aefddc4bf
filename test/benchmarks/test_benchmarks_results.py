"""What benchmarks tell and how it is drawn; nothing is measured here."""

import argparse
import itertools
import json
import sys
from pathlib import Path

import engines
import pytest
import report
import streams
import suite
from machine import Results, Table, describe, shown
from peers.message_filters_rule import MessageFiltersPython
from peers.talk import Setting

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.capacity import TrialOptions

BENCHMARKS = Path(__file__).resolve().parents[2] / 'benchmarks'


@pytest.fixture
def results(tmp_path, capsys):
    path = tmp_path / 'sync.json'
    made = Results('sync', 'Matching', argparse.Namespace(json=path, quick=True))
    return made, path


def test_the_machine_is_described():
    told = describe()
    assert told['cores'] >= 1
    assert told['cpu']
    assert {'numpy', 'opencv', 'openvino', 'onnxruntime', 'cyclonedds'} <= set(told['packages'])
    assert told['packages']['numpy']


def test_tables_are_aligned_and_fit_a_terminal():
    table = Table('times', ('', 'ms', 'lost'), 'a note')
    table.row('ours', 1.23456, '0.0%')
    table.row('the usual node', 123.456, None)
    lines = str(table).splitlines()
    assert lines[1:4] == [
        '                    ms  lost',
        '  ours            1.23  0.0%',
        '  the usual node   123  -',
    ]
    with pytest.raises(ValueError, match='3 cells'):
        table.row('too few', 1)


@pytest.mark.parametrize(
    ('value', 'text'),
    [(0.0, '0.00'), (0.0123456, '0.0123'), (1.5, '1.50'), (42.0, '42.0'), (1234.5, '1234'), (None, '-')],
)
def test_values_have_three_digits_or_so(value, text):
    assert shown(value) == text
    assert shown(float('inf')) == '-'


def test_results_become_json_and_json_becomes_markdown(results):
    made, path = results
    table = Table('us a message', ('', 'us', 'x floor'))
    table.row('ours', 2.0, float('inf'))
    made.show(table)
    made.check('a message', 2.0, 3.0, 'us')
    made.check('the stock one / ours', None, 1.0, most=False)
    made.missing('ROS')
    assert made.finish() == 0
    told = json.loads(path.read_text())
    assert told['benchmark'] == 'sync'
    assert told['tables'][0]['rows'] == [['ours', 2.0, None]]
    assert [check['held'] for check in told['checks']] == [True, None]
    (path.parent / 'other.json').write_text('[]')  # no benchmark's
    text = report.markdown(report.read(path.parent))
    assert '| ours | 2.00 | - |' in text
    assert '| Matching | a message | 2.00 us | at most 3.00 | yes |' in text
    assert 'Not measured: ROS.' in text


def test_a_broken_bound_is_a_failure(results):
    made, _ = results
    made.check('too slow', 5.0, 3.0, 'ms')
    made.check('enough', 2.0, 1.0, most=False)
    assert made.finish() == 1


def test_engines_without_any_runtime_are_a_failure(results, monkeypatch, tmp_path):
    path = tmp_path / 'engines.json'
    monkeypatch.setattr(sys, 'argv', ['engines.py', '--quick', '--json', str(path)])
    monkeypatch.setattr(engines, 'find_spec', lambda _: None)
    assert engines.main() == 1
    held = {check['what']: check['held'] for check in json.loads(path.read_text())['checks']}
    assert held['engines measured'] is False


def test_the_marked_part_of_a_document_is_replaced(results, monkeypatch, tmp_path):
    made, path = results
    made.finish()
    document = tmp_path / 'performance.md'
    document.write_text(f'before\n{report.BEGIN}\nold\n{report.END}\nafter\n')
    monkeypatch.setattr(sys, 'argv', ['report.py', str(path.parent), '--into', str(document)])
    assert report.main() == 0
    text = document.read_text()
    assert text.startswith('before\n')
    assert text.endswith('after\n')
    assert '## Matching' in text
    assert 'old' not in text


def test_every_benchmark_of_the_suite_is_there():
    for benchmark in suite.BENCHMARKS:
        script = BENCHMARKS / benchmark.script
        assert script.is_file(), benchmark
        assert f"'{benchmark.name}'" in script.read_text(), (
            'its results go by another name: nobody draws them'
        )


def test_the_summary_tells_what_was_broken_missing_and_failed():
    broken = {'what': 'time', 'value': 5.0, 'limit': 3.0, 'unit': 'ms', 'most': True, 'held': False}
    text = suite.summary(
        {
            'sync': {'checks': [broken], 'missing': ['ROS: none'], 'took_s': 3.2, 'failed': False},
            'map': {'checks': [], 'missing': [], 'took_s': 1.0, 'failed': True},
        }
    )
    assert '0 of 1' in text
    assert 'FAILED' in text
    assert 'sync: BROKEN: time: 5.00 ms (at most 3.00)' in text


def test_a_peer_is_told_its_setting(monkeypatch):
    setting = Setting(TrialOptions(streams=3, burst=(1.0, 2.0, 2.0)), 'a.onnx', 'openvino', '127.0.0.1:1')
    monkeypatch.setattr(sys, 'argv', ['peer', setting.to_json()])
    assert Setting.told() == setting


def test_the_rule_of_message_filters_waits_for_all_and_pairs_the_nearest():
    rule = MessageFiltersPython(('a', 'b'), 10, 10)
    frame = lambda camera, stamp_ns: Frame(camera, stamp_ns, 0, None, 'rgb8', '')  # noqa: E731
    assert not rule.add(frame('a', 100), 0)
    assert not rule.add(frame('a', 108), 0)
    (found,) = rule.add(frame('b', 106), 0)
    assert [one.stamp_ns for one in found] == [108, 106]
    assert not rule.add(frame('b', 120), 0)  # farther than the slop from what is left


class Limited:
    """Holds so many streams, and now and then more."""

    def __init__(self, capacity, luck):
        self.capacity, self.luck, self.held = capacity, luck, []

    def run(self, streams):
        held = streams <= self.capacity or (streams <= self.capacity + 2 and next(self.luck))
        self.held.append((streams, held))
        return argparse.Namespace(streams=streams, held=held), None


@pytest.mark.parametrize('confirmations', [0, 5])
def test_searches_that_take_turns_end_together_and_each_with_what_it_holds(monkeypatch, confirmations):
    monkeypatch.setattr(streams, 'words', str)
    monkeypatch.setattr(streams, 'told', lambda found, trials, _: (found, len(trials)))
    trial = argparse.Namespace(with_streams=lambda n: n)
    luck = itertools.cycle([True, True, False])
    contenders = {name: Limited(capacity, luck) for name, capacity in (('a', 17), ('b', 5), ('none', 0))}
    options = argparse.Namespace(most=64, confirmations=confirmations)
    found = streams.in_turns(contenders, trial, options)
    for name, contender in contenders.items():
        streams_found, trials = found[name]
        assert trials == len(contender.held)
        if streams_found:
            assert (
                contender.held[-confirmations:] == [(streams_found, True)] * confirmations
                or not confirmations
            )
    assert abs(len(contenders['a'].held) - len(contenders['b'].held)) <= 1
    assert found['none'][0] <= 2
