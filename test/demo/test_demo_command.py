"""The command `stream_infer demo`, with a subscriber in another process, and the files that it writes."""

import json
import os
import subprocess
import sys
from dataclasses import asdict

import cv2
import numpy as np
import pytest
from graph_harness import PeerProcess
from rosbags_messages import grid_cells

from stream_infer_ros.graph import LATCHED, RELIABLE, BagGraph
from stream_infer_ros.messages.detection2d_array import decode_detection2d_array

pytest.importorskip('cyclonedds', reason='the demo needs cyclonedds, which is not installed')

DETECTIONS, GRID = 'vision_msgs/msg/Detection2DArray', 'nav_msgs/msg/OccupancyGrid'
# The graph's tests use 1 to 100; their pid is ours.
DOMAIN_ID = 1 + (os.getpid() + 50) % 100


def run_demo(command):
    """Run a command in a session of its own, so that its renderers do not wait for the other tests."""
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, start_new_session=True
    )


def check_exit_code(code, out, printed):
    """The exit code follows from the criteria. How many sets a busy machine loses is not tested here."""
    report = json.loads((out / 'report.json').read_text())
    sets, latency = report['sets'], report['latency_ms']
    passed = (
        sets['published'] >= 0.98 * sets['expected']
        and sets['partial'] <= 0.02 * sets['expected']
        and latency['p99'] is not None
        and latency['p99'] <= latency['bound']
    )
    assert code == (0 if passed else 1), printed
    assert ('inside the bound' in printed and 'FAILED' not in printed) == passed
    assert sets['published'] >= 0.5 * sets['expected'], printed


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """One short demo of three cameras. The bound is generous, because speed is not tested here."""
    out = tmp_path_factory.mktemp('demo')
    command = [sys.executable, '-m', 'stream_infer_ros', 'demo', '--seconds', '6', '--cameras', '3']
    command += ['--rate', '3', '--bound-ms', '20000', '--seed', '3', '--out', str(out)]
    peer = PeerProcess(DOMAIN_ID)
    peer.listen(topic='/stream_infer/cam1/detections', type=DETECTIONS, qos=asdict(RELIABLE), typed=True)
    peer.listen(topic='/stream_infer/occupancy_grid', type=GRID, qos=asdict(LATCHED), typed=True)
    process = subprocess.Popen(
        [*command, '--domain-id', str(DOMAIN_ID)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert peer.matched(topic='/stream_infer/cam1/detections')
    seen = {'detections': peer.read(topic='/stream_infer/cam1/detections', count=5), 'maps': []}
    # On a busy machine the first maps are published before a cell is known to be free.
    while process.poll() is None and not any(0 in grid['data'] for grid in seen['maps']):
        seen['maps'] = peer.read(topic='/stream_infer/occupancy_grid', count=len(seen['maps']) + 1)
    printed, _ = process.communicate(timeout=120)
    peer.end()
    check_exit_code(process.returncode, out, printed)
    return out, printed, seen


def test_a_stranger_reads_detections_and_map(run):
    _, _, seen = run
    assert seen['detections'][0]['header']['frame_id'] == 'cam1_optical_frame'
    assert len(seen['detections']) >= 5
    grid = seen['maps'][-1]
    assert grid['header']['frame_id'] == 'odom'
    assert grid['info']['width'] * grid['info']['height'] == len(grid['data'])
    assert 0 in grid['data']


def test_the_report_holds_what_it_promises(run):
    out, _, _ = run
    report = json.loads((out / 'report.json').read_text())
    assert report['streams'] == 3
    assert report['rate_hz'] == 3
    assert report['sets']['expected'] == 18
    latency = report['latency_ms']
    figures = [latency[name] for name in ('p50', 'p95', 'p99', 'worst') if latency[name] is not None]
    assert 0 < figures[0] <= figures[-1] <= latency['bound'] == 20000
    assert figures == sorted(figures)
    stages = {'wire', 'wait', 'queue', 'letterbox', 'inference', 'decode', 'fuse', 'publish'}
    assert set(report['stages_ms']) == stages
    scores = {'occupied_precision', 'occupied_recall', 'occupied_f1', 'free_precision', 'free_recall'}
    assert scores | {'missed_as_free', 'moving_recall', 'moving_recall_in_view'} == set(report['map'])
    assert 0 <= report['detections']['map50'] <= 1
    assert {'world', 'pipeline'} == set(report['cpu_s'])
    assert report['peak_rss_mb'] > 50


def test_the_page_needs_nothing_else_and_the_map_is_a_picture(run):
    out, _, _ = run
    page = (out / 'report.html').read_text()
    assert page.count('data:image/') == 5
    assert 'src="http' not in page
    assert cv2.imread(str(out / 'map.png')).std() > 10


def test_every_image_has_detections_or_is_counted_as_lost(run):
    out, _, _ = run
    report = json.loads((out / 'report.json').read_text())
    graph = BagGraph(out / 'result.mcap')
    boxes = []
    for camera in ('cam0', 'cam1', 'cam2'):
        topic = f'/stream_infer/{camera}/detections'
        graph.subscribe(topic, DETECTIONS, RELIABLE, lambda cdr, _: boxes.append(cdr))
    graph.play()
    graph.close()
    assert len(boxes) + sum(report['drops'].values()) == report['world']['frames']
    assert report['world']['frames'] + report['world']['missed'] == 3 * 18


def test_the_recording_plays(run):
    out, _, _ = run
    graph = BagGraph(out / 'result.mcap')
    boxes, maps = [], []
    graph.subscribe('/stream_infer/cam2/detections', DETECTIONS, RELIABLE, lambda cdr, _: boxes.append(cdr))
    graph.subscribe('/stream_infer/occupancy_grid', GRID, LATCHED, lambda cdr, _: maps.append(cdr))
    graph.play()
    stamps = [decode_detection2d_array(cdr).stamp_ns for cdr in boxes]
    assert len(stamps) >= 5
    assert stamps == sorted(stamps)
    assert np.count_nonzero(grid_cells(maps[-1]) == 0) > 1000
    graph.close()


def test_a_failed_criterion_ends_with_1_and_is_named(tmp_path):
    command = [sys.executable, '-m', 'stream_infer_ros', 'demo', '--seconds', '2', '--cameras', '1']
    command += ['--bound-ms', '1', '--engine', 'fake', '--out', str(tmp_path)]
    ended = run_demo(command)
    assert ended.returncode == 1, ended.stderr
    printed = ' '.join(ended.stdout.split())
    assert 'OVER the bound of 1 ms' in printed
    assert 'FAILED: ' in printed
    assert 'allow a larger --bound-ms' in printed
    report = json.loads((tmp_path / 'report.json').read_text())
    assert (report['streams'], report['rate_hz'], report['sets']['expected']) == (1, 10, 20)


@pytest.mark.slow
def test_a_demo_beside_a_busy_process_chooses_a_load_that_it_nearly_holds(tmp_path):
    """Whether it holds the bound depends on the machine, and belongs to the benchmarks."""
    command = [sys.executable, '-m', 'stream_infer_ros', 'demo', '--out', str(tmp_path)]
    busy = subprocess.Popen([sys.executable, '-c', 'while True: pass'], start_new_session=True)
    try:
        ended = run_demo(command)
    finally:
        busy.kill()
        busy.wait()
    check_exit_code(ended.returncode, tmp_path, ended.stdout + ended.stderr)
    report = json.loads((tmp_path / 'report.json').read_text())
    assert report['sets']['published'] >= 0.8 * report['sets']['expected'], ended.stdout
    assert (report['streams'], report['rate_hz']) in {(6, 10), (6, 5), (4, 5), (2, 5)}
    printed = ' '.join(ended.stdout.split())
    assert ('This machine is' in printed) == ((report['streams'], report['rate_hz']) != (6, 10))


def test_the_demo_chooses_its_load_without_options(tmp_path):
    command = [sys.executable, '-m', 'stream_infer_ros', 'demo', '--seconds', '2', '--engine', 'fake']
    command += ['--bound-ms', '5000', '--out', str(tmp_path)]
    ended = run_demo(command)
    assert ended.returncode in (0, 1), ended.stderr  # on a busy machine, the smallest load may be too large
    report = json.loads((tmp_path / 'report.json').read_text())
    assert (report['streams'], report['rate_hz']) in {(6, 10), (6, 5), (4, 5), (2, 5)}, ended.stdout
    printed = ' '.join(ended.stdout.split())
    assert ('This machine is' in printed) == ((report['streams'], report['rate_hz']) != (6, 10))


def test_the_demo_runs_over_zenoh(tmp_path):
    pytest.importorskip('zenoh', reason='needs eclipse-zenoh, which is not installed')
    command = [sys.executable, '-m', 'stream_infer_ros', 'demo', '--graph', 'zenoh', '--seconds', '3']
    command += ['--cameras', '2', '--rate', '3', '--bound-ms', '20000', '--out', str(tmp_path)]
    ended = run_demo(command)
    check_exit_code(ended.returncode, tmp_path, ended.stdout + ended.stderr)
    report = json.loads((tmp_path / 'report.json').read_text())
    assert report['sets']['expected'] == 9
    assert report['sets']['published'] > 0
