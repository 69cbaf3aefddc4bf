"""`stream_infer run` finds the cameras on the graph if none are named, and counts what it received."""

import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import RELIABLE, make_graph
from stream_infer_ros.messages.image import encode_image
from stream_infer_ros.pipeline.inputs.camera_topics import IMAGE

pytest.importorskip('cyclonedds', reason='cyclonedds is not installed: not tested that `run` finds cameras')

DOMAIN_ID = 1 + (os.getpid() + 70) % 100
PATIENCE_S = 60


@pytest.fixture
def driver():
    graph = make_graph(GraphConfig(kind='dds', node_name='driver', domain_id=DOMAIN_ID, loopback=True))
    yield graph
    graph.close()


def run(*options):
    """Run the command for half a second; return its exit code and output."""
    command = [sys.executable, '-m', 'stream_infer_ros', 'run', '--plain', '--engine', 'fake', '--loopback']
    done = subprocess.run(
        [*command, '--domain-id', str(DOMAIN_ID), '--seconds', '0.5', *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    return done.returncode, done.stdout


@pytest.fixture
def streaming(driver):
    """Publish an image on two topics again and again."""
    pixels = np.zeros((48, 64, 3), np.uint8)
    publishers = [
        driver.advertise(topic, IMAGE, RELIABLE) for topic in ('/camera/camera/color/image_raw', '/image_raw')
    ]
    stop = threading.Event()

    def publish():
        while not stop.wait(0.05):
            cdr = encode_image(driver.now_ns(), 'camera', pixels, 'rgb8')
            for publisher in publishers:
                publisher.publish(cdr)

    thread = threading.Thread(target=publish)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_cameras_are_found_and_named_in_the_output(streaming):
    code, output = run()
    assert code == 0, output
    assert 'cameras found: 2' in output
    assert 'camera camera_color: /camera/camera/color/image_raw' in output
    assert 'camera camera: /image_raw' in output
    images = re.search(r'images: camera(?:_color)? (\d+), camera(?:_color)? (\d+)', output)
    assert images is not None, output
    assert all(int(count) > 0 for count in images.groups())


def test_a_run_without_any_image_fails_and_says_what_it_expected(driver):
    driver.advertise('/front/image_raw', IMAGE, RELIABLE)
    code, output = run('--cameras', 'nothing_there')
    assert code == 1
    assert '0 sets' in output
    assert 'Expected images on: /nothing_there/image_raw' in output
    assert 'Image topics on the graph: /front/image_raw' in output
