"""Names of nodes, publishers and subscriptions in rmw_zenoh: topic keys, liveliness tokens, gids.

A publisher puts its messages to the key `<domain>/<topic>/<type>/<type hash>`. Nodes announce themselves by
liveliness tokens of this form:

    @ros2_lv/<domain>/<session>/<node id>/<id>/<kind>/<enclave>/<namespace>/<node>

The tokens of publishers and subscriptions continue with `/<topic>/<type>/<type hash>/<qos>`. Within a part, %
stands for /. The design document of rmw_zenoh describes them.
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
_REST_OF_QOS = ',:,:,,'  # deadline, lifespan, liveliness: the defaults


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A publisher or subscription in the domain. Our own endpoints are included.

    Attributes:
        session: its zenoh session.
        type_hash: the RIHS01 hash of the type's definition, or the substitute in ROS 2 before Iron.
    """

    kind: Kind
    session: str
    topic: str
    type_name: str
    type_hash: str
    qos: Qos


@dataclass(frozen=True, slots=True)
class Node:
    """Our node, with which all our tokens start. A session has one node, with id 0."""

    domain: int
    session: str
    namespace: str
    name: str

    def token(self) -> str:
        """Return the liveliness token of the node."""
        return self._token(0, 'NN')

    def endpoint_token(self, entity_id: int, endpoint: Endpoint) -> str:
        """Return the liveliness token of a publisher or subscription of the node."""
        type_name = wire_name(endpoint.type_name)
        start = self._token(entity_id, _TOKEN_OF[endpoint.kind])
        return (
            f'{start}/{_mangled(endpoint.topic)}/{type_name}/{endpoint.type_hash}/{encode_qos(endpoint.qos)}'
        )

    def topic_key(self, endpoint: Endpoint) -> str:
        """Return the key to which messages of this topic are published."""
        return f'{self.domain}{endpoint.topic}/{wire_name(endpoint.type_name)}/{endpoint.type_hash}'

    def _token(self, entity_id: int, kind: str) -> str:
        place = f'@ros2_lv/{self.domain}/{self.session}/0/{entity_id}/{kind}'
        return f'{place}/%/{_mangled(self.namespace)}/{self.name}'


def everybody(domain: int) -> str:
    """Return the key expression of all tokens of a domain."""
    return f'@ros2_lv/{domain}/**'


def parse_endpoint(token: str) -> Endpoint | None:
    """Return the publisher or subscription of a token; None for all other tokens.

    Parts that later versions append are ignored.
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
    """Return the gid of an entity: the XXH3 of its token, low half first, both halves little-endian."""
    digest = xxhash.xxh3_128_digest(token.encode())  # big-endian
    return digest[:7:-1] + digest[7::-1]


def encode_qos(qos: Qos) -> str:
    """Return `<reliability>:<durability>:<history>,<depth>:<deadline>:<lifespan>:<liveliness>`.

    Durations are written as `s,ns`, and best_available as reliable and transient_local. Zenoh matches
    publishers and subscriptions of any QoS.
    """
    reliability = _BEST_EFFORT if qos.reliability == 'best_effort' else ''
    durability = '' if qos.durability == 'volatile' else _TRANSIENT_LOCAL
    depth = '' if qos.depth == _DEFAULT_DEPTH else str(qos.depth)
    return f'{reliability}:{durability}:,{depth}:{_REST_OF_QOS}'


def parse_qos(text: str) -> Qos | None:
    """Return the QoS of such a text; None if it is invalid."""
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
