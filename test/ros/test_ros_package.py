"""package.xml names what the ROS side of this package needs; its parameter files fit their nodes."""

import ast
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from packaging.requirements import Requirement

from stream_infer_ros.config import FusionConfig, parse_section

ROOT = Path(__file__).resolve().parents[2]
ROS_SIDE = ('stream_infer_ros/nodes', 'stream_infer_ros/graph/ros', 'launch', 'examples')
# Modules whose package has another name.
KEYS = {'cv2': 'python3-opencv', 'numpy': 'python3-numpy', 'tf2_ros': 'tf2_ros_py', 'yaml': 'python3-yaml'}
INTERFACE_TYPE = re.compile(r"'([a-z0-9_]+)/(?:msg|srv|action)/")
# The placeholder of docstrings; what every middleware of ROS brings along; and the transforms of ROS 1.
NOT_OURS = {'package', 'rmw_dds_common', 'tf'}


@pytest.fixture(scope='module')
def needed_to_run():
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    return {e.text for e in package if e.tag in ('depend', 'exec_depend')}


def sources(*folders):
    return [path for folder in folders for path in sorted((ROOT / folder).rglob('*.py'))]


def imported(path: Path) -> set[str]:
    """Top-level modules a file imports that are neither Python's nor ours."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module.split('.')[0])
    return modules - sys.stdlib_module_names - {'stream_infer_ros'}


def test_what_the_ros_side_imports_is_a_dependency(needed_to_run):
    missing = {
        str(path.relative_to(ROOT)): lacking
        for path in sources(*ROS_SIDE)
        if (lacking := {KEYS.get(m, m) for m in imported(path)} - needed_to_run)
    }
    assert missing == {}


def test_the_packages_of_the_messages_are_dependencies(needed_to_run):
    files = sources('stream_infer_ros', 'launch', 'examples')
    spoken = {package for path in files for package in INTERFACE_TYPE.findall(path.read_text())}
    assert spoken >= {'sensor_msgs', 'vision_msgs', 'bond', 'rosbag2_interfaces'}
    assert spoken - NOT_OURS - needed_to_run == set()


def test_what_the_launch_files_start_is_a_dependency(needed_to_run):
    text = ''.join(path.read_text() for path in sources('launch'))
    started = set(re.findall(r"package='([a-z0-9_]+)'", text)) - {'stream_infer_ros'}
    started |= {f'ros2{verb}' for verb in re.findall(r"'ros2', '([a-z]+)'", text)}
    assert 'rviz2' in started
    assert started - needed_to_run == set()


def test_launch_files_need_nothing_of_the_virtual_environment():
    """`ros2 launch` runs with the Python of the system, where pydantic may be missing or too old."""
    for path in sources('launch'):
        assert 'stream_infer_ros.' not in path.read_text(), path
        assert imported(path) <= {'launch', 'launch_ros', 'ament_index_python', 'yaml'}, path


@pytest.mark.parametrize(
    ('python', 'machine'), [('3.10', 'x86_64'), ('3.12', 'x86_64'), ('3.12', 'aarch64'), ('3.14', 'x86_64')]
)
def test_a_workspace_gets_what_the_package_requires_but_numpy_and_opencv(python, machine):
    """These two packages are those of the system, for which cv_bridge was built."""
    here = {'python_version': python, 'platform_machine': machine, 'sys_platform': 'linux', 'extra': ''}

    def of(lines):
        found = [Requirement(line) for line in lines]
        return {r.name: r.specifier for r in found if r.marker is None or r.marker.evaluate(here)}

    file = (ROOT / 'requirements-ros.txt').read_text().splitlines()
    workspace = of(line for line in file if line and not line.startswith('#'))
    package = of(requires('stream_infer_ros'))
    numpy = workspace.pop('numpy')
    assert (numpy.contains('1.26.4'), numpy.contains('2.3.0')) == (python < '3.13', python >= '3.13')
    del package['numpy'], package['opencv-python-headless']
    assert workspace == package


def test_the_example_of_the_map_alone_fits_its_node():
    file = ROOT / 'config' / 'occupancy_fusion.yaml'
    (settings,) = yaml.safe_load(file.read_text()).values()
    fusion = parse_section(FusionConfig, settings['ros__parameters'], file.name)
    assert set(fusion.camera) == set(fusion.cameras)


@pytest.mark.parametrize('option', ['-h', '--help'])
def test_the_command_for_rviz_prints_its_help(option):
    code = 'from stream_infer_ros.nodes.executables import stream_infer_rviz as run; run()'
    done = subprocess.run([sys.executable, '-c', code, option], capture_output=True, text=True, check=True)
    assert done.stdout.startswith('usage: stream_infer_rviz')
