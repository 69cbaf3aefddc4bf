"""Fast DDS uses the profile for images: processes have shared-memory segments of the right size."""

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from node_harness import CAMERAS, PATIENCE_S, Bench, Cameras, ros_arguments, until
from rclpy.utilities import get_rmw_implementation_identifier

from stream_infer_ros.graph.fastdds_for_images import profile_file, profile_variable, segment_bytes
from stream_infer_ros.nodes.stream_infer_node import StreamInferNode

if not get_rmw_implementation_identifier().startswith('rmw_fastrtps'):
    pytest.skip(f'not Fast DDS: {get_rmw_implementation_identifier()}', allow_module_level=True)

DEFAULT_BYTES = 512 << 10
IMAGES_BYTES = segment_bytes(profile_file({}))
# A segment has some additional room for its own data structures.
SPARE = 1.1
GRAPH = """
import sys
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph.ros import OwnNodeGraph
graph = OwnNodeGraph(GraphConfig(kind='ros', loopback=True))
print('up', flush=True)
sys.stdin.read()
graph.close()
"""
PROGRAMS = {
    'a node': 'from stream_infer_ros.nodes.executables import occupancy_fusion_node as run; run()',
    'kind: ros': GRAPH,
}


@pytest.fixture
def start(tmp_path):
    """Return a function that runs Python code in an empty directory with given variables until the end."""
    started = []

    def start_code(code, before=(), **variables):
        process = subprocess.Popen(
            [*before, sys.executable, '-c', code],
            cwd=tmp_path,
            env=os.environ | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_code
    for process in started:
        process.kill()
        process.communicate()


def segments(process):
    """Return the sizes of the shared-memory segments of a process, largest first, without its ports."""
    sizes = []
    for path in set(re.findall(r'/dev/shm/fast(?:rtps|dds)_[0-9a-f]+$', maps(process), re.MULTILINE)):
        # The path leads through the process, which may have its own /dev/shm.
        sizes.append(Path(f'/proc/{process.pid}/root{path}').stat().st_size)
    return sorted(sizes, reverse=True)


def maps(process):
    try:
        return Path(f'/proc/{process.pid}/maps').read_text()
    except OSError as error:
        raise AssertionError(f'it ended: {process.communicate()[1]}') from error


def largest_segment(process):
    return until(lambda: segments(process), 'a segment of Fast DDS')[0]


def has(size, expected):
    return expected <= size <= expected * SPARE


# First in this file: the programs of the tests below are killed, and leave segments in /dev/shm.
def test_images_missing_from_a_sender_with_the_default_segment_are_explained():
    """The cameras are in this process, which has no profile. Sometimes two images in a row are missing."""
    remedy = f'{profile_variable(os.environ)}={profile_file(os.environ)}'
    pause = threading.Event()
    pipeline = Bench(StreamInferNode, ros_arguments(cameras=CAMERAS, engine__kind='fake'))
    with pipeline as ros, Cameras(ros.graph) as cameras:
        ros.until_state('active')

        def is_explained():
            pause.wait(0.5)
            cameras.silent.add(0)
            pause.wait(0.25)
            cameras.silent.clear()
            return remedy in ros.statuses.get('stream_infer: pipeline', (0, ''))[1]

        until(is_explained, '/diagnostics names the profile', 2 * PATIENCE_S)
        assert remedy in ros.trigger('explain_sync').message


@pytest.mark.parametrize('name', PROGRAMS)
def test_the_segment_is_that_of_the_profile(start, name):
    assert has(largest_segment(start(PROGRAMS[name])), IMAGES_BYTES)


@pytest.mark.skipif(shutil.which('unshare') is None, reason='no unshare: a small /dev/shm cannot be created')
def test_a_small_dev_shm_breaks_nothing(start):
    """If the segment does not fit, a process keeps the default of Fast DDS."""
    mount = 'mount -t tmpfs -o size=5m tmpfs /dev/shm && exec "$@"'
    before = ['unshare', '--mount', 'bash', '-c', mount, '_']
    if subprocess.run([*before, 'true'], capture_output=True, check=False).returncode:
        pytest.skip('mounting a separate /dev/shm is not permitted here')
    process = start(GRAPH, before)
    assert has(largest_segment(process), DEFAULT_BYTES)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert '--shm-size' in said
    assert 'Traceback' not in said
