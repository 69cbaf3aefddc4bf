"""Ctrl-C ends `stream_infer run` and `demo` within 2 s, with exit code 0, without a traceback."""

import os
import sys

import pytest
from ctrl_c import interrupt_all, moments

COMMAND = [sys.executable, '-m', 'stream_infer_ros']
DOMAIN = ['--domain-id', str(60 + os.getpid() % 40)]
RUN = [*COMMAND, 'run', '--graph', 'dds', '--loopback', '--cameras', 'cam0,cam1', '--plain', *DOMAIN]
PROGRAMS = {
    'run, fake': [*RUN, '--engine', 'fake'],
    'run, openvino': [*RUN, '--engine', 'openvino'],
    'demo': [*COMMAND, 'demo'],
}
pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='looks into /proc')


@pytest.fixture(params=PROGRAMS)
def program(request):
    pytest.importorskip('cyclonedds', reason='the graph `dds` needs cyclonedds, which is not installed')
    if 'openvino' in request.param:
        pytest.importorskip('openvino', reason='the engine `openvino` is not installed')
    return PROGRAMS[request.param]


def test_ctrl_c_ends_it_in_order(program, tmp_path):
    interrupt_all(program, moments(seed=1, count=3, within_s=2.5), tmp_path)


@pytest.mark.slow
def test_ctrl_c_ends_it_in_order_at_any_moment(program, tmp_path):
    interrupt_all(program, moments(seed=2, count=20, within_s=8.0), tmp_path)
