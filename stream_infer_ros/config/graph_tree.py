"""The part of the configuration tree that is about the middleware."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stream_infer_ros.config.section import Section

GraphKind = Literal['dds', 'zenoh', 'memory', 'ros']
# Those that reach another process without a ROS 2.
WireKind = Literal['dds', 'zenoh']


class ZenohTlsConfig(Section):
    """Encrypted links; files in PEM format."""

    ca: str = Field(
        '', description='Certificate of the authority peers must be signed by; listening, it demands one too.'
    )
    certificate: str = Field('', description='Our own certificate: to listen, and to be let in.')
    key: str = Field('', description='Its private key.')


class ZenohConfig(Section):
    """kind zenoh: how peers are met."""

    mode: Literal['peer', 'client', 'router'] = Field(
        'peer',
        description='peer: linked with every peer; client: with one router; router: what others connect to.',
    )
    connect: tuple[str, ...] = Field(
        (),
        description='Endpoints to connect to, e.g. [tcp/192.168.1.5:7447, tls/gpu.example:7447]; empty: '
        'tcp/localhost:7447, where the router of rmw_zenoh listens.',
    )
    listen: tuple[str, ...] = Field(
        (),
        description='Endpoints to accept others on, e.g. [tls/0.0.0.0:7447]; empty: any free port (peer), '
        'tcp/[::]:7447 (router).',
    )
    multicast: bool = Field(True, description='Find peers on the local network by multicast.')
    shared_memory: bool = Field(
        True, description='Images go through shared memory between processes of one host.'
    )
    tls: ZenohTlsConfig = ZenohTlsConfig()


_NAMESPACE = r'^/([A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*)?$'


class GraphConfig(Section):
    """The connection to the graph that messages come from and go to."""

    kind: GraphKind = Field('dds', description='Middleware adapter of live runs.')
    node_name: str = Field(
        'stream_infer', pattern=r'^[A-Za-z_][A-Za-z0-9_]*$', description='Name on the graph.'
    )
    namespace: str = Field('/', pattern=_NAMESPACE, description='ROS namespace.')
    tf_namespace: str = Field(
        '/',
        pattern=_NAMESPACE,
        description='Namespace of tf and tf_static, e.g. /robot1 for a robot with its own transforms.',
    )
    domain_id: int = Field(-1, ge=-1, le=232, description='ROS domain; -1: ROS_DOMAIN_ID, else 0.')
    loopback: bool = Field(
        False,
        description='Keep every packet on this machine, multicast included (ROS_LOCALHOST_ONLY and '
        'ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST do the same).',
    )
    zenoh: ZenohConfig = ZenohConfig()

    @property
    def private(self) -> str:
        """The expansion of `~`: '/<namespace>/<node>'."""
        return f'{self.namespace.rstrip("/")}/{self.node_name}'

    @property
    def diagnostics_name(self) -> str:
        """The first part of status names on /diagnostics: '<namespace>/<node>' without the leading slash."""
        return self.private.removeprefix('/')
