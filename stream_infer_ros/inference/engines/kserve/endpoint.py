"""The address of a server in the configuration."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from stream_infer_ros.errors import ConfigError

Scheme = Literal['grpc', 'http']
_SCHEMES: tuple[Scheme, ...] = ('grpc', 'http')


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`grpc://host:port` or `http://host:port`. An IPv6 address is written in brackets."""

    scheme: Scheme
    host: str
    port: int

    def __str__(self) -> str:
        return f'{self.scheme}://{self.address}'

    @property
    def address(self) -> str:
        """`host:port`."""
        return f'[{self.host}]:{self.port}' if ':' in self.host else f'{self.host}:{self.port}'

    def is_here(self) -> bool:
        """True if the host is this machine, i.e. one of its addresses can be bound.

        No packet is sent, except to a name server.
        """
        try:
            found = socket.getaddrinfo(self.host, None, type=socket.SOCK_DGRAM)
        except OSError:
            return False
        return any(_is_ours(family, address) for family, _, _, _, address in found)


def parse_endpoint(text: str) -> Endpoint:
    """Parse an endpoint. Raises ConfigError if it is malformed."""
    remedy = f'expected an endpoint like grpc://gpu1:8001 or http://gpu1:8000, got {text!r}'
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f'{remedy} ({error}); correct engine.kserve.endpoints') from error
    scheme = next((known for known in _SCHEMES if known == parts.scheme), None)
    if scheme is None:
        raise ConfigError(f'{remedy}; begin it with grpc:// or http:// in engine.kserve.endpoints')
    if not host or not port:
        raise ConfigError(f'{remedy}; name host and port in engine.kserve.endpoints')
    if parts.path not in ('', '/') or parts.query or parts.fragment or parts.username:
        raise ConfigError(f'{remedy}; leave out all but host and port in engine.kserve.endpoints')
    return Endpoint(scheme, host, port)


def _is_ours(family: int, address: tuple[object, ...]) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address[0], 0, *address[2:]))
    except OSError:
        return False
    return True
