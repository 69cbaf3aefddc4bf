"""A real ROS 2, where one is installed, sees the pipeline as it sees any node."""

import os
import subprocess
import sys

import pytest
from ros_environments import SOURCED, without_this_venv

pytest.importorskip(
    'ros2cli', reason='no ros2 command: not tested that ros2 topic and ros2 node show the pipeline'
)

PATIENCE_S = 60


def ros2(command):
    """Return the output of a ros2 command in a sourced shell."""
    done = subprocess.run(
        ['bash', '-c', f'source {SOURCED} && ros2 {command}'],
        env=without_this_venv(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, f'ros2 {command}: {done.stdout}{done.stderr}'
    return done.stdout


@pytest.fixture(scope='module', autouse=True)
def running():
    """Two small cameras and the pipeline, each a process."""
    options = ['--loopback', '--domain-id', os.environ['ROS_DOMAIN_ID']]
    stream_infer = [sys.executable, '-m', 'stream_infer_ros']
    world = [*stream_infer, 'simulate', '--cameras', '2', '--width', '160', '--height', '120', *options]
    pipeline = [*stream_infer, 'run', '--cameras', 'cam0,cam1', '--engine', 'fake', '--plain', *options]
    started = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in (world, pipeline)]
    yield
    for process in started:
        process.terminate()
    assert [process.wait(timeout=PATIENCE_S) for process in started] == [0, 0]


def test_the_map_and_detections_are_echoed():
    grid = ros2(
        'topic echo --once --no-arr --qos-durability transient_local --qos-reliability reliable '
        '/stream_infer/occupancy_grid nav_msgs/msg/OccupancyGrid'
    )
    assert 'frame_id: odom' in grid
    assert 'width: 400' in grid
    boxes = ros2('topic echo --once /stream_infer/cam1/detections vision_msgs/msg/Detection2DArray')
    assert 'frame_id: cam1_optical_frame' in boxes


def test_the_nodes_and_topics_are_listed_with_their_types():
    nodes = ros2('node list --no-daemon --spin-time 5').split()
    assert {'/stream_infer', '/camera_world'} <= set(nodes)
    topics = ros2('topic list -t --no-daemon --spin-time 5')
    for line in (
        '/stream_infer/cam0/detections [vision_msgs/msg/Detection2DArray]',
        '/stream_infer/occupancy_grid [nav_msgs/msg/OccupancyGrid]',
        '/stream_infer/cam0/scan [sensor_msgs/msg/LaserScan]',
        '/cam0/image_raw [sensor_msgs/msg/Image]',
    ):
        assert line in topics


def test_type_hash_and_qos_are_those_of_ros():
    told = ros2('topic info -v --no-daemon --spin-time 5 /stream_infer/occupancy_grid')
    assert 'Topic type hash: RIHS01_' in told
    assert 'Durability: TRANSIENT_LOCAL' in told
    assert 'Node name: stream_infer' in told
