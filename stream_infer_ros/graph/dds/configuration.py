"""Which DDS domain to join and how far its packets may go, from our settings and the environment.

The variables are ROS 2's (docs.ros.org/en/jazzy/Tutorials/Advanced/Improved-Dynamic-Discovery.html):
ROS_DOMAIN_ID, ROS_AUTOMATIC_DISCOVERY_RANGE, ROS_STATIC_PEERS and, older, ROS_LOCALHOST_ONLY; and Cyclone's
own CYCLONEDDS_URI. Everything here is text in, text out: `participant.py` opens the domain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args
from xml.sax.saxutils import quoteattr

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.cyclone_for_images import BUFFERS, QUICK_REPAIR, SIZES

Reach = Literal['SUBNET', 'LOCALHOST', 'OFF', 'SYSTEM_DEFAULT']

_MAX_DOMAIN_ID = 232  # the last one whose ports fit into 16 bits

_LOOPBACK = (
    '<Interfaces><NetworkInterface name="lo" multicast="false"/></Interfaces>'
    '<AllowMulticast>false</AllowMulticast>'
)


def domain_id(config: GraphConfig, environ: Mapping[str, str]) -> int:
    """The DDS domain: the configured one, else ROS_DOMAIN_ID, else 0."""
    if config.domain_id >= 0:
        return config.domain_id
    text = environ.get('ROS_DOMAIN_ID', '') or '0'
    if not text.isdecimal() or int(text) > _MAX_DOMAIN_ID:
        raise GraphError(f'ROS_DOMAIN_ID: expected a whole number from 0 to {_MAX_DOMAIN_ID}, got {text!r}')
    return int(text)


def reach(environ: Mapping[str, str]) -> Reach:
    """How far discovery goes, by ROS 2's rules: a set ROS_LOCALHOST_ONLY=1 wins, SUBNET is the default."""
    if environ.get('ROS_LOCALHOST_ONLY', '') == '1':
        return 'LOCALHOST'
    wanted = environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE', '') or 'SUBNET'
    for known in get_args(Reach):
        if wanted == known:
            return known  # type: ignore[no-any-return]
    raise GraphError(
        f'ROS_AUTOMATIC_DISCOVERY_RANGE: expected one of {", ".join(get_args(Reach))}, got {wanted!r}'
    )


def domain_xml(config: GraphConfig, environ: Mapping[str, str], process_id: int) -> str:
    """The configuration Cyclone DDS shall open the domain with.

    - `loopback`, or a reach of LOCALHOST without static peers: the loopback interface alone, no multicast; a
      CYCLONEDDS_URI is set aside, as one interface named there would carry packets off the machine.
    - otherwise what rmw_cyclonedds does for that reach, followed by the user's CYCLONEDDS_URI, whose settings
      win; where there is none our sizes stand in for it.
    """
    peers = [peer.strip() for peer in environ.get('ROS_STATIC_PEERS', '').split(';') if peer.strip()]
    range_ = reach(environ)
    if config.loopback or (range_ == 'LOCALHOST' and not peers):
        return _domain(_LOOPBACK + SIZES, _discovery(['127.0.0.1']), BUFFERS + QUICK_REPAIR)
    user = environ.get('CYCLONEDDS_URI', '')
    sizes, buffers = ('', '') if user else (SIZES, BUFFERS)
    if range_ == 'OFF':
        # The tag is the process's own: nobody else carries it, so nobody is discovered.
        alone = f'<ParticipantIndex>none</ParticipantIndex><Tag>ros_discovery_off_{process_id}</Tag>'
        ours = _domain('<AllowMulticast>false</AllowMulticast>' + sizes, alone, buffers)
    elif range_ == 'LOCALHOST':
        ours = _domain(
            '<AllowMulticast>false</AllowMulticast>' + sizes, _discovery(['localhost', *peers]), buffers
        )
    elif range_ == 'SUBNET':
        ours = _domain(sizes, _discovery(peers), buffers)
    else:
        ours = _domain(sizes, '', buffers)
    return f'{ours},{user}' if user else ours


def _discovery(peers: Sequence[str]) -> str:
    listed = ''.join(f'<Peer address={quoteattr(peer)}/>' for peer in peers)
    # An index gives each process well-known ports, so that unicast finds it; 32 as in rmw_cyclonedds.
    return (
        '<ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>32</MaxAutoParticipantIndex>'
        + (f'<Peers>{listed}</Peers>' if listed else '')
    )


def _domain(general: str, discovery: str, rest: str) -> str:
    parts = [
        f'<General>{general}</General>' if general else '',
        f'<Discovery>{discovery}</Discovery>' if discovery else '',
        rest,
    ]
    return f'<CycloneDDS><Domain>{"".join(parts)}</Domain></CycloneDDS>'
