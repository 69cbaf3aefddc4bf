"""package.xml names what the ROS side of this package needs; its parameter files fit their nodes."""

import ast
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from stream_infer_ros.config import FusionConfig, parse_section

ROOT = Path(__file__).resolve().parents[2]
ROS_SIDE = ('stream_infer_ros/nodes', 'stream_infer_ros/graph/ros', 'launch', 'examples')
# Modules whose package has another name.
KEYS = {'cv2': 'python3-opencv', 'numpy': 'python3-numpy', 'tf2_ros': 'tf2_ros_py', 'yaml': 'python3-yaml'}
MESSAGE_TYPE = re.compile(r"'([a-z0-9_]+)/msg/")
# The placeholder of docstrings; and what every middleware of ROS brings along.
NOT_OURS = {'package', 'rmw_dds_common'}


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
    spoken = {
        package for path in sources('stream_infer_ros') for package in MESSAGE_TYPE.findall(path.read_text())
    }
    assert spoken >= {'sensor_msgs', 'vision_msgs'}
    assert spoken - NOT_OURS - needed_to_run == set()


def test_what_the_launch_files_start_is_a_dependency(needed_to_run):
    text = ''.join(path.read_text() for path in sources('launch'))
    started = set(re.findall(r"package='([a-z0-9_]+)'", text)) - {'stream_infer_ros'}
    started |= {f'ros2{verb}' for verb in re.findall(r"'ros2', '([a-z]+)'", text)}
    assert 'rviz2' in started
    assert started - needed_to_run == set()


def test_the_example_of_the_map_alone_fits_its_node():
    file = ROOT / 'config' / 'occupancy_fusion.yaml'
    (settings,) = yaml.safe_load(file.read_text()).values()
    fusion = parse_section(FusionConfig, settings['ros__parameters'], file.name)
    assert set(fusion.camera) == set(fusion.cameras)
