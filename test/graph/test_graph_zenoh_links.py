"""Who of zenoh finds whom: peers, clients and routers, domains, TLS between those an authority knows."""

import shutil
import subprocess

import pytest
from graph_harness import DOMAIN_ID, Inbox, eventually, on_loopback, same
from graph_messages import STRING, hear, string

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import LATCHED, RELIABLE, make_graph

pytest.importorskip('zenoh', reason='the zenoh adapter needs eclipse-zenoh, which is not installed')


@pytest.fixture(scope='module')
def kind():
    return 'zenoh'


def test_a_graph_hears_itself(graph):
    hear(graph, graph)
    late = Inbox()
    graph.advertise('/map', STRING, LATCHED).publish(string('latched'))
    graph.subscribe('/map', STRING, LATCHED, late)
    assert same(late.wait(1), [string('latched')])


def test_eight_meet_in_any_order_and_survive_the_first(graphs):
    domain = (DOMAIN_ID + 50) % 200  # where no stranger waits
    members = [graphs(domain_id=domain, node_name=f'node{i}') for i in range(8)]
    for i, member in enumerate(members):
        member.advertise(f'/node{i}', STRING, RELIABLE)
    for member in members:
        eventually(lambda member=member: len(member.topics()) == 8, 'eight publishers')
    members[0].close()  # it was where the others met
    for member in members[1:]:
        eventually(lambda member=member: len(member.topics()) == 7, 'seven publishers')
    hear(members[2], members[5])
    newcomer = graphs(domain_id=domain, node_name='newcomer')
    newcomer.advertise('/newcomer', STRING, RELIABLE)
    for member in (newcomer, *members[1:]):
        eventually(
            lambda member=member: {'/newcomer', '/node7'} <= {info.name for info in member.topics()},
            'the newcomer and the old',
        )


def test_domains_keep_to_themselves(graphs):
    port = 17400 + 233 + DOMAIN_ID
    here = graphs(zenoh={'listen': [f'tcp/127.0.0.1:{port}']})
    there = graphs(domain_id=DOMAIN_ID + 1, zenoh={'connect': [f'tcp/127.0.0.1:{port}']})
    same_domain = graphs(node_name='same', zenoh={'connect': [f'tcp/127.0.0.1:{port}']})
    there.advertise('/there', STRING, RELIABLE)
    same_domain.advertise('/same', STRING, RELIABLE)
    eventually(lambda: here.topics() != [])
    assert [info.name for info in here.topics()] == ['/same']


def test_clients_talk_through_a_router(graphs):
    endpoint = f'tcp/127.0.0.1:{17400 + 234 + DOMAIN_ID}'
    router = graphs(node_name='router', zenoh={'mode': 'router', 'listen': [endpoint]})
    camera = graphs(node_name='camera', zenoh={'mode': 'client', 'connect': [endpoint]})
    inference = graphs(node_name='inference', zenoh={'mode': 'client', 'connect': [endpoint]})
    hear(camera, inference)
    late = Inbox()
    camera.advertise('/map', STRING, LATCHED).publish(string('latched'))
    inference.subscribe('/map', STRING, LATCHED, late)
    assert same(late.wait(1), [string('latched')])
    assert {info.name for info in router.topics()} == {'/across', '/map'}


def test_a_client_without_a_router_is_told():
    with pytest.raises(GraphError, match=r'opening a zenoh session.*check graph\.zenoh'):
        make_graph(on_loopback('zenoh', zenoh={'mode': 'client', 'connect': ['tcp/127.0.0.1:17399']}))


def test_an_endpoint_that_is_taken_is_told(graphs):
    endpoint = f'tcp/127.0.0.1:{17400 + 235 + DOMAIN_ID}'
    graphs(zenoh={'listen': [endpoint]})
    with pytest.raises(GraphError, match='whether another process uses the port'):
        make_graph(on_loopback('zenoh', zenoh={'listen': [endpoint]}))


@pytest.fixture(scope='module')
def certificates(tmp_path_factory):
    """A throw-away authority, a certificate of it for 127.0.0.1, and one of somebody else's."""
    if shutil.which('openssl') is None:
        pytest.skip('openssl, which makes the certificates, is not installed')
    folder = tmp_path_factory.mktemp('certificates')

    def openssl(*arguments):
        subprocess.run(['openssl', *arguments], cwd=folder, check=True, capture_output=True)

    (folder / 'names').write_text('subjectAltName=IP:127.0.0.1,DNS:localhost\n')
    curve = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes')
    for authority in ('ours', 'theirs'):
        openssl('req', '-x509', *curve, '-keyout', f'{authority}.ca.key', '-out', f'{authority}.ca', '-days',
                '2', '-subj', f'/CN={authority}')  # fmt: skip
        openssl('req', *curve, '-keyout', f'{authority}.key', '-out', 'request', '-subj', '/CN=127.0.0.1')
        openssl('x509', '-req', '-in', 'request', '-CA', f'{authority}.ca', '-CAkey', f'{authority}.ca.key',
                '-CAcreateserial', '-out', f'{authority}.pem', '-days', '2', '-extfile', 'names')  # fmt: skip
    return folder


def tls(folder, authority, own=None):
    own = own or authority
    return {
        'ca': str(folder / f'{authority}.ca'),
        'certificate': str(folder / f'{own}.pem'),
        'key': str(folder / f'{own}.key'),
    }


def test_a_tls_link_carries_messages_between_those_the_authority_knows(graphs, certificates):
    endpoint = f'tls/127.0.0.1:{17400 + 236 + DOMAIN_ID}'
    ours = tls(certificates, 'ours')
    router = graphs(zenoh={'mode': 'router', 'listen': [endpoint], 'tls': ours})
    client = graphs(node_name='camera', zenoh={'mode': 'client', 'connect': [endpoint], 'tls': ours})
    hear(client, router)

    with pytest.raises(GraphError, match='opening a zenoh session'):  # nothing in the clear
        make_graph(
            on_loopback('zenoh', zenoh={'mode': 'client', 'connect': [endpoint.replace('tls', 'tcp')]})
        )
    stranger = {'mode': 'client', 'connect': [endpoint]}
    for wrong in (
        {'ca': str(certificates / 'theirs.ca')},  # does not trust the router
        tls(certificates, 'ours', 'theirs'),  # is not trusted by it
    ):
        with pytest.raises(GraphError, match='opening a zenoh session'):
            make_graph(on_loopback('zenoh', zenoh={**stranger, 'tls': wrong}))
