"""Nav2's own lifecycle manager starts the node, notices that its pipeline failed, and starts it again."""

import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip('ament_index_python', reason='no ament_index_python: cannot look for Nav2')

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from node_harness import CAMERAS, Bench, Cameras, ros_arguments, until

from stream_infer_ros.errors import EngineError
from stream_infer_ros.nodes.stream_infer_node import StreamInferNode

try:
    PREFIX = Path(get_package_prefix('nav2_lifecycle_manager'))
except PackageNotFoundError:
    pytest.skip('no nav2_lifecycle_manager here: the bond is not tested with it', allow_module_level=True)


@contextmanager
def manager(folder):
    """Run Nav2's manager of stream_infer with all defaults; yield a function that returns its output."""
    output = folder / 'manager.log'
    executable = PREFIX / 'lib' / 'nav2_lifecycle_manager' / 'lifecycle_manager'
    arguments = ['--ros-args', '-p', 'node_names:=[stream_infer]', '-p', 'autostart:=true']
    with output.open('w') as file:
        process = subprocess.Popen([executable, *arguments], stdout=file, stderr=subprocess.STDOUT)
    try:
        yield output.read_text
    finally:
        process.kill()
        process.wait()


def test_it_manages_the_node_with_its_default_bond_timeout(tmp_path):
    def breaks(*_):
        raise EngineError('the device fell off the bus')

    arguments = ros_arguments(cameras=CAMERAS, engine__kind='fake', autostart=False)
    with Bench(StreamInferNode, arguments) as ros, Cameras(ros.graph), manager(tmp_path) as said:
        until(lambda: 'Managed nodes are active' in said(), 'the manager has the node active')
        assert 'Server stream_infer connected with bond.' in said()
        assert ros.state() == 'active'
        ros.node._network.engines[0].run = breaks
        until(lambda: 'SERVER stream_infer IS DOWN' in said(), 'the manager notices')
        until(lambda: said().count('Managed nodes are active') == 2, 'the manager starts it again')
        assert ros.state() == 'active'
