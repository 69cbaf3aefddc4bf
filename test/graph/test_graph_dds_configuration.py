"""Domain and reach from settings and environment; text only, nothing is opened."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import MemoryGraph, make_graph
from stream_infer_ros.graph.graph import RELIABLE

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip('cyclonedds', reason='the dds adapter needs cyclonedds, which is not installed')

from stream_infer_ros.graph.dds.configuration import domain_xml  # noqa: E402
from stream_infer_ros.graph.domain import domain_id  # noqa: E402

OPEN, LOOPBACK = GraphConfig(), GraphConfig(loopback=True)
PROCESS = 4711


def parse(xml):
    """Settings by path, lists for what may repeat; of the first document of a comma-separated list."""
    return ElementTree.fromstring(xml.split('</CycloneDDS>')[0] + '</CycloneDDS>').find('Domain')


def interfaces(domain):
    return [entry.attrib for entry in domain.iterfind('General/Interfaces/NetworkInterface')]


def peers(domain):
    return [peer.get('address') for peer in domain.iterfind('Discovery/Peers/Peer')]


@pytest.mark.parametrize(
    ('config', 'environ', 'expected'),
    [
        (GraphConfig(), {}, 0),
        (GraphConfig(), {'ROS_DOMAIN_ID': ''}, 0),
        (GraphConfig(), {'ROS_DOMAIN_ID': '42'}, 42),
        (GraphConfig(), {'ROS_DOMAIN_ID': '232'}, 232),
        (GraphConfig(domain_id=7), {'ROS_DOMAIN_ID': '42'}, 7),
        (GraphConfig(domain_id=0), {'ROS_DOMAIN_ID': '42'}, 0),
        (GraphConfig(domain_id=7), {'ROS_DOMAIN_ID': 'nonsense'}, 7),
    ],
)
def test_the_domain(config, environ, expected):
    assert domain_id(config, environ) == expected


@pytest.mark.parametrize('text', ['-1', '233', 'one', '1.0', ' 1 x', '٣٣٣'])
def test_a_domain_that_is_none_is_refused_with_the_range(text):
    with pytest.raises(GraphError, match='0 to 232'):
        domain_id(GraphConfig(), {'ROS_DOMAIN_ID': text})


@pytest.mark.parametrize(
    ('config', 'environ'),
    [
        (LOOPBACK, {}),
        (LOOPBACK, {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET', 'ROS_STATIC_PEERS': '192.0.2.1'}),
        (OPEN, {'ROS_LOCALHOST_ONLY': '1'}),
        (OPEN, {'ROS_LOCALHOST_ONLY': '1', 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}),
        (OPEN, {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}),
    ],
)
def test_loopback_is_the_only_interface_and_multicast_is_off(config, environ):
    for uri in (
        {},
        {'CYCLONEDDS_URI': '<CycloneDDS><Domain><General><Interfaces/></General></Domain></CycloneDDS>'},
    ):
        xml = domain_xml(config, {**environ, **uri}, PROCESS)
        domain = parse(xml)
        assert xml.count('<CycloneDDS>') == 1  # the user's interfaces would be used beside ours
        assert interfaces(domain) == [{'name': 'lo', 'multicast': 'false'}]
        assert domain.findtext('General/AllowMulticast') == 'false'
        assert peers(domain) == ['127.0.0.1']
        assert domain.findtext('Discovery/ParticipantIndex') == 'auto'


@pytest.mark.parametrize(
    'environ', [{}, {'ROS_LOCALHOST_ONLY': '0'}, {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}]
)
def test_the_subnet_is_the_default(environ):
    domain = parse(domain_xml(OPEN, environ, PROCESS))
    assert interfaces(domain) == []
    assert domain.find('General/AllowMulticast') is None
    assert peers(domain) == []


def test_static_peers_are_added_and_quoted():
    environ = {'ROS_STATIC_PEERS': '192.0.2.7; robot.local;;"&<'}
    assert peers(parse(domain_xml(OPEN, environ, PROCESS))) == ['192.0.2.7', 'robot.local', '"&<']
    environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    domain = parse(domain_xml(OPEN, environ, PROCESS))
    assert peers(domain) == ['localhost', '192.0.2.7', 'robot.local', '"&<']
    assert domain.findtext('General/AllowMulticast') == 'false'


def test_off_is_heard_by_no_other_process():
    domain = parse(
        domain_xml(OPEN, {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF', 'ROS_STATIC_PEERS': 'a'}, PROCESS)
    )
    assert domain.findtext('Discovery/Tag') == 'ros_discovery_off_4711'
    assert domain.findtext('General/AllowMulticast') == 'false'
    assert peers(domain) == []


@pytest.mark.parametrize('reach', ['SUBNET', 'OFF', 'SYSTEM_DEFAULT'])
def test_sizes_are_ours_unless_the_user_has_a_configuration(reach):
    environ = {'ROS_AUTOMATIC_DISCOVERY_RANGE': reach}
    ours = parse(domain_xml(OPEN, environ, PROCESS))
    assert ours.findtext('General/MaxMessageSize') == '65500B'
    assert ours.findtext('General/FragmentSize') == '65000B'
    assert ours.find('Internal/SocketReceiveBufferSize').attrib == {'max': '4MB'}
    assert ours.findtext('Internal/Watermarks/WhcHigh') == '8MB'
    mixed = domain_xml(OPEN, {**environ, 'CYCLONEDDS_URI': 'file:///etc/cyclone.xml'}, PROCESS)
    assert mixed.endswith(',file:///etc/cyclone.xml')  # last, so that it wins
    assert 'MaxMessageSize' not in mixed


def test_the_system_default_leaves_discovery_alone():
    domain = parse(domain_xml(OPEN, {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SYSTEM_DEFAULT'}, PROCESS))
    assert domain.find('Discovery') is None


def test_an_unknown_reach_is_refused_with_those_there_are():
    with pytest.raises(GraphError, match=r'SUBNET, LOCALHOST, OFF, SYSTEM_DEFAULT.*everywhere'):
        domain_xml(OPEN, {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'everywhere'}, PROCESS)


def test_memory_graphs_of_one_process_meet():
    first, second = make_graph(GraphConfig(kind='memory')), make_graph(GraphConfig(kind='memory'))
    assert isinstance(first, MemoryGraph)
    got = []
    second.subscribe('/a', 'std_msgs/msg/String', RELIABLE, lambda cdr, _: got.append(cdr))
    first.advertise('/a', 'std_msgs/msg/String', RELIABLE).publish(b'x')
    first.close()
    second.close()
    assert got == [b'x']


def test_without_cyclonedds_all_but_the_dds_graph_works_and_that_says_what_to_install():
    script = """
import sys
sys.modules['cyclonedds'] = None  # what an interpreter without the package sees
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import make_graph
make_graph(GraphConfig(kind='memory')).close()
try:
    make_graph(GraphConfig(kind='dds'))
except GraphError as error:
    print(error)
"""
    ended = subprocess.run(
        [sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert 'pip install cyclonedds' in ended.stdout
    assert 'aarch64' in ended.stdout
