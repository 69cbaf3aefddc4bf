"""The configuration of a zenoh session, which also limits the range of discovery.

It is made from our settings, the variables of ROS 2 (`graph/domain.py`), and ZENOH_SESSION_CONFIG_URI and
ZENOH_CONFIG_OVERRIDE of rmw_zenoh. This module only makes the values; `session.py` opens the session.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stream_infer_ros.config import GraphConfig, ZenohConfig
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.domain import domain_id, reach, static_peers

ROUTER_PORT = 7447  # rmw_zenoh's router, and zenoh's default
ROUTER_HERE = f'tcp/localhost:{ROUTER_PORT}'
# On loopback, the first session of a domain listens on this port plus the domain, which the others use. The
# ports are below those that the kernel assigns, and not the port of a router, which may be connected to
# other machines.
_FIRST_MEETING_PORT = 17400
# A 1.4 MB image takes 22 batches. With zenoh's default of 1 ms, it would be dropped whenever the reader is
# descheduled.
_WAIT_BEFORE_DROP_US = 100_000

_ON_LOOPBACK = ('localhost:', '127.', '[::1]:')


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """The settings of a session, by their path in zenoh's configuration, in the order in which they are set.

    Attributes:
        file: the file that is read first; empty for zenoh's defaults.
        settings: ('scouting/multicast/enabled', False), ...; the values can be converted to JSON.
        overrides: the same with values in JSON5, as the user wrote them. They take precedence.
        otherwise: the plan to use if the port of the first session is already in use.
    """

    file: str
    settings: tuple[tuple[str, Any], ...]
    overrides: tuple[tuple[str, str], ...] = ()
    otherwise: SessionPlan | None = None


def session_plan(config: GraphConfig, environ: Mapping[str, str]) -> SessionPlan:
    """Return the settings of the session.

    - With `loopback`, or a discovery range of LOCALHOST without static peers, only links on 127.0.0.1 are
      used, without multicast. Files and overrides in the environment are ignored.
    - With ZENOH_SESSION_CONFIG_URI, that file is used. Settings in `graph.zenoh` take precedence.
    - Otherwise, the session is a peer that finds others by multicast and through a router on this machine.

    Raises:
        GraphError: an endpoint or a file is invalid, or `loopback` does not allow an endpoint.
    """
    ours = config.zenoh
    _check_endpoints(ours)
    range_ = reach(environ)
    peers = static_peers(environ)
    common = (*_COMMON, ('transport/shared_memory/enabled', ours.shared_memory), *_tls(ours))
    if config.loopback or (range_ == 'LOCALHOST' and not peers):
        return _loopback_plan(ours, domain_id(config, environ), common)
    overrides = _overrides(environ.get('ZENOH_CONFIG_OVERRIDE', ''))
    file = environ.get('ZENOH_SESSION_CONFIG_URI', '')
    if file:
        if not Path(file).is_file():
            raise GraphError(
                f'ZENOH_SESSION_CONFIG_URI: expected a zenoh configuration file, found no file {file}'
            )
        given = _given(ours)
        return SessionPlan(file, (*common, *given), overrides)
    links = _links(ours, [f'tcp/{peer}:{ROUTER_PORT}' for peer in peers])
    if range_ == 'OFF':
        links = _NO_LINKS
    elif range_ == 'LOCALHOST':
        links['scouting/multicast/enabled'] = False
    return SessionPlan('', (*common, *links.items()), overrides)


_COMMON: tuple[tuple[str, Any], ...] = (
    ('timestamping/enabled', True),  # latched messages are kept by their time stamp
    ('transport/link/tx/queue/congestion_control/drop/wait_before_drop', _WAIT_BEFORE_DROP_US),
    ('transport/link/tx/queue/congestion_control/drop/max_wait_before_drop_fragments', _WAIT_BEFORE_DROP_US),
    # We place large messages in shared memory ourselves (`shared_memory.py`).
    ('transport/shared_memory/transport_optimization/enabled', False),
    ('connect/timeout_ms', {'router': -1, 'peer': -1, 'client': 3000}),
    ('connect/exit_on_failure', {'router': False, 'peer': False, 'client': True}),
    ('connect/retry', {'period_init_ms': 100, 'period_max_ms': 1000, 'period_increase_factor': 2}),
)

_NO_LINKS: dict[str, Any] = {
    'mode': 'peer',
    'connect/endpoints': [],
    'listen/endpoints': [],
    'scouting/multicast/enabled': False,
    'scouting/gossip/enabled': False,
}


def _links(ours: ZenohConfig, static: list[str]) -> dict[str, Any]:
    connect = [*(ours.connect or ((ROUTER_HERE,) if ours.mode != 'router' else ())), *static]
    # For [::], zenoh announces only the addresses of networks. Without a network, nobody could connect.
    listen = {
        'peer': ['tcp/[::]:0', 'tcp/127.0.0.1:0'],
        'client': [],
        'router': [f'tcp/[::]:{ROUTER_PORT}'],
    }
    return {
        'mode': ours.mode,
        'connect/endpoints': connect,
        'listen/endpoints': list(ours.listen) or listen[ours.mode],
        'scouting/multicast/enabled': ours.multicast,
    }


def _given(ours: ZenohConfig) -> tuple[tuple[str, Any], ...]:
    """Return the settings of `graph.zenoh` that differ from the defaults. They override the file."""
    defaults = ZenohConfig()
    links = _links(ours, [])
    fields = {'mode': 'mode', 'connect': 'connect/endpoints', 'listen': 'listen/endpoints'}
    fields['multicast'] = 'scouting/multicast/enabled'
    return tuple(
        (path, links[path]) for name, path in fields.items() if getattr(ours, name) != getattr(defaults, name)
    )


def _loopback_plan(ours: ZenohConfig, domain: int, common: tuple[tuple[str, Any], ...]) -> SessionPlan:
    for endpoint in (*ours.connect, *ours.listen):
        address = endpoint.partition('/')[2]
        if not endpoint.startswith('unixsock-stream/') and not address.startswith(_ON_LOOPBACK):
            raise GraphError(
                f'graph.zenoh: endpoint {endpoint} is not on this machine, but graph.loopback is set; use '
                '127.0.0.1, or set graph.loopback: false'
            )
    links = _links(ours, [])
    links['scouting/multicast/enabled'] = False
    if not ours.connect:
        links['connect/endpoints'] = []
    if ours.mode == 'peer' and not ours.listen:
        links['listen/endpoints'] = ['tcp/127.0.0.1:0']
    elif ours.mode == 'router' and not ours.listen:
        links['listen/endpoints'] = [f'tcp/127.0.0.1:{ROUTER_PORT}']
    if ours.connect or ours.listen:
        return SessionPlan('', (*common, *links.items()))
    meeting_point = f'tcp/127.0.0.1:{_FIRST_MEETING_PORT + domain}'
    if ours.mode == 'client':
        links['connect/endpoints'] = [meeting_point]
        return SessionPlan('', (*common, *links.items()))
    others = SessionPlan('', (*common, *{**links, 'connect/endpoints': [meeting_point]}.items()))
    first = SessionPlan('', (*common, *{**links, 'listen/endpoints': [meeting_point]}.items()))
    return replace(first, otherwise=others)


def _tls(ours: ZenohConfig) -> tuple[tuple[str, Any], ...]:
    tls = ours.tls
    for name in ('ca', 'certificate', 'key'):
        file = getattr(tls, name)
        if file and not Path(file).is_file():
            raise GraphError(f'graph.zenoh.tls.{name}: expected a PEM file, found no file {file}')
    if bool(tls.certificate) != bool(tls.key):
        raise GraphError('graph.zenoh.tls: set both certificate and key, or neither')
    if any(endpoint.startswith('tls/') for endpoint in ours.listen) and not tls.certificate:
        raise GraphError('graph.zenoh.listen: tls/ needs graph.zenoh.tls.certificate and key')
    found: dict[str, Any] = {}
    if tls.ca:
        found['root_ca_certificate'] = str(Path(tls.ca).resolve())
    if tls.certificate:
        certificate, key = str(Path(tls.certificate).resolve()), str(Path(tls.key).resolve())
        found |= {'listen_certificate': certificate, 'listen_private_key': key}
        if tls.ca:
            found |= {'connect_certificate': certificate, 'connect_private_key': key, 'enable_mtls': True}
    return tuple((f'transport/link/tls/{name}', value) for name, value in found.items())


def _check_endpoints(ours: ZenohConfig) -> None:
    for endpoint in (*ours.connect, *ours.listen):
        protocol, slash, address = endpoint.partition('/')
        if not (protocol and slash and address) or (protocol in ('tcp', 'tls') and ':' not in address):
            raise GraphError(
                f'graph.zenoh: expected an endpoint such as tcp/192.168.1.5:7447 or tls/gpu.example:7447, '
                f'got {endpoint!r}'
            )
    if ours.mode == 'client' and ours.listen:
        raise GraphError(
            'graph.zenoh: a client does not accept connections; remove listen, or set mode to peer or router'
        )


def _overrides(text: str) -> tuple[tuple[str, str], ...]:
    """Parse ZENOH_CONFIG_OVERRIDE: `path=value;path=value` with values in JSON5."""
    pairs = [pair.partition('=') for pair in text.split(';') if pair.strip()]
    for path, equals, value in pairs:
        if not (path and equals and value):
            raise GraphError(f'ZENOH_CONFIG_OVERRIDE: expected path=value;path=value, got {text!r}')
    return tuple((path.strip(), value.strip()) for path, _, value in pairs)


def as_json(value: Any) -> str:
    """Return a value in the format of zenoh's configuration."""
    return json.dumps(value)
