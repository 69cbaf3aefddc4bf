"""stream_infer_rviz: rviz2 starts with the cameras, the namespace, the frames and the clock of the node."""

import os
import signal
import subprocess
import sys

import pytest
import yaml
from node_harness import CAMERAS, Bench, Cameras, ros_arguments, until

from stream_infer_ros.nodes.stream_infer_node import StreamInferNode
from stream_infer_ros.simulation import SimulationOptions

PATIENCE_S = 30
RUN = (
    'from stream_infer_ros.nodes import rviz_start; rviz_start.PATIENCE_S = 0.5\n'
    'from stream_infer_ros.nodes.executables import stream_infer_rviz as run; run()'
)
# Stores its arguments and its configuration.
STAND_IN = """#!/bin/bash
printf '%s\\n' "$@" > {folder}/arguments
cp "$2" {folder}/shown.rviz
"""


@pytest.fixture
def rviz(tmp_path):
    """Put a substitute for rviz2 on PATH; return a function that starts our executable."""
    (tmp_path / 'bin').mkdir()
    stand_in = tmp_path / 'bin' / 'rviz2'
    stand_in.write_text(STAND_IN.format(folder=tmp_path))
    stand_in.chmod(0o755)
    started = []

    def start(*arguments, path=f'{tmp_path}/bin:{os.environ["PATH"]}'):
        process = subprocess.Popen(
            [sys.executable, '-c', RUN, *arguments],
            env=os.environ | {'PATH': path, 'TMPDIR': str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    start.folder = tmp_path
    yield start
    for process in started:
        process.kill()
        process.communicate()


def bench(*options, **parameters):
    settings = {'engine__kind': 'fake', **parameters}
    return Bench(StreamInferNode, [*ros_arguments(**settings), *options])


def shown(rviz, process):
    """Return the configuration that rviz2 was started with, and its other arguments."""
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    arguments = (rviz.folder / 'arguments').read_text().splitlines()
    return yaml.safe_load((rviz.folder / 'shown.rviz').read_text()), arguments[2:]


def overlays(document):
    group = next(d for d in document['Visualization Manager']['Displays'] if d['Name'] == 'Overlays')
    return [display['Topic']['Value'] for display in group['Displays']]


def test_cameras_that_are_named_are_shown_before_the_node_is_active(rviz):
    settings = {'cameras': ['front', 'a_left'], 'autostart': False, 'map__map_frame': 'world'}
    with bench('-r', '__ns:=/robot1', **settings):
        document, others = shown(rviz, rviz('--ros-args', '-r', '__ns:=/robot1'))
    assert overlays(document) == [f'/robot1/stream_infer/{name}/overlay' for name in ('front', 'a_left')]
    assert document['Visualization Manager']['Global Options']['Fixed Frame'] == 'world'
    assert others == ['--ros-args', '-r', '__ns:=/robot1']


def test_cameras_that_are_discovered_are_shown_once_the_node_is_active(rviz):
    options = SimulationOptions(cameras=2, width=160, height=120, namespace='/robot2')
    process = rviz('--ros-args', '-r', '__ns:=/robot2')
    with bench('-r', '__ns:=/robot2') as ros:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        with Cameras(ros.graph, options):
            document, _ = shown(rviz, process)
    assert overlays(document) == [f'/robot2/stream_infer/{name}/overlay' for name in CAMERAS]


def test_rviz_runs_on_simulated_time_where_the_node_does(rviz):
    with bench(cameras=CAMERAS, use_sim_time=True):
        _, others = shown(rviz, rviz())
    assert others == ['--ros-args', '-p', 'use_sim_time:=true']


def test_without_a_node_it_says_what_it_waits_for_and_ends_when_told(rviz):
    process = rviz()
    words = 'waiting for the node /stream_infer to start'
    until(lambda: words in process.stdout.readline(), words)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    assert 'Traceback' not in output


def test_without_rviz2_it_says_how_to_get_it(rviz):
    process = rviz(path='/nonexistent')
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert f'apt install ros-{os.environ["ROS_DISTRO"]}-rviz2' in output
