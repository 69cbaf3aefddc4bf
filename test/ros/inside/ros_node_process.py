"""The nodes as processes: they end within two seconds of a signal, with exit code 0, without a traceback."""

import queue
import re
import signal
import subprocess
import sys
import threading
import time
from typing import ClassVar

import pytest

EXECUTABLES = 'stream_infer_ros.nodes.executables'
WORLD = ['camera_world_node', '-p', 'cameras:=2', '-p', 'width:=160', '-p', 'height:=120']
PIPELINE = ['stream_infer_node', '-p', 'cameras:=[cam0, cam1]']
FUSION = ['occupancy_fusion_node', '-p', 'cameras:=[cam0, cam1]']
PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def _nothing_stays():
    yield
    while Process.started:
        process = Process.started.pop()
        process.kill()
        process.wait()


class Process:
    """A node as a user starts it, and the lines it writes."""

    started: ClassVar[list[subprocess.Popen]] = []

    def __init__(self, executable, *arguments, code=''):
        code = code or f'from {EXECUTABLES} import {executable} as run; run()'
        command = [sys.executable, '-c', code, '--ros-args', *arguments]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self.started.append(self._process)
        self._lines, self.output = queue.Queue(), ''
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def until(self, words):
        """Read on until a line has these words; fails if none has in time."""
        deadline_s = time.monotonic() + PATIENCE_S
        while words not in self.output:
            line = self._lines.get(timeout=max(0.0, deadline_s - time.monotonic()))
            assert line is not None, f'ended before {words!r}: {self.output}'
            self.output += line

    def code(self):
        """Return the exit code of a process that ends without a signal."""
        return self._process.wait(PATIENCE_S)

    def end(self, number):
        """Send a signal; (seconds until the end, exit code, all output)."""
        start_s = time.monotonic()
        self._process.send_signal(number)
        return self._ended(start_s)

    def ended(self):
        return self._ended(time.monotonic())

    def _ended(self, start_s):
        code = self._process.wait(timeout=PATIENCE_S)
        took_s = time.monotonic() - start_s
        while (line := self._lines.get(timeout=PATIENCE_S)) is not None:
            self.output += line
        return took_s, code, self.output


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['ctrl-c', 'sigterm'])
def test_all_of_a_demo_end_in_order(number):
    world, pipeline, fusion = (Process(*arguments) for arguments in (WORLD, PIPELINE, FUSION))
    world.until('epoch_ns')
    pipeline.until('active: cam0, cam1')
    fusion.until('active: cam0, cam1')
    for process in (pipeline, fusion, world):
        took_s, code, output = process.end(number)
        assert code == 0, output
        assert 'Traceback' not in output
        assert took_s < 2.0, output


def test_a_signal_is_heard_while_cameras_are_looked_for():
    pipeline = Process('stream_infer_node')
    pipeline.until('looking for image topics')
    took_s, code, output = pipeline.end(signal.SIGINT)
    assert (code, took_s < 2.0) == (0, True), output
    assert 'Traceback' not in output


def test_a_signal_is_heard_while_an_engine_is_in_the_making():
    """Compiling cannot be interrupted: the process ends all the same."""
    code = (
        'import threading\n'
        'from stream_infer_ros.nodes import stream_infer_node as module\n'
        'module.Network = lambda *_: threading.Event().wait(60)\n'
        f'from {EXECUTABLES} import stream_infer_node as run; run()\n'
    )
    pipeline = Process('', '-p', 'cameras:=[cam0]', code=code)
    pipeline.until('loading the network')
    took_s, code, output = pipeline.end(signal.SIGINT)
    assert (code, took_s < 2.0) == (0, True), output
    assert 'still busy after the stop signal' in output
    assert 'Traceback' not in output


def test_cameras_are_found_where_none_are_named():
    pipeline = Process('stream_infer_node', '-p', 'engine.kind:=fake')
    pipeline.until('looking for image topics')
    world = Process(*WORLD)
    pipeline.until('active: cam0, cam1')
    for process in (pipeline, world):
        assert process.end(signal.SIGINT)[1] == 0


def test_a_module_that_is_not_installed_is_one_line():
    code = f'import sys; sys.modules["cv2"] = None; from {EXECUTABLES} import stream_infer_node as run; run()'
    node = Process('', '-p', 'cameras:=[cam0]', code=code)
    node.until('error: the Python module cv2 is missing')
    assert node.code() == 1
    assert 'Traceback' not in node.output


def test_an_engine_is_built_where_no_cameras_are():
    build = Process('stream_infer_node', '-p', 'engine.kind:=fake', '--', '--build-only')
    build.until('inactive: no cameras looked for')
    assert build.code() == 0


def test_a_node_without_cameras_looks_again_until_there_are_some():
    code = (
        'from stream_infer_ros.nodes import stream_infer_node as module\n'
        'module.DISCOVERY_S = 0.2\n'
        f'from {EXECUTABLES} import stream_infer_node as run; run()\n'
    )
    pipeline = Process('', '-p', 'engine.kind:=fake', code=code)
    pipeline.until('waiting for cameras: expected at least one camera')
    world = Process(*WORLD)
    pipeline.until('active: cam0')
    for process in (pipeline, world):
        assert process.end(signal.SIGINT)[1] == 0


def test_a_world_ends_by_itself():
    world = Process(*WORLD, '-p', 'seconds:=0.5', '-p', 'clock:=true', '-p', 'use_sim_time:=true')
    _, code, output = world.ended()
    assert code == 0, output
    published, missed = re.search(r'(\d+) images, (\d+) missed', output).groups()
    assert int(published) + int(missed) == 10  # a busy machine may be late for some


def test_a_world_names_what_is_no_setting_of_it():
    _, code, output = Process(*WORLD, '-p', 'seconds:=0.1', '-p', 'camera:=3').ended()
    assert code == 0, output
    assert 'parameter camera is no setting of this node and does nothing; did you mean cameras?' in output


def test_a_world_that_cannot_be_is_refused_in_one_line():
    _, code, output = Process(*WORLD, '-p', 'drop:=2.0').ended()
    assert code == 1
    assert output.startswith('error: /camera_world: drop: input should be less than or equal to 1')
    assert 'Traceback' not in output


def test_a_parameter_file_that_is_none_is_refused_in_one_line():
    _, code, output = Process(PIPELINE[0], '--params-file', '/nowhere.yaml').ended()
    assert code == 1
    assert 'nowhere.yaml' in output
    assert 'Traceback' not in output
