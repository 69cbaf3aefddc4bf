"""The world process is killed and comes back: the pipeline says so, forgets what it must, and goes on."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from stream_infer_ros.config import parse_config
from stream_infer_ros.graph import make_graph
from stream_infer_ros.pipeline.assembly import assemble
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.runtime.live import LiveRunner

pytest.importorskip('cyclonedds', reason='needs a DDS peer in another process; cyclonedds is not installed')

DOMAIN_ID = 1 + (os.getpid() + 25) % 100
CAMERAS = ['cam0', 'cam1']
PATIENCE_S = 120.0


class Watch:
    """The newest published map, and waiting for what it should show; no sleeping."""

    def __init__(self):
        self.changed = threading.Condition()
        self.whole_sets = 0
        self.grid = None

    def on_result(self, result):
        with self.changed:
            self.whole_sets += not result.partial
            self.grid = result.map
            self.changed.notify_all()

    def wait_for_sets(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: self.whole_sets >= count, PATIENCE_S)


@pytest.fixture
def world():
    """Starts the simulated cameras as a process; kills what is left at the end."""
    started = []

    def start():
        command = [sys.executable, '-m', 'stream_infer_ros', 'simulate', '--cameras', str(len(CAMERAS))]
        command += [
            '--width',
            '160',
            '--height',
            '120',
            '--speed',
            '0.1',
            '--loopback',
            '--domain-id',
            str(DOMAIN_ID),
        ]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_killed_and_returned(world):
    config = parse_config(
        {
            'cameras': CAMERAS,
            'engine': {'kind': 'fake'},
            'map': {'blind_after_s': 2.0},
            'graph': {'domain_id': DOMAIN_ID, 'loopback': True},
        },
        'test',
    )
    watch = Watch()
    graph = make_graph(config.graph)
    network = Network(config)
    assembly = assemble(config, camera_topics(config, ()), graph, network)
    maps = []
    publish_map = assembly.steps.outputs.publish_map
    arrived = threading.Condition()

    def on_map(fused):
        publish_map(fused)
        with arrived:
            maps.append((graph.now_ns(), fused.map))
            arrived.notify_all()

    assembly.steps.outputs.publish_map = on_map
    runner = LiveRunner(graph, assembly, watch.on_result)
    try:
        runner.start()
        process = world()
        watch.wait_for_sets(10)
        free_before = np.count_nonzero(watch.grid.cells == 0)
        assert free_before > 1000

        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        last_heard_ns = max(camera.last_received_ns for camera in assembly.cameras)

        def gone_blind():
            return maps and np.count_nonzero(maps[-1][1].cells == 0) < 0.3 * free_before

        with arrived:
            assert arrived.wait_for(gone_blind, PATIENCE_S)
            blind_after_s = (maps[-1][0] - last_heard_ns) / 1e9
        assert (
            2.0 <= blind_after_s < 2.0 + 5.0
        )  # the map ages at least twice a second, on a machine with time
        assert assembly.health.cameras.silent(graph.now_ns()) == CAMERAS

        seen = watch.whole_sets
        world()
        watch.wait_for_sets(seen + 5)
        assert assembly.health.cameras.silent(graph.now_ns()) == []
        assert np.count_nonzero(watch.grid.cells == 0) > 1000
    finally:
        runner.stop()
        network.close()
        graph.close()
