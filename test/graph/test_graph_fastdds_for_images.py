"""The choice of the Fast DDS profile for a process. Tests in ros/inside check that Fast DDS uses it."""

import shutil
from collections import namedtuple
from xml.etree import ElementTree

import pytest

from stream_infer_ros.graph.fastdds_for_images import profile_variables, segment_bytes, why_lost
from stream_infer_ros.resources import share_directory

CONFIG = share_directory() / 'config'
FAST_DDS = 'rmw_fastrtps_cpp'
PLENTY = 1 << 30
Usage = namedtuple('Usage', 'total used free')


@pytest.fixture
def free(monkeypatch):
    """Return a function that sets the free bytes of shared memory."""

    def set_free(free_bytes):
        monkeypatch.setattr(shutil, 'disk_usage', lambda _: Usage(PLENTY, PLENTY - free_bytes, free_bytes))

    set_free(PLENTY)
    return set_free


@pytest.fixture
def variables(free, tmp_path):
    """Return a function that calls `profile_variables` for a process in an empty directory."""

    def of(environ, middleware=FAST_DDS):
        return profile_variables(middleware, environ, tmp_path, tmp_path)

    return of


@pytest.mark.parametrize(
    ('distro', 'name'),
    [
        ('humble', 'FASTRTPS_DEFAULT_PROFILES_FILE'),
        ('jazzy', 'FASTRTPS_DEFAULT_PROFILES_FILE'),
        ('kilted', 'FASTDDS_DEFAULT_PROFILES_FILE'),
        ('lyrical', 'FASTDDS_DEFAULT_PROFILES_FILE'),
    ],
)
def test_the_profile_goes_into_the_variable_of_the_distribution(variables, distro, name):
    assert variables({'ROS_DISTRO': distro}) == {name: str(CONFIG / 'fastdds.xml')}


@pytest.mark.parametrize(
    'reach', [{'ROS_LOCALHOST_ONLY': '1'}, {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}]
)
def test_discovery_limited_to_this_machine_has_its_own_profile(variables, reach):
    assert list(variables(reach).values()) == [str(CONFIG / 'fastdds_localhost.xml')]


def test_another_middleware_is_left_alone(variables):
    assert variables({}, 'rmw_cyclonedds_cpp') == {}


@pytest.mark.parametrize(
    'name',
    ['FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE', 'FASTDDS_BUILTIN_TRANSPORTS'],
)
def test_the_users_variables_win(variables, name):
    assert variables({name: 'DEFAULT'}) == {}


@pytest.mark.parametrize('name', ['DEFAULT_FASTRTPS_PROFILES.xml', 'DEFAULT_FASTDDS_PROFILES.xml'])
def test_the_users_file_in_the_working_directory_wins_unless_fast_dds_skips_it(variables, tmp_path, name):
    (tmp_path / name).write_text('<profiles/>')
    assert variables({}) == {}
    assert variables({'SKIP_DEFAULT_XML_FILE': '1'})


def test_a_segment_that_does_not_fit_is_not_asked_for(variables, free, caplog):
    free(8 << 20)
    assert variables({}) == {}
    (said,) = [record.getMessage() for record in caplog.records]
    assert '8.4 MB free' in said
    assert '--shm-size' in said


def test_no_shared_memory_counts_as_full(free, tmp_path):
    assert profile_variables(FAST_DDS, {}, tmp_path, tmp_path / 'none') == {}


@pytest.mark.parametrize('name', ['fastdds.xml', 'fastdds_localhost.xml'])
def test_the_segment_holds_a_burst_of_six_cameras(name):
    file = CONFIG / name
    assert segment_bytes(file) >= 6 * 640 * 480 * 3 + (1 << 20)


def test_limited_to_this_machine_the_profile_brings_no_transport_that_leaves_it():
    def transports(name):
        document = ElementTree.parse(CONFIG / name)
        return {element.text for element in document.iter() if element.tag.endswith('}type')}

    assert transports('fastdds.xml') == {'SHM', 'UDPv4'}
    assert transports('fastdds_localhost.xml') == {'SHM'}


@pytest.fixture
def segments(tmp_path):
    """Create a folder like /dev/shm, with a segment of each size in bytes and the other files of Fast DDS."""

    def made(*sizes):
        for number, size in enumerate(sizes):
            with (tmp_path / f'fastrtps_{number:016x}').open('wb') as file:
                file.truncate(size)
            (tmp_path / f'fastrtps_{number:016x}_el').touch()
            (tmp_path / f'fastrtps_port{7411 + number}').write_bytes(bytes(52400))
        return tmp_path

    return made


DEFAULT, LARGE = 549_408, 8_782_368


def test_a_sender_with_the_default_segment_is_a_reason_for_losses(segments):
    said = why_lost(FAST_DDS, {'ROS_DISTRO': 'jazzy'}, segments(LARGE, DEFAULT))
    assert f'FASTRTPS_DEFAULT_PROFILES_FILE={CONFIG / "fastdds.xml"}' in said


def test_large_segments_are_no_reason_for_losses(segments):
    assert why_lost(FAST_DDS, {}, segments(LARGE, LARGE)) == ''


def test_limited_to_this_machine_a_process_with_the_profile_has_a_small_segment_too(segments):
    local = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    folder = segments(LARGE, DEFAULT)
    assert why_lost(FAST_DDS, local, folder) == ''
    assert 'fastdds_localhost.xml' in why_lost(FAST_DDS, local, segments(LARGE, DEFAULT, DEFAULT))


def test_another_middleware_has_no_segments(segments):
    assert why_lost('rmw_cyclonedds_cpp', {}, segments(DEFAULT)) == ''
