"""The ROS 2 domain and the range of discovery, from our settings and the variables of ROS 2.

docs.ros.org/en/jazzy/Tutorials/Advanced/Improved-Dynamic-Discovery.html: ROS_DOMAIN_ID,
ROS_AUTOMATIC_DISCOVERY_RANGE, ROS_STATIC_PEERS and, older, ROS_LOCALHOST_ONLY.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError

Reach = Literal['SUBNET', 'LOCALHOST', 'OFF', 'SYSTEM_DEFAULT']

_MAX_DOMAIN_ID = 232  # the largest one whose DDS ports fit into 16 bits


def domain_id(config: GraphConfig, environ: Mapping[str, str]) -> int:
    """Return the configured domain, or else ROS_DOMAIN_ID, or else 0."""
    if config.domain_id >= 0:
        return config.domain_id
    text = environ.get('ROS_DOMAIN_ID', '') or '0'
    if not text.isdecimal() or int(text) > _MAX_DOMAIN_ID:
        raise GraphError(f'ROS_DOMAIN_ID: expected a whole number from 0 to {_MAX_DOMAIN_ID}, got {text!r}')
    return int(text)


def reach(environ: Mapping[str, str]) -> Reach:
    """Return the discovery range by ROS 2's rules: ROS_LOCALHOST_ONLY=1 wins, SUBNET is the default."""
    if environ.get('ROS_LOCALHOST_ONLY', '') == '1':
        return 'LOCALHOST'
    wanted = environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE', '') or 'SUBNET'
    for known in get_args(Reach):
        if wanted == known:
            return known  # type: ignore[no-any-return]
    raise GraphError(
        f'ROS_AUTOMATIC_DISCOVERY_RANGE: expected one of {", ".join(get_args(Reach))}, got {wanted!r}'
    )


def is_local_only(environ: Mapping[str, str]) -> bool:
    """True if ROS 2's variables limit discovery to this machine. Unknown values do not limit it."""
    return (
        environ.get('ROS_LOCALHOST_ONLY') == '1'
        or environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE') == 'LOCALHOST'
    )


def static_peers(environ: Mapping[str, str]) -> list[str]:
    """Return the hosts in ROS_STATIC_PEERS."""
    return [peer.strip() for peer in environ.get('ROS_STATIC_PEERS', '').split(';') if peer.strip()]
