"""Settings of the middleware."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stream_infer_ros.config.section import Section

GraphKind = Literal['dds', 'zenoh', 'memory', 'ros']
# The kinds that reach other processes without an installation of ROS 2.
WireKind = Literal['dds', 'zenoh']


class ZenohTlsConfig(Section):
    """Encrypted links. The files have PEM format."""

    ca: str = Field(
        '',
        description='Certificate of the authority that signs the certificates of peers. A peer that '
        'connects to us must also have a certificate.',
    )
    certificate: str = Field(
        '',
        description='Our own certificate. It is required for listening, and for peers that ask for a '
        'certificate.',
    )
    key: str = Field('', description='Private key of our own certificate.')


class ZenohConfig(Section):
    """Connections to zenoh peers, with `graph.kind: zenoh`."""

    mode: Literal['peer', 'client', 'router'] = Field(
        'peer',
        description='Role in the zenoh network. A peer connects to all other peers, a client connects to '
        'one router, and a router accepts connections from others.',
    )
    connect: tuple[str, ...] = Field(
        (),
        description='Endpoints to connect to, e.g. [tcp/192.168.1.5:7447, tls/gpu.example:7447]. If empty, '
        'it is tcp/localhost:7447, the address of the rmw_zenoh router.',
    )
    listen: tuple[str, ...] = Field(
        (),
        description='Endpoints to listen on, e.g. [tls/0.0.0.0:7447]. If empty, a peer listens on any free '
        'port and a router on tcp/[::]:7447.',
    )
    multicast: bool = Field(True, description='Find peers on the local network by multicast.')
    shared_memory: bool = Field(
        True, description='Pass images through shared memory between processes on the same host.'
    )
    tls: ZenohTlsConfig = ZenohTlsConfig()


_NAMESPACE = r'^/([A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*)?$'


class GraphConfig(Section):
    """The connection to the ROS graph."""

    kind: GraphKind = Field('dds', description='Middleware. A ROS node always uses its own.')
    node_name: str = Field(
        'stream_infer', pattern=r'^[A-Za-z_][A-Za-z0-9_]*$', description='Name of the node on the graph.'
    )
    namespace: str = Field('/', pattern=_NAMESPACE, description='ROS namespace of the node, e.g. /robot1.')
    tf_namespace: str = Field(
        '',
        pattern=rf'{_NAMESPACE}|^$',
        description='Namespace of the topics tf and tf_static, e.g. /robot1 for a robot with its own '
        'transforms. If empty, it is / or graph.namespace. The latter is used if it has transforms at the '
        'start while /tf and /tf_static have no publisher.',
    )
    domain_id: int = Field(
        -1,
        ge=-1,
        le=232,
        description='ROS domain. With -1, it is the environment variable ROS_DOMAIN_ID, or 0 if that is '
        'not set.',
    )
    loopback: bool = Field(
        False,
        description='Keep all packets on this machine, including multicast. The environment variables '
        'ROS_LOCALHOST_ONLY=1 and ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST have the same effect.',
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
