"""The configuration of a DDS domain, which also limits the range of discovery.

It is made from our settings, the variables of ROS 2 (`graph/domain.py`) and Cyclone's CYCLONEDDS_URI. This
module only makes the text; `participant.py` opens the domain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import quoteattr

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph.cyclone_for_images import BUFFERS, QUICK_REPAIR, SIZES
from stream_infer_ros.graph.domain import reach, static_peers

_LOOPBACK = (
    '<Interfaces><NetworkInterface name="lo" multicast="false"/></Interfaces>'
    '<AllowMulticast>false</AllowMulticast>'
)
# Fast DDS is vendor 1.15. Its version 3 (ROS 2 Kilted and later) describes types that have a sequence in a
# way that Cyclone DDS 11.0.1 rejects. Cyclone then rejects every later reader and writer of such a type. The
# descriptions arrive when two Fast DDS participants ask each other for them. If Cyclone ignores them, it
# compares the names of types instead.
_COMPATIBILITY = '<Compatibility><IgnoreTypeInformation>1.15</IgnoreTypeInformation></Compatibility>'


def domain_xml(config: GraphConfig, environ: Mapping[str, str], process_id: int) -> str:
    """Return the configuration for opening the domain.

    - With `loopback`, or a discovery range of LOCALHOST without static peers, only the loopback interface is
      used, without multicast. CYCLONEDDS_URI is ignored, because it could name other interfaces.
    - Otherwise the configuration is that of rmw_cyclonedds for the discovery range. The settings of
      CYCLONEDDS_URI take precedence. Without that variable, our sizes of messages and buffers are added.
    """
    peers = static_peers(environ)
    range_ = reach(environ)
    if config.loopback or (range_ == 'LOCALHOST' and not peers):
        return _domain(_LOOPBACK + SIZES, _discovery(['127.0.0.1']), BUFFERS + QUICK_REPAIR)
    user = environ.get('CYCLONEDDS_URI', '')
    sizes, buffers = ('', '') if user else (SIZES, BUFFERS)
    if range_ == 'OFF':
        # No other process has this tag, so no participant is discovered.
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
    # An index gives each process well-known ports, which unicast discovery needs. 32 as in rmw_cyclonedds.
    return (
        '<ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>32</MaxAutoParticipantIndex>'
        + (f'<Peers>{listed}</Peers>' if listed else '')
    )


def _domain(general: str, discovery: str, rest: str) -> str:
    parts = [
        f'<General>{general}</General>' if general else '',
        f'<Discovery>{discovery}</Discovery>' if discovery else '',
        rest,
        _COMPATIBILITY,
    ]
    return f'<CycloneDDS><Domain>{"".join(parts)}</Domain></CycloneDDS>'
