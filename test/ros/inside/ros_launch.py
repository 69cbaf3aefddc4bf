"""Built with colcon, the launch files bring world and pipeline up on a real ROS 2, and down again."""

import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from ros_environments import SOURCED, without_this_venv

pytest.importorskip(
    'ros2launch',
    reason='no ros2 launch: not tested that it starts the demo, a replay and build_only',
)

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 90
SMALL = 'cameras:=cam0,cam1 engine:=fake'


class Workspace:
    """A colcon workspace with this package, and a shell in which it is sourced."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        belongs = shutil.ignore_patterns('.*', 'build', 'install', 'log', 'test', '*.egg-info', 'demo_report')
        # Not the checkout itself: a build writes into its source.
        shutil.copytree(ROOT, folder / 'src' / 'stream_infer_ros', ignore=belongs)
        built = self.shell(f'{sys.executable} -m colcon build {" ".join(options)}', sourced=False)
        assert built.returncode == 0, built.stdout

    def shell(self, command: str, sourced: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ['bash', '-c', self._words(command, sourced)],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def ros2(self, command: str) -> str:
        done = self.shell(f'ros2 {command}')
        assert done.returncode == 0, f'ros2 {command}: {done.stdout}'
        return done.stdout

    def launch(self, command: str, variables: str = '') -> 'Launched':
        words = f'{variables} exec ros2 launch stream_infer_ros {command}'.strip()
        return Launched(self._words(words), self._environment())

    def close(self) -> None:
        """Leave no daemon of ros2 behind, which its commands start."""
        self.shell('ros2 daemon stop')

    def _words(self, command: str, sourced: bool = True) -> str:
        setups = [str(SOURCED), *(['install/setup.bash'] if sourced else [])]
        return f'cd {self.folder}; ' + ''.join(f'source {setup}; ' for setup in setups) + command

    def _environment(self) -> dict[str, str]:
        return without_this_venv() | {'ROS_LOG_DIR': str(self.folder / 'ros_log')}


class Launched:
    """A running `ros2 launch` and all it started; gone at the end of the with block."""

    def __init__(self, words: str, variables: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ['bash', '-c', words],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> 'Launched':
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ended(self) -> tuple[int, str]:
        """Exit code and output, once it has ended by itself."""
        output, _ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, output

    def interrupted(self) -> tuple[int, str]:
        """Exit code and output after Ctrl-C, which a terminal sends to every process of the group."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        return self.ended()


@pytest.fixture(scope='module')
def workspace(tmp_path_factory):
    made = Workspace(tmp_path_factory.mktemp('workspace'))
    yield made
    made.close()


@pytest.fixture(scope='module')
def linked(tmp_path_factory):
    made = Workspace(tmp_path_factory.mktemp('linked'), '--symlink-install')
    yield made
    made.close()


def until_active(workspace: Workspace, node: str, launched: Launched) -> None:
    """Wait for a state, not for a time; the limit is there for a node that never comes."""
    limit_s = time.monotonic() + PATIENCE_S
    told = ''
    while 'active [3]' not in told:
        if launched.process.poll() is not None or time.monotonic() > limit_s:
            pytest.fail(f'{node}: {told}{launched.interrupted()[1]}')
        told = workspace.shell(f'ros2 lifecycle get {node}').stdout


def see_the_demo(workspace: Workspace, namespace: str = '', more: str = '') -> None:
    """It comes up, its topics carry what they should, its parameters are as told, and Ctrl-C ends it."""
    moved = f'namespace:={namespace}' if namespace else ''
    node = f'/{namespace}/stream_infer' if namespace else '/stream_infer'
    with workspace.launch(f'demo.launch.py {SMALL} bound_ms:=80 {moved} {more}') as demo:
        until_active(workspace, node, demo)
        grid = workspace.ros2(
            'topic echo --once --no-arr --qos-durability transient_local --qos-reliability reliable '
            f'{node}/occupancy_grid nav_msgs/msg/OccupancyGrid'
        )
        assert 'frame_id: odom' in grid
        detections = workspace.ros2(f'topic echo --once {node}/cam1/detections')
        assert 'frame_id: cam1_optical_frame' in detections
        assert 'fake' in workspace.ros2(f'param get {node} engine.kind')
        assert '80.0' in workspace.ros2(f'param get {node} bound_ms')
        code, output = demo.interrupted()
    assert 'Traceback' not in output, output
    assert output.count('process has finished cleanly') == 2, output
    assert code == 0, output


def test_the_executables_are_found(workspace):
    listed = set(workspace.ros2('pkg executables stream_infer_ros').split())
    nodes = {'stream_infer_node', 'camera_world_node', 'occupancy_fusion_node', 'stream_infer_rviz'}
    assert listed >= nodes | {'stream_infer'}


def test_the_demo_comes_up_and_goes_down(workspace):
    see_the_demo(workspace)


def test_so_it_does_from_links_in_a_namespace_on_simulated_time(linked):
    see_the_demo(linked, 'robot1', 'use_sim_time:=true')


def test_build_only_ends_with_the_engine_ready(workspace):
    with workspace.launch('stream_infer.launch.py build_only:=true engine:=fake') as built:
        code, output = built.ended()
    assert code == 0, output
    assert 'the engine is ready' in output


@pytest.mark.parametrize('wrong', ['model:=/missing/network.onnx', 'engine:=abacus'])
def test_build_only_fails_with_the_reason(workspace, wrong):
    with workspace.launch(f'stream_infer.launch.py build_only:=true {wrong}') as refused:
        code, output = refused.ended()
    assert code != 0
    assert 'cannot configure' in output
    assert wrong.partition(':=')[2] in output
    assert 'the engine could not be built' in output


# Replaces a missing rosbag2. Waits to be resumed, then prints its arguments and the state of the pipeline.
STAND_IN = """#!/bin/bash
case "$1 $2" in
"bag play")
    echo "stand-in: $*"
    mkfifo {fifo}
    read < {fifo}
    echo "pipeline: $({ros2} lifecycle get /stream_infer)" ;;
"service call") echo "$*" > {fifo} ;;
*) exec {ros2} "$@" ;;
esac
"""


@pytest.fixture(scope='module')
def bag(workspace):
    path = workspace.folder / 'bag'
    world = f'simulate --cameras 2 --width 160 --height 120 --seconds 3 --bag {path}'
    recorded = workspace.shell(f'ros2 run stream_infer_ros stream_infer {world}')
    assert recorded.returncode == 0, recorded.stdout
    return path


@pytest.fixture(scope='module')
def player(workspace):
    """Return the environment for a working `ros2 bag play`, and True if the player is a substitute."""
    if workspace.shell('ros2 bag play --help').returncode == 0:
        return '', False
    warnings.warn('no ros2 bag here: a substitute replaced its player', stacklevel=1)
    stand_in = workspace.folder / 'stand_in' / 'ros2'
    stand_in.parent.mkdir()
    ros2 = workspace.shell('command -v ros2').stdout.strip()
    stand_in.write_text(STAND_IN.format(ros2=ros2, fifo=workspace.folder / 'resumed'))
    stand_in.chmod(0o755)
    return f'PATH={workspace.folder}/stand_in:$PATH', True


def test_a_replay_plays_once_the_pipeline_is_active_and_ends_with_the_bag(workspace, bag, player):
    variables, is_stand_in = player
    with workspace.launch(f'replay.launch.py bag:={bag} {SMALL} loop:=false', variables) as replay:
        code, output = replay.ended()
    assert code == 0, output
    assert 'the bag has ended' in output
    if is_stand_in:
        assert f'stand-in: bag play {bag} --rate 1.0 --clock 100' in output
        assert 'pipeline: active' in output


def test_a_replay_finds_the_cameras_of_its_bag(workspace, bag, player):
    variables, is_stand_in = player
    if is_stand_in:
        pytest.skip('no ros2 bag here: not tested that a replay finds the image topics of its bag')
    with workspace.launch(f'replay.launch.py bag:={bag} engine:=fake', variables) as replay:
        code, output = replay.ended()
    assert code == 0, output
    assert 'active: cam0, cam1' in output


def test_a_replay_whose_pipeline_does_not_come_up_fails(workspace, bag, player):
    model = workspace.folder / 'missing.onnx'
    arguments = f'bag:={bag} cameras:=cam0,cam1 model:={model}'
    with workspace.launch(f'replay.launch.py {arguments}', player[0]) as refused:
        code, output = refused.ended()
    assert code != 0
    assert 'the pipeline did not come up' in output
