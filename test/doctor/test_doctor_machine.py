"""Problems of the machine, the middleware and the network are found and named."""

import sys
from dataclasses import replace

import pytest
from planted import IMAGE, changed, examined, healthy, images, problems, write

from stream_infer_ros.config import parse_config
from stream_infer_ros.doctor.checks import middleware
from stream_infer_ros.doctor.checks.machine import check_folders, check_memory, check_versions
from stream_infer_ros.doctor.checks.middleware import check_middleware
from stream_infer_ros.doctor.checks.network import check_network, check_speed
from stream_infer_ros.doctor.examination import run_check
from stream_infer_ros.doctor.findings import warning
from stream_infer_ros.doctor.network_facts import examine_network
from stream_infer_ros.graph import fastdds_for_images
from stream_infer_ros.resources import default_model


@pytest.fixture(scope='module')
def robot(tmp_path_factory):
    return examined(write(tmp_path_factory.mktemp('robot') / 'bag', healthy())).seen


def named(findings):
    return {finding.problem: finding for finding in findings}


def config(**settings):
    return parse_config({'engine': {'kind': 'fake'}, **settings}, 'test')


# The machine.


def test_a_cache_folder_that_cannot_be_written(tmp_path):
    (tmp_path / 'file').touch()
    found = named(check_folders(config(engine={'cache_dir': str(tmp_path / 'file' / 'cache')})))
    assert 'engine.cache_dir' in found['cache_not_writable'].remedy


def test_a_full_disk(tmp_path, monkeypatch):
    usage = type('Usage', (), {'free': 3_000_000})
    monkeypatch.setattr('shutil.disk_usage', lambda _: usage)
    found = named(check_folders(config(engine={'cache_dir': str(tmp_path)})))
    assert '3 MB are free' in found['disk_full'].what


def test_a_healthy_folder(tmp_path):
    assert not list(check_folders(config(engine={'cache_dir': str(tmp_path / 'new' / 'cache')})))


@pytest.mark.parametrize(('kilobytes', 'expected'), [(100_000, ['memory_low']), (8_000_000, [])])
def test_memory(tmp_path, kilobytes, expected):
    meminfo = tmp_path / 'meminfo'
    meminfo.write_text(f'MemTotal: 16000000 kB\nMemAvailable: {kilobytes} kB\n')
    assert list(named(check_memory(meminfo))) == expected


def test_packages_that_are_missing_or_too_old():
    required = [
        'numpy>=99',
        'no-such-package>=1',
        "colorama>=1; sys_platform == 'nowhere'",
        'pytest>=1; extra == "x"',
    ]
    found = named(check_versions({}, [], required))
    assert set(found) == {'package_version', 'package_missing'}
    assert 'numpy' in found['package_version'].subject
    assert "pip install 'no-such-package>=1'" in found['package_missing'].remedy


def test_this_installation_is_healthy():
    assert not list(check_versions({}, []))


def test_numpy_2_beside_a_cv_bridge_for_numpy_1(tmp_path, monkeypatch):
    (tmp_path / 'cv_bridge').mkdir()
    (tmp_path / 'cv_bridge' / '__init__.py').touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr('importlib.metadata.version', lambda _: '2.1.0')
    assert 'numpy<2' in named(check_versions({'ROS_DISTRO': 'jazzy'}, [], []))['numpy_2'].remedy
    assert not list(check_versions({'ROS_DISTRO': 'kilted'}, [], []))


def test_a_ros_for_another_python(tmp_path):
    for version, expected in (('3.99', ['python_version']), (f'3.{sys.version_info.minor}', [])):
        folder = tmp_path / 'opt' / f'python{version}' / 'site-packages'
        (folder / 'rclpy').mkdir(parents=True)
        assert list(named(check_versions({}, [str(folder)], []))) == expected


# The middleware.


def test_a_small_socket_buffer_is_a_problem_only_if_images_are_missing(robot, tmp_path):
    rmem_max = tmp_path / 'rmem_max'
    rmem_max.write_text('212992\n')
    live = replace(robot, recording=None)
    live.cameras[0].message_bytes = 921_600
    assert named(check_middleware(live, {}, rmem_max))['socket_buffer'].severity == 'note'
    losing = replace(live, losses={'/cam0/image_raw': 3})
    found = named(check_middleware(losing, {}, rmem_max))
    assert found['socket_buffer'].severity == 'warning'
    assert '/cam0/image_raw 3' in found['messages_lost'].what
    rmem_max.write_text('8388608\n')
    assert not list(check_middleware(live, {}, rmem_max))


def test_the_default_segment_of_fast_dds(robot, tmp_path):
    (tmp_path / 'fastrtps_0123456789abcdef').write_bytes(bytes(549_408))
    why = fastdds_for_images.why_lost('rmw_fastrtps_cpp', {'ROS_DISTRO': 'jazzy'}, tmp_path)
    found = named(check_middleware(replace(robot, recording=None, why_lost=why), {}))
    assert 'FASTRTPS_DEFAULT_PROFILES_FILE' in found['fastdds_segment'].remedy


@pytest.mark.parametrize(
    ('rmw', 'kind', 'wrong'),
    [
        ('rmw_zenoh_cpp', 'dds', True),
        ('rmw_fastrtps_cpp', 'zenoh', True),
        ('rmw_cyclonedds_cpp', 'dds', False),
        ('rmw_zenoh_cpp', 'ros', False),
        ('', 'dds', False),
    ],
)
def test_another_middleware_in_this_shell(robot, rmw, kind, wrong, tmp_path):
    seen = replace(robot, recording=None, config=config(graph={'kind': kind}))
    found = named(check_middleware(seen, {'RMW_IMPLEMENTATION': rmw}, tmp_path / 'none'))
    assert ('middleware_differs' in found) == wrong


# The network.


def test_a_model_file_that_is_missing(robot, tmp_path):
    network = examine_network(
        config(engine={'kind': 'openvino'}, model={'file': str(tmp_path / 'x.onnx')}), 2
    )
    assert 'x.onnx' in named(check_network(robot, network))['model'].subject


def test_a_model_file_that_cannot_be_read(robot, tmp_path):
    (tmp_path / 'x.onnx').write_bytes(b'<html>Not found</html>')
    network = examine_network(
        config(engine={'kind': 'openvino'}, model={'file': str(tmp_path / 'x.onnx')}), 2
    )
    (found,) = check_network(robot, network)
    assert found.problem == 'model'
    assert found.remedy


def test_an_engine_that_is_not_there(robot, monkeypatch):
    network = examine_network(config(engine={'kind': 'kserve'}), 2)
    assert 'engine' in named(check_network(robot, network)), network.problem


def test_classes_without_names(robot):
    unnamed = 'x.onnx does not name its 80 classes: they are class0 ...; set model.card to yolox_coco'
    network = replace(examine_network(config(), 2), unnamed=unnamed)
    assert 'yolox_coco' in named(check_network(robot, network))['class_names'].remedy


def test_a_network_that_is_too_slow(robot):
    network = examine_network(config(engine={'kind': 'fake', 'fake_latency_per_image_ms': 70.0}), 2)
    found = named(check_speed(robot, network))
    assert '20 images per second' in found['engine_slow'].what
    assert found['engine_slow'].severity == 'warning'
    assert 'leaves room for 1' in found['bound_tight'].what


def test_a_network_that_is_fast_enough(robot):
    network = examine_network(config(engine={'kind': 'fake', 'fake_latency_per_image_ms': 2.0}), 2)
    assert not list(check_speed(robot, network))
    assert network.expected_streams(robot) >= 2


def test_the_shipped_model_is_healthy(robot):
    network = examine_network(config(engine={'kind': 'auto'}), 2)
    assert not list(check_network(robot, network))
    assert (network.file, network.family) == (str(default_model()), 'surround')


# The doctor itself.


def test_a_check_that_fails_is_a_finding_and_hides_nothing():
    def check():
        yield warning('before', 'x', 'what', 'remedy')
        raise ZeroDivisionError('by zero')

    found = run_check('of zeros', check)
    assert [f.problem for f in found] == ['before', 'check_failed']
    assert 'of zeros failed: ZeroDivisionError: by zero' in found[1].what


def test_a_check_that_fails_does_not_hide_those_after_it(tmp_path, monkeypatch):
    monkeypatch.setattr(middleware, 'check_middleware', None)
    monkeypatch.setattr('stream_infer_ros.doctor.examination.check_cameras', lambda seen: 1 / 0)
    bag = write(tmp_path / 'bag', [m for m in changed(healthy(), images(lambda m, _: None)) if m[1] == IMAGE])
    found = problems(examined(bag))
    assert 'ZeroDivisionError' in found['check_failed']
    assert 'transforms_missing' in found
