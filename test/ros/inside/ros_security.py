"""SROS2: the policies allow what the nodes need, and the nodes run secured or report why they cannot."""

import fnmatch
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from keystore import Everything, Keystore, Policy
from node_harness import CAMERAS, PATIENCE_S, Bench, Cameras, ros_arguments, until

from stream_infer_ros.graph import RELIABLE, MemoryBus, MemoryGraph
from stream_infer_ros.nodes.occupancy_fusion_node import OccupancyFusionNode
from stream_infer_ros.nodes.stream_infer_node import StreamInferNode
from stream_infer_ros.resources import share_directory
from stream_infer_ros.simulation import SimulationOptions
from stream_infer_ros.simulation.publisher import WorldPublisher

POLICIES = share_directory() / 'config' / 'sros2'
NODES = {
    'stream_infer': (StreamInferNode, {'cameras': CAMERAS, 'engine__kind': 'fake', 'use_sim_time': True}),
    'occupancy_fusion': (OccupancyFusionNode, {'cameras': CAMERAS}),
}
WORLD = 'from stream_infer_ros.nodes.executables import camera_world_node as run; run()'
PIPELINE = 'from stream_infer_ros.nodes.executables import stream_infer_node as run; run()'
# A subscriber with a separate enclave, which reports whether detections arrived. Detections need images.
LISTENER = """
import json, sys, threading
import rclpy
from stream_infer_ros.graph.graph import RELIABLE
from stream_infer_ros.graph.ros import RosGraph
rclpy.init(args=sys.argv)
node = rclpy.create_node('listener')
graph, came = RosGraph(node), threading.Event()
topic, kind = '/stream_infer/cam0/detections', 'vision_msgs/msg/Detection2DArray'
graph.subscribe(topic, kind, RELIABLE, lambda *_: came.set())
print(json.dumps({'detections': came.wait(float(sys.argv[1]))}), flush=True)
graph.close()
rclpy.shutdown()
"""


def policy_of(name):
    return Policy(POLICIES / f'{name}.policy.xml')


def used(ros):
    """Names of the topics and services of the node under test: published, subscribed to, served, called."""
    ask = (
        ros.peer.get_publisher_names_and_types_by_node,
        ros.peer.get_subscriber_names_and_types_by_node,
        ros.peer.get_service_names_and_types_by_node,
        ros.peer.get_client_names_and_types_by_node,
    )
    return [{name for name, _ in of(ros.node.get_name(), '/')} for of in ask]


@pytest.mark.parametrize('name', NODES)
def test_the_policy_of_a_node_allows_all_that_it_does(name):
    make, parameters = NODES[name]
    policy = policy_of(name)
    assert policy.enclave == f'/{name}'
    with Bench(make, ros_arguments(**parameters)) as ros, Cameras(ros.graph):
        ros.until_state('active')
        if make is StreamInferNode:
            ros.collect('/stream_infer/cam0/overlay', 'sensor_msgs/msg/Image', RELIABLE)
            until(lambda: '/cam1/image_raw' in used(ros)[1], 'it subscribes to its cameras')
            until(lambda: '/stream_infer/cam0/overlay' in used(ros)[0], 'it offers overlays')
        else:
            until(lambda: '/cam1/camera_info' in used(ros)[1], 'it subscribes to calibrations')
        allowed = (policy.publish, policy.subscribe, policy.reply, policy.request)
        for names, patterns in zip(used(ros), allowed, strict=True):
            assert not_allowed(names, patterns) == set()


def not_allowed(names, patterns):
    return {name for name in names if not any(fnmatch.fnmatchcase(name, one) for one in patterns)}


@pytest.mark.parametrize('jpeg_quality', [0, 80])
def test_the_policy_of_the_simulated_cameras_allows_all_that_they_publish(jpeg_quality):
    bus, options = MemoryBus(), SimulationOptions(cameras=2, width=160, height=120)
    world = (options.world(), options.rig(), 0)
    WorldPublisher(MemoryGraph(bus), *world, jpeg_quality=jpeg_quality, with_clock=True)
    names = {topic.name for topic in bus.topics()}
    assert not_allowed(names, policy_of('camera_world').publish) == set()
    assert len(names) == 7


@pytest.fixture
def start():
    """Return a function that starts a node, or other code, with SROS2's variables; ended with the test."""
    started = []

    def start_code(code, *arguments, **variables):
        process = subprocess.Popen(
            [sys.executable, '-c', code, *arguments],
            env=os.environ | {'ROS_SECURITY_ENABLE': 'true', 'ROS_SECURITY_STRATEGY': 'Enforce'} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start_code
    for process in started:
        process.kill()
        process.communicate()


def test_without_a_keystore_a_node_says_so_in_one_line(start, tmp_path):
    (tmp_path / 'enclaves' / 'camera_world').mkdir(parents=True)  # an empty folder
    enclave = ['--ros-args', '--enclave', '/camera_world']
    keystores = ('/nowhere', str(tmp_path))
    for process in [start(WORLD, *enclave, ROS_SECURITY_KEYSTORE=keystore) for keystore in keystores]:
        output, _ = process.communicate(timeout=PATIENCE_S)
        (error,) = [line for line in output.splitlines() if '[INFO]' not in line]
        assert error.startswith('error: ')
        assert 'ROS_SECURITY_KEYSTORE' in error
        assert process.returncode == 1


def has_security(start, keystore):
    """True if the middleware here was built with DDS Security."""
    code = 'import rclpy; rclpy.init(); rclpy.create_node("probe")'
    process = start(code, ROS_SECURITY_KEYSTORE=str(keystore.root), ROS_SECURITY_ENCLAVE_OVERRIDE='/listener')
    output, _ = process.communicate(timeout=PATIENCE_S)
    return process.returncode == 0 or not ('security libraries' in output or 'not compiled' in output)


@pytest.mark.skipif(shutil.which('openssl') is None, reason='no openssl: a keystore cannot be created')
def test_secured_nodes_work_together_and_strangers_get_nothing(start, tmp_path):
    keystore = Keystore(tmp_path, os.environ.get('ROS_DOMAIN_ID', '0'))
    for policy in (policy_of('camera_world'), policy_of('stream_infer'), Everything('/listener')):
        keystore.add(policy)
    if not has_security(start, keystore):
        pytest.skip('the middleware of this ROS was built without DDS Security')
    secured = {'ROS_SECURITY_KEYSTORE': str(tmp_path)}
    small = ['-p', 'cameras:=2', '-p', 'width:=160', '-p', 'height:=120']
    start(WORLD, '--ros-args', '--enclave', '/camera_world', *small, **secured)
    settings = ['-p', 'cameras:=[cam0, cam1]', '-p', 'engine.kind:=fake']
    start(PIPELINE, '--ros-args', '--enclave', '/stream_infer', *settings, **secured)
    listener = start(LISTENER, str(PATIENCE_S), '--ros-args', '--enclave', '/listener', **secured)
    output, _ = listener.communicate(timeout=2 * PATIENCE_S)
    assert told(output) == {'detections': True}, output
    stranger = start(LISTENER, '3', ROS_SECURITY_ENABLE='false')
    output, _ = stranger.communicate(timeout=PATIENCE_S)
    assert told(output) == {'detections': False}, output


def told(output):
    """Return the last line that is JSON."""
    return json.loads([line for line in output.splitlines() if line.startswith('{')][-1])


def test_a_policy_ships_for_every_node():
    found = {path.name.split('.')[0] for path in Path(POLICIES).glob('*.policy.xml')}
    assert found == {*NODES, 'camera_world'}
