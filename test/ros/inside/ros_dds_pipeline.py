"""`stream_infer run` in a process without ROS, with cameras and subscribers on rclpy with its defaults."""

import signal
import subprocess
import sys
import threading
import time

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import OccupancyGrid
from node_harness import PATIENCE_S, until
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage
from typed_ends import (
    LATCHED_1,
    LATCHED_9,
    RELIABLE_5,
    Inbox,
    camera_info,
    image,
    node_beside_us,
    stamped_now,
    transform,
    without_ros,
)
from vision_msgs.msg import Detection2DArray

CAMERAS = ('front', 'left', 'right')
LEAST_SETS = 50
ROBOT_AT_M = 7.0


@pytest.fixture(scope='module')
def node():
    with node_beside_us() as made:
        yield made


class Camera:
    """A camera driver on rclpy, and a subscriber to the detections in its images."""

    def __init__(self, node, name):
        self.name = name
        self._images = node.create_publisher(Image, f'/{name}/image_raw', RELIABLE_5)
        self._infos = node.create_publisher(CameraInfo, f'/{name}/camera_info', RELIABLE_5)
        self.found = Inbox(node, f'/stream_infer/{name}/detections', Detection2DArray, RELIABLE_5)

    def has_our_pipeline(self):
        publishers = (self._images, self._infos)
        return all(publisher.get_subscription_count() == 1 for publisher in publishers)

    def latest(self):
        """Return the stamp of the last detections message; None before the first."""
        return self.found.messages[-1].header.stamp if self.found.messages else None

    def publish(self, stamp):
        self._infos.publish(camera_info(f'{self.name}_optical', stamp))
        self._images.publish(image(f'{self.name}_optical', stamp))


@pytest.fixture
def pipeline(tmp_path):
    """Return a function that starts `stream_infer run` without ROS, and returns process and output file."""
    config, output = tmp_path / 'run.yaml', tmp_path / 'output.txt'
    # With these limits no image is late, even on a busy machine.
    config.write_text('sync: {deadline_ms: 5000.0}\nbound_ms: 20000.0\n')
    command = ['run', '--config', str(config), '--cameras', ','.join(CAMERAS), '--engine', 'fake', '--plain']
    started = []

    def start():
        with output.open('w') as file:
            process = subprocess.Popen(
                [sys.executable, '-m', 'stream_infer_ros', *command, '--loopback'],
                env=without_ros(),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return process, output

    yield start
    for process in started:
        process.kill()
        process.wait()
        print(output.read_text())


class Drivers:
    """Camera drivers and transforms on rclpy, and the results of our pipeline."""

    def __init__(self, node):
        self.cameras = [Camera(node, name) for name in CAMERAS]
        self.maps = Inbox(node, '/stream_infer/occupancy_grid', OccupancyGrid, LATCHED_1)
        self.diagnostics = Inbox(node, '/diagnostics', DiagnosticArray, RELIABLE_5)
        self._moving = node.create_publisher(TFMessage, '/tf', RELIABLE_5)
        fixed = node.create_publisher(TFMessage, '/tf_static', LATCHED_9)
        for name in CAMERAS:
            fixed.publish(transform('base_link', f'{name}_optical', stamped_now(), z_m=1.0, optical=True))
        self.stamps = []

    def have_our_pipeline(self):
        """True if the pipeline subscribes to all inputs."""
        cameras = all(camera.has_our_pipeline() for camera in self.cameras)
        return cameras and self._moving.get_subscription_count() == 1

    def set_comes_back(self, patience_s):
        """Publish an image of each camera; True if the detections of all of them arrive in time."""
        stamp = stamped_now()
        self.stamps.append(stamp)
        self._moving.publish(transform('odom', 'base_link', stamp, x_m=ROBOT_AT_M))
        for camera in self.cameras:
            camera.publish(stamp)
        end_s, tick = time.monotonic() + patience_s, threading.Event()
        while not all(camera.latest() == stamp for camera in self.cameras):
            if time.monotonic() > end_s:
                return False
            tick.wait(0.005)
        return True

    def map_is_about_the_robot(self):
        """True if the pipeline has the transforms of the sets."""
        if not self.maps.messages:
            return False
        info = self.maps.messages[-1].info
        return abs(info.origin.position.x + info.width * info.resolution / 2 - ROBOT_AT_M) < 0.2

    def counted(self):
        """Return how many images our pipeline received according to its output, by camera."""
        values = {
            status.name.rpartition(' ')[2]: {value.key: value.value for value in status.values}
            for status in self.diagnostics.messages[-1].status
        }
        return {camera.name: int(values[camera.name]['images']) for camera in self.cameras}


def test_stream_infer_run_takes_every_image_and_its_results_are_read(node, pipeline):
    drivers = Drivers(node)
    process, output = pipeline()
    until(drivers.have_our_pipeline, 'the pipeline', 3 * PATIENCE_S)
    # At first the pipeline may not know all subscribers to its results.
    until(lambda: drivers.set_comes_back(patience_s=1.0), 'detections of every camera')
    answered = 0
    while answered < LEAST_SETS or not drivers.map_is_about_the_robot():
        assert drivers.set_comes_back(PATIENCE_S)
        answered += 1
    sent = len(drivers.stamps)
    until(lambda: drivers.counted() == dict.fromkeys(CAMERAS, sent), f'{sent} images of each camera')
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0
    assert 'Traceback' not in output.read_text()
    for camera in drivers.cameras:
        headers = [(found.header.frame_id, found.header.stamp) for found in camera.found.messages[-answered:]]
        assert headers == [(f'{camera.name}_optical', stamp) for stamp in drivers.stamps[-answered:]]
