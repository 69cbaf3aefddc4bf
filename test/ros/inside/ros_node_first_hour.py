"""Problems of new users: missing, late or oddly named cameras, robots in namespaces, no clock."""

import re

import numpy as np
import pytest
import rclpy
from node_harness import SMALL, Bench, Cameras, ros_arguments, until
from rosbags_messages import grid_cells
from rosgraph_msgs.msg import Clock

from stream_infer_ros.graph import LATCHED, RELIABLE
from stream_infer_ros.graph.ros import RosGraph
from stream_infer_ros.nodes import clock_watch
from stream_infer_ros.nodes.stream_infer_node import StreamInferNode
from stream_infer_ros.pipeline.health import input_watch
from stream_infer_ros.simulation import SimulationOptions

IMAGE = 'sensor_msgs/msg/Image'
GRID = 'nav_msgs/msg/OccupancyGrid'
OK, WARN, ERROR, STALE = range(4)
IN_NAMESPACE = ['-r', '__ns:=/robot1', '-r', '/tf:=tf', '-r', '/tf_static:=tf_static']


class Logged(Bench):
    """A bench that reads (level, text) of each log line of the node from the console."""

    def __init__(self, console, *more, **parameters):
        settings = {'engine__kind': 'fake', 'publish__diagnostics_period_s': 0.1, **parameters}
        super().__init__(StreamInferNode, [*ros_arguments(**settings), *more])
        self._console = console
        self._text = ''

    @property
    def lines(self):
        """Return the log lines so far."""
        self._text += self._console.readouterr().err
        return re.findall(r'^\[(\w+)\] \[[\d.]+\] \[\S*stream_infer\]: (.*)$', self._text, re.MULTILINE)

    def until_logged(self, *words):
        """Wait for a line that contains all of these words; return its (level, text)."""

        def line():
            return next((line for line in self.lines if all(word in line[1] for word in words)), None)

        return until(line, f'a line with {words}')


@pytest.fixture
def bench(capfd):
    def make(*more, **parameters):
        return Logged(capfd, *more, **parameters)

    return make


def test_cameras_that_never_come_are_warned_of_with_what_is_there(bench, monkeypatch):
    monkeypatch.setattr(input_watch, 'PATIENCE_NS', 500_000_000)
    with bench(cameras=['front']) as ros:
        ros.graph.advertise('/driver/image', IMAGE, RELIABLE)
        level, text = ros.until_logged('camera front: no image came on /front/image_raw', '/driver/image')
        assert level == 'WARN'
        assert 'nobody publishes there' in text
        until(lambda: ros.statuses['stream_infer: camera front'][0] == WARN, 'a warning on /diagnostics')


def test_a_topic_is_warned_of_by_the_name_that_it_was_remapped_to(bench, monkeypatch):
    monkeypatch.setattr(input_watch, 'PATIENCE_NS', 500_000_000)
    with bench('-r', '/front/image_raw:=/driver/color', cameras=['front']) as ros:
        ros.until_logged('camera front: no image came on /driver/color: nobody publishes there')


def test_a_camera_that_falls_silent_is_logged_once_and_once_when_it_is_back(bench):
    with bench(cameras=['cam0', 'cam1']) as ros, Cameras(ros.graph) as cameras:
        until(lambda: ros.statuses.get('stream_infer: camera cam1', (ERROR,))[0] == OK, 'cam1 streams')
        cameras.silent.add(1)
        level, _ = ros.until_logged('camera cam1: silent for', 'check its driver')
        assert level == 'ERROR'
        cameras.silent.clear()
        level, _ = ros.until_logged('camera cam1: resolved')
        assert level == 'INFO'
        told = [text for _, text in ros.lines if 'camera cam1: silent' in text]
        assert len(told) == 1


def test_cameras_are_found_under_good_names_and_one_that_comes_later_is_told(bench):
    with bench() as ros:
        for topic in ('/camera/camera/color/image_raw', '/image_raw'):
            ros.graph.advertise(topic, IMAGE, RELIABLE)
        ros.until_logged('camera camera_color: /camera/camera/color/image_raw')
        ros.until_logged('camera camera: /image_raw')
        ros.until_state('active')
        ros.graph.advertise('/late/image_raw', IMAGE, RELIABLE)
        level, _ = ros.until_logged('image topics: ', '/late/image_raw', 'restart to include it')
        assert level == 'WARN'


def test_a_robot_with_transforms_of_its_own_gets_its_map_and_its_name_on_diagnostics(bench):
    with bench(*IN_NAMESPACE, cameras=['cam0', 'cam1']) as ros:
        maps = ros.collect('/robot1/stream_infer/occupancy_grid', GRID, LATCHED)
        driver = rclpy.create_node(
            'driver', cli_args=['--ros-args', *IN_NAMESPACE], use_global_arguments=False
        )
        graph = RosGraph(driver)
        options = SimulationOptions(cameras=2, width=SMALL.width, height=SMALL.height, namespace='/robot1')
        with Cameras(graph, options):
            until(lambda: maps and np.any(grid_cells(maps[-1]) == 0), 'free ground')
            until(lambda: ros.statuses.get('robot1/stream_infer: camera cam0', (ERROR,))[0] == OK, 'its name')
            until(lambda: 'robot1/stream_infer: lifecycle' in ros.statuses, 'the name of its state')
        graph.close()
        driver.destroy_node()


def test_transforms_in_another_namespace_are_named(bench, monkeypatch):
    monkeypatch.setattr(input_watch, 'PATIENCE_NS', 500_000_000)
    with bench(cameras=['front']) as ros:
        ros.graph.advertise('/robot1/tf', 'tf2_msgs/msg/TFMessage', RELIABLE)
        ros.until_logged('pipeline: ', 'some on /robot1/tf', 'tf_in_namespace:=true')


def test_a_clock_that_never_comes_is_named_and_forgotten_once_it_does(bench, monkeypatch):
    monkeypatch.setattr(clock_watch, 'PATIENCE_S', 0.5)
    with bench(cameras=['front'], use_sim_time=True) as ros:
        level, _ = ros.until_logged('no time came on /clock')
        assert level == 'WARN'
        clock = ros.peer.create_publisher(Clock, '/clock', 10)
        message = Clock()
        message.clock.sec = 100

        def runs():
            clock.publish(message)
            return ros.statuses.get('stream_infer: lifecycle', (WARN, ''))[0] == OK

        until(runs, 'it is active again')
