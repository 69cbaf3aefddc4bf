"""If ROS cannot be built from wheels, the error says what is missing and what to do."""

import subprocess
import sys

import pytest
from ros_environments import RosEnvironment

from tools.ros_prefix import compiler, prefix, wheels
from tools.ros_prefix.prefix import Prefix, Unavailable


def test_a_missing_compiler_is_named_with_the_package_that_brings_it(monkeypatch):
    monkeypatch.setenv('CC', '/nowhere/gcc')
    monkeypatch.setenv('CXX', '/nowhere/g++')
    reason = compiler.why_no_compiler()
    assert '/nowhere/gcc' in reason
    assert '/nowhere/g++' in reason
    assert 'apt install build-essential' in reason


def test_missing_headers_of_python_are_named_with_the_package_that_brings_them(monkeypatch, tmp_path):
    monkeypatch.setattr(compiler.sysconfig, 'get_paths', lambda: {'include': str(tmp_path)})
    monkeypatch.setenv('CC', sys.executable)
    monkeypatch.setenv('CXX', sys.executable)
    assert 'apt install python3-dev' in compiler.why_no_compiler()


def test_another_kind_of_machine_is_told_that_it_has_no_wheels(monkeypatch):
    monkeypatch.setattr(wheels.platform, 'machine', lambda: 'aarch64')
    assert 'Linux x86_64 only, this is Linux aarch64' in wheels.why_no_wheels()


def test_an_unreachable_registry_is_tried_again_and_then_explained(monkeypatch, tmp_path):
    monkeypatch.setenv('PIP_INDEX_URL', 'http://127.0.0.1:9/simple')
    monkeypatch.setenv('PIP_RETRIES', '0')
    monkeypatch.setattr(wheels, 'ATTEMPTS', 2)
    with pytest.raises(
        Unavailable, match=r'(?s)in 2 attempts; is PyPI reachable\? pip said: .*ros-jazzy-rclpy'
    ):
        wheels.install_wheels('jazzy', tmp_path)


def test_the_reason_is_kept_for_the_tests_that_are_skipped(monkeypatch, tmp_path):
    monkeypatch.setattr(prefix, 'why_no_compiler', lambda: 'there is no compiler')
    made = Prefix('jazzy', tmp_path)
    with pytest.raises(Unavailable):
        made.build()
    assert made.why_not.read_text() == 'there is no compiler\n'
    assert not made.is_complete()
    assert not made.folder.exists()
    monkeypatch.setattr('ros_environments.BUILT', tmp_path)
    missing = RosEnvironment('jazzy-wheels', tmp_path / 'jazzy' / 'setup.bash')
    assert missing.why_not() == 'ROS 2 jazzy was not built from wheels (there is no compiler)'


def test_the_command_line_ends_with_1_and_the_reason(monkeypatch, tmp_path):
    monkeypatch.setenv('CC', '/nowhere/gcc')
    command = [sys.executable, '-m', 'tools.ros_prefix', 'jazzy', 'kilted', '--into', str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    for name in ('jazzy', 'kilted'):
        assert f'ROS 2 {name} from wheels: there is no compiler /nowhere/gcc' in done.stderr
