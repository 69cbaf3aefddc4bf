"""`stream_infer run` with `graph.kind: ros`: the command line through rclpy."""

import os
import signal
import subprocess
import sys

import pytest
from graph_harness import PATIENCE_S, Inbox

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import LATCHED, RELIABLE
from stream_infer_ros.graph.ros import OwnNodeGraph


@pytest.fixture
def listener():
    graph = OwnNodeGraph(GraphConfig(kind='ros', node_name='listener', loopback=True))
    yield graph
    graph.close()


def test_the_pipeline_runs_through_rclpy_and_ends_in_order(listener, tmp_path, capfd):
    config = tmp_path / 'ros.yaml'
    config.write_text('graph: {kind: ros}\n')
    shared = ['--loopback', '--domain-id', os.environ['ROS_DOMAIN_ID']]
    stream_infer = [sys.executable, '-m', 'stream_infer_ros']
    world = [*stream_infer, 'simulate', '--cameras', '2', '--width', '160', '--height', '120', *shared]
    run = [*stream_infer, 'run', '--config', str(config), '--cameras', 'cam0,cam1', '--engine', 'fake']
    started = []
    try:
        started.append(subprocess.Popen(world, stdout=subprocess.DEVNULL))
        started.append(
            subprocess.Popen(
                [*run, '--plain', *shared], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        )
        maps, boxes = Inbox(), Inbox()
        listener.subscribe('/stream_infer/occupancy_grid', 'nav_msgs/msg/OccupancyGrid', LATCHED, maps)
        listener.subscribe(
            '/stream_infer/cam1/detections', 'vision_msgs/msg/Detection2DArray', RELIABLE, boxes
        )
        try:
            maps.wait(3)
            boxes.wait(3)
        finally:
            started[1].send_signal(signal.SIGINT)
            output, _ = started[1].communicate(timeout=PATIENCE_S)
            print(output)  # shown if nothing came
        assert started[1].returncode == 0
        assert 'Traceback' not in output
        # Two Fast DDS participants send each other descriptions of their types, which the cameras get to see.
        assert 'invalid type object' not in capfd.readouterr().err
    finally:
        for process in started:
            process.terminate()
            process.wait(PATIENCE_S)
