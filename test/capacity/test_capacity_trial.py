"""Small trials for real: a pipeline here, its cameras in another process."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from stream_infer_ros.capacity import Bench, TrialOptions, measure_ideal_capacity
from stream_infer_ros.cli.app import app
from stream_infer_ros.pipeline.health.statistics import STAGES

# Busy machines are slow: what is tested is that frames are offered, come out and are counted.
SMALL = TrialOptions(
    streams=2, rate_hz=10, width=96, height=64, bound_ms=800.0, warm_up_s=0.3, seconds=1.0, graph='memory'
)
FAKE = {'kind': 'fake'}


@pytest.fixture
def bench():
    with Bench(4, FAKE, {}) as bench:
        yield bench


@pytest.mark.parametrize(('encoding', 'matched'), [('rgb8', True), ('jpeg', False)])
def test_a_trial_in_memory(bench, encoding, matched):
    result, _ = bench.run(TrialOptions(**{**_values(SMALL), 'encoding': encoding, 'matched': matched}))
    assert (result.streams, result.offered) == (2, 20)
    assert result.published > 0
    assert result.p99_ms > 0
    assert (result.cpu_s > 0, result.camera_cpu_s) == (True, 0.0)
    assert {'letterbox', 'inference', 'decode', 'publish', 'total'} <= set(result.stages_ms) <= set(STAGES)
    assert result.unexplained == 0
    assert 0 < result.least_of_a_stream <= 1 - result.loss


def test_a_trial_over_dds(bench):
    pytest.importorskip('cyclonedds', reason='Cyclone DDS is not installed: no trial through DDS')
    options = TrialOptions(**{**_values(SMALL), 'graph': 'dds', 'domain_id': 160 + os.getpid() % 40})
    result, _ = bench.run(options)
    assert result.offered == 20
    # How many are in time is the machine's affair; all are accounted for.
    assert result.published > 0
    assert result.unexplained == 0
    assert result.camera_cpu_s > 0


def test_the_process_of_the_cameras_ends_with_whoever_started_it():
    """Also while it looks for listeners that never come."""
    pytest.importorskip('cyclonedds', reason='Cyclone DDS is not installed: no cameras in another process')
    options = TrialOptions(**{**_values(SMALL), 'graph': 'dds', 'domain_id': 200 + os.getpid() % 30})
    command = [sys.executable, '-m', 'stream_infer_ros.capacity.camera_process', options.to_json()]
    cameras = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    cameras.communicate(timeout=25)  # closes its input; alone it would look for 30 s
    assert cameras.returncode == 0


def test_the_ideal_capacity_follows_from_the_costs_of_the_parts(bench):
    ideal = measure_ideal_capacity(bench.network.engines[0], SMALL)
    spent_ms = ideal.copy_ms + ideal.resize_ms + ideal.engine_ms
    assert 0 < ideal.floor_ms < 1000
    assert ideal.streams == int(ideal.cores * 1e3 / spent_ms / SMALL.rate_hz)


def test_the_command_writes_its_figures(tmp_path):
    told, picture = tmp_path / 'found.json', tmp_path / 'found.png'
    arguments = ['--graph', 'memory', '--engine', 'fake', '--size', '96x64', '--most', '2', '--seconds', '1']
    arguments += ['--bound-ms', '800', '--confirmations', '1', '--json', str(told), '--plot', str(picture)]
    result = CliRunner().invoke(app, ['find-streams', *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = json.loads(told.read_text())
    assert {'streams', 'p99_ms', 'loss', 'ideal_streams', 'ratio', 'engine', 'model', 'graph'} <= set(found)
    assert (found['engine'], found['graph']) == ('fake', 'memory')
    assert len(found['trials']) >= 2
    assert picture.stat().st_size > 1000
    assert 'streams held' in result.output
    assert 'floor of the latency' in result.output
    assert found['floor_ms'] > 0
    # The fake engine holds both streams, unless the machine is very busy.
    assert found['ceiling_reached'] == (found['streams'] == 2) == ('ceiling of this search' in result.output)


def test_the_command_says_why_not_even_one_stream_is_held(tmp_path):
    told, settings = tmp_path / 'found.json', tmp_path / 'slow.yaml'
    settings.write_text('engine: {kind: fake, fake_latency_ms: 60.0}\nbound_ms: 50.0\ngraph: {kind: memory}')
    arguments = [
        '--config',
        str(settings),
        '--size',
        '96x64',
        '--most',
        '2',
        '--seconds',
        '1',
        '--json',
        str(told),
    ]
    result = CliRunner().invoke(app, ['find-streams', *arguments], catch_exceptions=False)
    found, words = json.loads(told.read_text()), ' '.join(result.output.split())
    assert (found['streams'], found['ceiling_reached'], found['graph']) == (0, False, 'memory')
    assert found['floor_ms'] >= 60.0
    assert found['options']['bound_ms'] == 50.0
    assert 'more than the bound of 50 ms' in words
    assert 'not even 1 stream was held' in words


def test_the_command_takes_a_card(tmp_path):
    arguments = [
        '--card',
        'no_such_card',
        '--engine',
        'fake',
        '--graph',
        'memory',
        '--most',
        '1',
        '--seconds',
        '1',
    ]
    result = CliRunner().invoke(app, ['find-streams', *arguments])
    assert result.exit_code
    assert 'no_such_card' in str(result.exception)


def test_the_engine_alone(tmp_path):
    told = tmp_path / 'found.json'
    arguments = ['--engine-only', '--engine', 'fake', '--most', '4', '--seconds', '1', '--json', str(told)]
    result = CliRunner().invoke(app, ['find-streams', *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert json.loads(told.read_text())['streams'] == 4


def _values(options):
    return {name: getattr(options, name) for name in options.__dataclass_fields__}
