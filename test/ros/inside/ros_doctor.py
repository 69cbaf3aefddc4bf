"""The executable `doctor` of the ROS package examines the graph through rclpy."""

import json
import os
import signal
import subprocess
import sys

DOCTOR = 'from stream_infer_ros.nodes.executables import doctor; doctor()'


def test_the_doctor_sees_cameras_and_transforms_through_rclpy():
    domain = ['--loopback', '--domain-id', os.environ['ROS_DOMAIN_ID']]
    size = ['--cameras', '2', '--rate', '5', '--width', '160', '--height', '120']
    world = subprocess.Popen(
        [sys.executable, '-m', 'stream_infer_ros', 'simulate', *size, *domain], stdout=subprocess.PIPE
    )
    try:
        world.stdout.readline()  # it has started; images come some seconds later
        options = ['--cameras', 'cam0,cam1', '--engine', 'fake', '--seconds', '3', '--json', *domain]
        done = subprocess.run(
            [sys.executable, '-c', DOCTOR, *options, '--ros-args', '-r', '__node:=doctor'],
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    finally:
        world.send_signal(signal.SIGINT)
        world.communicate(timeout=60)
    report = json.loads(done.stdout)
    assert report['source']['graph'] == 'ros'
    assert [camera['images'] > 0 for camera in report['cameras']] == [True, True], report
    assert all(camera['ground'] is not None for camera in report['cameras']), report
    named = {finding['problem'] for finding in report['findings']}
    assert not named & {'graph', 'camera_absent', 'camera_silent', 'check_failed', 'transforms_missing'}, (
        named
    )
    assert done.returncode == int(not report['ok'])
