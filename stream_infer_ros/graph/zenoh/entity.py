"""Nodes, publishers and subscriptions as rmw_zenoh names them: topic keys, liveliness tokens, gids.

A publisher puts to `<domain>/<topic>/<type>/<type hash>`. Who is there is told by liveliness tokens:
`@ros2_lv/<domain>/<session>/<node id>/<id>/<kind>/<enclave>/<namespace>/<node>`, and for the ends of topics
`/<topic>/<type>/<type hash>/<qos>` behind it, with % for / within a part (see the design document of
rmw_zenoh).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import xxhash

from stream_infer_ros.graph.graph import Qos
from stream_infer_ros.graph.names import ros_name, wire_name

Kind = Literal['publisher', 'subscription']

_TOKEN_OF: dict[Kind, str] = {'publisher': 'MP', 'subscription': 'MS'}
_KIND_OF: dict[str, Kind] = {token: kind for kind, token in _TOKEN_OF.items()}
_PARTS = 13

# rmw's numbers; what is left out is rmw_zenoh's default: reliable, volatile, keep last 42.
_BEST_EFFORT, _TRANSIENT_LOCAL, _DEFAULT_DEPTH = '2', '1', 42
_REST_OF_QOS = ',:,:,,'  # deadline, lifespan, liveliness: all default


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a topic, anywhere in the domain, our own included.

    Attributes:
        session: the zenoh session it lives in.
        type_hash: RIHS01 of the type's definition, or what a ROS 2 without hashes says instead.
    """

    kind: Kind
    session: str
    topic: str
    type_name: str
    type_hash: str
    qos: Qos


@dataclass(frozen=True, slots=True)
class Node:
    """Our node: what every token of ours begins with. One node a session, with id 0."""

    domain: int
    session: str
    namespace: str
    name: str

    def token(self) -> str:
        """The liveliness token of the node itself."""
        return self._token(0, 'NN')

    def endpoint_token(self, entity_id: int, endpoint: Endpoint) -> str:
        """The liveliness token of one of its publishers and subscriptions."""
        type_name = wire_name(endpoint.type_name)
        start = self._token(entity_id, _TOKEN_OF[endpoint.kind])
        return (
            f'{start}/{_mangled(endpoint.topic)}/{type_name}/{endpoint.type_hash}/{encode_qos(endpoint.qos)}'
        )

    def topic_key(self, endpoint: Endpoint) -> str:
        """The key messages of its topic are put to."""
        return f'{self.domain}{endpoint.topic}/{wire_name(endpoint.type_name)}/{endpoint.type_hash}'

    def _token(self, entity_id: int, kind: str) -> str:
        place = f'@ros2_lv/{self.domain}/{self.session}/0/{entity_id}/{kind}'
        return f'{place}/%/{_mangled(self.namespace)}/{self.name}'


def everybody(domain: int) -> str:
    """The key expression of all tokens of a domain."""
    return f'@ros2_lv/{domain}/**'


def parse_endpoint(token: str) -> Endpoint | None:
    """The end of a topic a token tells of; None for nodes, services and what is no token of rmw_zenoh.

    Parts that later versions append are left alone.
    """
    parts = token.split('/')
    if len(parts) < _PARTS or parts[5] not in _KIND_OF:
        return None
    type_name = ros_name(parts[10])
    qos = parse_qos(parts[12])
    if type_name is None or qos is None:
        return None
    return Endpoint(_KIND_OF[parts[5]], parts[2], parts[9].replace('%', '/'), type_name, parts[11], qos)


def gid(token: str) -> bytes:
    """The 16 bytes rmw_zenoh knows an entity by: XXH3 of its token, low half first, each little-endian."""
    digest = xxhash.xxh3_128_digest(token.encode())  # big-endian
    return digest[:7:-1] + digest[7::-1]


def encode_qos(qos: Qos) -> str:
    """`<reliability>:<durability>:<history>,<depth>:<deadline>:<lifespan>:<liveliness>`, durations as `s,ns`.

    best_available is told as reliable, as rmw does.
    """
    reliability = _BEST_EFFORT if qos.reliability == 'best_effort' else ''
    durability = _TRANSIENT_LOCAL if qos.durability == 'transient_local' else ''
    depth = '' if qos.depth == _DEFAULT_DEPTH else str(qos.depth)
    return f'{reliability}:{durability}:,{depth}:{_REST_OF_QOS}'


def parse_qos(text: str) -> Qos | None:
    """The reverse; None where it is not of this form."""
    parts = text.split(':')
    _, comma, depth = parts[2].partition(',') if len(parts) > 2 else ('', '', '')
    if not comma or (depth and not depth.isdecimal()):
        return None
    return Qos(
        'best_effort' if parts[0] == _BEST_EFFORT else 'reliable',
        'transient_local' if parts[1] == _TRANSIENT_LOCAL else 'volatile',
        int(depth) if depth else _DEFAULT_DEPTH,
    )


def _mangled(name: str) -> str:
    return name.replace('/', '%')
