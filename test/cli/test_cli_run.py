"""`stream_infer run` finds the cameras on the graph if none are named, and prints what it found."""

import os
import subprocess
import sys

import pytest

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import RELIABLE, make_graph
from stream_infer_ros.pipeline.inputs.camera_topics import IMAGE

pytest.importorskip('cyclonedds', reason='cyclonedds is not installed: not tested that `run` finds cameras')

DOMAIN_ID = 1 + (os.getpid() + 70) % 100
PATIENCE_S = 60


@pytest.fixture
def driver():
    graph = make_graph(GraphConfig(kind='dds', node_name='driver', domain_id=DOMAIN_ID, loopback=True))
    yield graph
    graph.close()


def test_cameras_are_found_and_named_in_the_output(driver):
    for topic in ('/camera/camera/color/image_raw', '/image_raw'):
        driver.advertise(topic, IMAGE, RELIABLE)
    command = [sys.executable, '-m', 'stream_infer_ros', 'run', '--plain', '--engine', 'fake', '--loopback']
    done = subprocess.run(
        [*command, '--domain-id', str(DOMAIN_ID), '--seconds', '0.5'],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout
    assert 'cameras found: 2' in done.stdout
    assert 'camera camera_color: /camera/camera/color/image_raw' in done.stdout
    assert 'camera camera: /image_raw' in done.stdout
