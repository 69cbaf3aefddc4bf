"""Tokens, attachments and settings of the zenoh adapter as values; nothing is opened."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.graph import Qos

pytest.importorskip('zenoh', reason='the zenoh adapter needs eclipse-zenoh, which is not installed')

from stream_infer_ros.graph.zenoh.attachment import Attachment, SequenceGaps, parse_attachment
from stream_infer_ros.graph.zenoh.configuration import session_plan
from stream_infer_ros.graph.zenoh.entity import (
    Endpoint,
    Node,
    encode_qos,
    gid,
    parse_endpoint,
    parse_qos,
)

NAME = st.from_regex(r'[A-Za-z_][A-Za-z0-9_]{0,8}', fullmatch=True)
PATH = st.lists(NAME, min_size=1, max_size=3).map(lambda names: '/' + '/'.join(names))
QOS = st.builds(
    Qos,
    st.sampled_from(['reliable', 'best_effort']),
    st.sampled_from(['volatile', 'transient_local']),
    st.integers(1, 1000),
)
STRING_HASH = 'RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18'


@given(
    st.sampled_from(['publisher', 'subscription']), PATH, PATH | st.just('/'), NAME, QOS, st.integers(0, 232)
)
def test_a_token_tells_what_it_was_made_of(kind, topic, namespace, name, qos, domain):
    endpoint = Endpoint(kind, 'a1b2', topic, 'std_msgs/msg/String', STRING_HASH, qos)
    node = Node(domain, 'a1b2', namespace, name)
    token = node.endpoint_token(7, endpoint)
    assert parse_endpoint(token) == endpoint
    assert parse_endpoint(f'{token}/and_what_later_versions_add') == endpoint
    assert token.split('/')[:6] == ['@ros2_lv', str(domain), 'a1b2', '0', '7', token.split('/')[5]]
    assert token.count('/') == 12
    assert parse_endpoint(node.token()) is None
    assert node.topic_key(endpoint) == f'{domain}{topic}/std_msgs::msg::dds_::String_/{STRING_HASH}'


@pytest.mark.parametrize(
    ('text', 'qos'),
    [
        ('::,:,:,:,,', Qos('reliable', 'volatile', 42)),  # rmw_zenoh's default: nothing is said
        ('::,10:,:,:,,', Qos('reliable', 'volatile', 10)),
        ('2::,5:,:,:,,', Qos('best_effort', 'volatile', 5)),
        (':1:,1:,:,:,,', Qos('reliable', 'transient_local', 1)),
    ],
)
def test_qos_as_rmw_zenoh_writes_it(text, qos):
    assert encode_qos(qos) == text
    assert parse_qos(text) == qos


def test_qos_that_others_write_in_full_is_read():
    assert parse_qos('1:2:1,10:9,1:,:1,,') == Qos('reliable', 'volatile', 10)
    assert parse_qos('1:1:2,0:,:,:,,') == Qos('reliable', 'transient_local', 0)  # keep all


@pytest.mark.parametrize(
    'token',
    [
        '',
        '@ros2_lv/0',
        '@ros2_lv/0/a/0/1/SS/%/%/n/%t/std_srvs::srv::dds_::Empty_/RIHS01_0/::,:,:,:,,',
        '@ros2_lv/0/a/0/1/MP/%/%/n/%t/not_ros/RIHS01_0/::,:,:,:,,',
        '@ros2_lv/0/a/0/1/MP/%/%/n/%t/std_msgs::msg::dds_::String_/RIHS01_0/nonsense',
        '@ros2_lv/0/a/0/1/MP/%/%/n/%t/std_msgs::msg::dds_::String_/RIHS01_0/::,x:,:,:,,',
    ],
)
def test_other_tokens_are_left_out(token):
    assert parse_endpoint(token) is None


def test_the_gid_is_xxh3_with_the_low_half_first():
    # XXH3_128bits of nothing, as its specification gives it: 99aa06d3014798d86001c324468d497f.
    assert gid('').hex() == '7f498d4624c30160d8984701d306aa99'


@given(
    st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1), st.binary(min_size=16, max_size=16)
)
def test_an_attachment_reads_back_in_both_forms(sequence, published_ns, identity):
    attachment = Attachment(sequence, published_ns, identity)
    assert parse_attachment(attachment.to_bytes()) == attachment
    assert len(attachment.to_bytes()) == 33
    named = b''.join(
        bytes([len(name)]) + name + value
        for name, value in (
            (b'sequence_number', struct.pack('<q', sequence)),
            (b'source_timestamp', struct.pack('<q', published_ns)),
            (b'source_gid', b'\x10' + identity),
        )
    )
    assert parse_attachment(named) == attachment


@given(st.binary(max_size=100))
def test_anything_else_attached_is_nothing(data):
    found = parse_attachment(data)
    assert found is None or (len(data) == 33 and data[16] == 16)


@given(st.lists(st.booleans(), max_size=50), st.integers(1, 1000))
def test_gaps_are_what_did_not_come_between_the_first_and_the_last(arrives, start):
    gaps = SequenceGaps()
    numbers = [start + i for i, here in enumerate(arrives) if here]
    for number in numbers:
        gaps.note(Attachment(number, 0, b'a' * 16))
        gaps.note(Attachment(number, 0, b'a' * 16))  # twice changes nothing
        gaps.note(Attachment(1, 0, b'a' * 16))  # nor does a late one
    missing = numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0
    assert gaps.lost == missing


def plan(environ=None, loopback=False, **zenoh):
    made = session_plan(GraphConfig(kind='zenoh', domain_id=9, loopback=loopback, zenoh=zenoh), environ or {})
    return made, dict(made.settings)


def test_a_peer_looks_for_others_by_multicast_and_at_the_router_here():
    made, settings = plan()
    assert made.otherwise is None
    assert settings['mode'] == 'peer'
    assert settings['connect/endpoints'] == ['tcp/localhost:7447']
    assert settings['listen/endpoints'] == ['tcp/[::]:0', 'tcp/127.0.0.1:0']
    assert settings['scouting/multicast/enabled'] is True
    assert settings['timestamping/enabled'] is True


def test_endpoints_of_the_user_stand_for_the_defaults():
    _, settings = plan(mode='client', connect=['tls/gpu.example:7447'])
    assert settings['connect/endpoints'] == ['tls/gpu.example:7447']
    _, settings = plan(mode='router', listen=['tcp/0.0.0.0:7447'])
    assert settings['connect/endpoints'] == []
    assert settings['listen/endpoints'] == ['tcp/0.0.0.0:7447']


@pytest.mark.parametrize(
    ('environ', 'loopback'),
    [
        ({}, True),
        ({'ROS_LOCALHOST_ONLY': '1'}, False),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}, False),
        ({'ZENOH_SESSION_CONFIG_URI': '/nowhere', 'ZENOH_CONFIG_OVERRIDE': 'mode="router"'}, True),
    ],
)
def test_loopback_meets_at_a_port_of_the_domain_and_nowhere_else(environ, loopback):
    first, settings = plan(environ, loopback)
    others = dict(first.otherwise.settings)
    assert settings['listen/endpoints'] == others['connect/endpoints'] == ['tcp/127.0.0.1:17409']
    assert settings['connect/endpoints'] == []
    assert others['listen/endpoints'] == ['tcp/127.0.0.1:0']
    for these in (settings, others):
        assert these['scouting/multicast/enabled'] is False
    assert (first.file, first.overrides) == ('', ())


@pytest.mark.parametrize(
    'endpoint', ['tcp/192.168.1.5:7447', 'tcp/[::]:0', 'tcp/0.0.0.0:7447', 'udp/10.0.0.1:1']
)
def test_endpoints_that_leave_the_machine_are_refused_under_loopback(endpoint):
    for end in ('connect', 'listen'):
        with pytest.raises(GraphError, match='is not on this machine'):
            plan(loopback=True, **{end: [endpoint]})
        plan(loopback=False, **{end: [endpoint]})


def test_nobody_is_looked_for_when_discovery_is_off():
    _, settings = plan({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF'})
    assert settings['connect/endpoints'] == settings['listen/endpoints'] == []
    assert settings['scouting/multicast/enabled'] is settings['scouting/gossip/enabled'] is False


def test_static_peers_are_routers_to_connect_to():
    peers = {'ROS_STATIC_PEERS': 'a.example; 10.0.0.2'}
    _, settings = plan(peers)
    assert settings['connect/endpoints'] == [
        'tcp/localhost:7447',
        'tcp/a.example:7447',
        'tcp/10.0.0.2:7447',
    ]
    _, settings = plan({**peers, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'})
    assert settings['scouting/multicast/enabled'] is False


def test_the_file_of_rmw_zenoh_is_read_and_overridden(tmp_path):
    file = tmp_path / 'session.json5'
    file.write_text('{mode: "client"}')
    environ = {
        'ZENOH_SESSION_CONFIG_URI': str(file),
        'ZENOH_CONFIG_OVERRIDE': 'mode="peer";scouting/multicast/enabled=true',
    }
    made, settings = plan(environ, listen=['tcp/127.0.0.1:1234'])
    assert made.file == str(file)
    assert made.overrides == (('mode', '"peer"'), ('scouting/multicast/enabled', 'true'))
    assert settings['listen/endpoints'] == ['tcp/127.0.0.1:1234']  # said by the user, goes over the file
    assert 'mode' not in settings  # not said
    with pytest.raises(GraphError, match='ZENOH_SESSION_CONFIG_URI'):
        plan({'ZENOH_SESSION_CONFIG_URI': str(tmp_path / 'none')})
    with pytest.raises(GraphError, match='path=value'):
        plan({'ZENOH_CONFIG_OVERRIDE': 'nonsense'})


@pytest.mark.parametrize(
    ('zenoh', 'words'),
    [
        ({'connect': ['192.168.1.5:7447']}, 'expected an endpoint'),
        ({'connect': ['tcp/192.168.1.5']}, 'expected an endpoint'),
        ({'listen': ['']}, 'expected an endpoint'),
        ({'mode': 'client', 'listen': ['tcp/127.0.0.1:1']}, 'a client does not accept'),
        ({'listen': ['tls/0.0.0.0:7447']}, 'needs graph.zenoh.tls.certificate'),
        ({'tls': {'ca': '/nowhere.pem'}}, r'tls\.ca: expected a PEM file'),
        ({'tls': {'key': __file__}}, 'set both certificate and key'),
    ],
)
def test_settings_that_cannot_be_are_named(zenoh, words):
    with pytest.raises(GraphError, match=words):
        plan(**zenoh)


def test_a_router_demands_certificates_where_an_authority_is_set():
    mutual = {'ca': __file__, 'certificate': __file__, 'key': __file__}
    _, settings = plan(listen=['tls/0.0.0.0:7447'], tls=mutual)
    assert settings['transport/link/tls/enable_mtls'] is True
    assert settings['transport/link/tls/connect_certificate'] == __file__
    _, settings = plan(listen=['tls/0.0.0.0:7447'], tls={'certificate': __file__, 'key': __file__})
    assert 'transport/link/tls/enable_mtls' not in settings
