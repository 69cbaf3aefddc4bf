"""Ctrl-C ends the nodes at any moment: within 2 s, with exit code 0, without a traceback."""

import sys

import pytest
from ctrl_c import interrupt_all, moments

CAMERAS = ['--ros-args', '-p', 'cameras:=[cam0, cam1]']
NODES = {
    'stream_infer_node, fake': ['stream_infer_node', *CAMERAS, '-p', 'engine.kind:=fake'],
    'stream_infer_node, openvino': ['stream_infer_node', *CAMERAS, '-p', 'engine.kind:=openvino'],
    'occupancy_fusion_node': ['occupancy_fusion_node', *CAMERAS],
    'camera_world_node': ['camera_world_node', '--ros-args', '-p', 'cameras:=2'],
}


@pytest.fixture(params=NODES)
def node(request):
    executable, *arguments = NODES[request.param]
    code = f'from stream_infer_ros.nodes.executables import {executable} as run; run()'
    return [sys.executable, '-c', code, *arguments]


def test_ctrl_c_ends_it_in_order(node, tmp_path):
    interrupt_all(node, moments(seed=1, count=3, within_s=2.5), tmp_path)


@pytest.mark.slow
def test_ctrl_c_ends_it_in_order_at_any_moment(node, tmp_path):
    interrupt_all(node, moments(seed=2, count=20, within_s=8.0), tmp_path)
