"""The real rviz2 loads our configurations without a warning, and subscribes only to displayed topics."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import rclpy
import yaml
from node_harness import CAMERAS, Bench, Cameras, ros_arguments, until

from stream_infer_ros.config import Config
from stream_infer_ros.nodes.stream_infer_node import StreamInferNode
from stream_infer_ros.report.rviz_config import rviz_config

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 90.0  # software rendering on a busy machine
MISSING = [program for program in ('rviz2', 'Xvfb') if shutil.which(program) is None]
# Words of messages about the screen, not about the configuration.
OF_THE_SCREEN = ('stereo', 'opengl', 'glsl', 'xdg_runtime_dir', 'libgl', 'mesa')

pytestmark = pytest.mark.skipif(
    bool(MISSING),
    reason=f'no {" and no ".join(MISSING)} on PATH: not tested that rviz2 loads our configurations',
)


@pytest.fixture(scope='module')
def screen():
    """Start a separate X display; return its number."""
    read, write = os.pipe()
    command = ['Xvfb', '-displayfd', str(write), '-screen', '0', '1600x1000x24', '-nolisten', 'tcp']
    server = subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as number:
        yield f':{number.readline().strip()}'
    server.terminate()
    server.wait()


class Rviz:
    """rviz2 with a configuration. It ends with the `with` block; `output` then holds its output."""

    def __init__(self, screen, folder, configuration):
        self._file = folder / 'shown.rviz'
        self._file.write_text(configuration)
        self._environment = os.environ | {
            'DISPLAY': screen,
            'LIBGL_ALWAYS_SOFTWARE': '1',
            'HOME': str(folder),
            'QT_QPA_PLATFORM': 'xcb',
        }
        self._log = folder / 'log'
        self.output = ''

    def __enter__(self):
        with self._log.open('w') as log:
            self._process = subprocess.Popen(
                ['rviz2', '-d', str(self._file)],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self.output = self._log.read_text()

    def ended(self):
        return self._process.poll() is not None


def displays(entries):
    for display in entries:
        yield from displays(display.get('Displays', []))
        if 'Topic' in display:
            yield display


def topics(configuration, enabled):
    shown = yaml.safe_load(configuration)['Visualization Manager']['Displays']
    return {d['Topic']['Value'] for d in displays(shown) if d['Enabled'] == enabled}


def complaints(output):
    lines = re.findall(r'^.*(?:warn|error|fail|exception).*$', output, flags=re.IGNORECASE | re.MULTILINE)
    return [line for line in lines if not any(word in line.lower() for word in OF_THE_SCREEN)]


def until_it_listens(rviz, node, configuration):
    """Wait until rviz2 has subscribed to every topic that it shows; fail if it has ended."""
    for topic in topics(configuration, enabled=True):
        until(
            lambda topic=topic: rviz.ended() or node.count_subscribers(topic), f'{topic} is shown', PATIENCE_S
        )
    assert not rviz.ended()


def test_it_shows_what_the_node_publishes(screen, tmp_path):
    configuration = rviz_config(Config(), CAMERAS)
    parameters = {'cameras': CAMERAS, 'engine__kind': 'fake'}
    with Bench(StreamInferNode, ros_arguments(**parameters)) as ros, Cameras(ros.graph):
        ros.until_state('active')
        with Rviz(screen, tmp_path, configuration) as rviz:
            until_it_listens(rviz, ros.node, configuration)
    assert complaints(rviz.output) == []


@pytest.mark.parametrize(
    ('configuration', 'hidden'),
    [
        ((ROOT / 'config' / 'stream_infer.rviz').read_text(), set()),
        (rviz_config(Config(), [f'camera{i}' for i in range(10)]), {'camera8', 'camera9'}),
    ],
    ids=['shipped', 'ten cameras'],
)
def test_overlays_that_are_not_shown_are_not_subscribed_to(screen, tmp_path, configuration, hidden):
    silent = topics(configuration, enabled=False)
    assert {topic.split('/')[2] for topic in silent} == hidden
    rclpy.init()
    node = rclpy.create_node('observer')
    try:
        with Rviz(screen, tmp_path, configuration) as rviz:
            until_it_listens(rviz, node, configuration)
            assert [topic for topic in silent if node.count_subscribers(topic)] == []
    finally:
        node.destroy_node()
        rclpy.shutdown()
    assert complaints(rviz.output) == []
