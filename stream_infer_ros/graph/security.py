"""SROS2's environment variables, which request secured participants."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Literal

from stream_infer_ros.errors import GraphError

_log = logging.getLogger(__name__)

Demand = Literal['none', 'permissive', 'enforced']


def demand(environ: Mapping[str, str]) -> Demand:
    """Interpret ROS_SECURITY_ENABLE and ROS_SECURITY_STRATEGY as rcl does. Spelling matters."""
    if environ.get('ROS_SECURITY_ENABLE') != 'true':
        return 'none'
    return 'enforced' if environ.get('ROS_SECURITY_STRATEGY') == 'Enforce' else 'permissive'


def refuse_if_enforced(kind: str, environ: Mapping[str, str]) -> None:
    """Raise GraphError if ROS 2 enforces security, which a graph of this kind does not have.

    If security is requested but not enforced, ROS nodes without keys join unsecured. This graph does the
    same, and a warning is logged.
    """
    asked = demand(environ)
    if asked == 'enforced':
        raise GraphError(
            f'ROS_SECURITY_STRATEGY=Enforce requires a secured participant, but graph.kind {kind} would join '
            'unsecured: use stream_infer_node or graph.kind ros, with a keystore (docs/how-to/security.md); '
            'to join without security anyway, unset ROS_SECURITY_ENABLE'
        )
    if asked == 'permissive':
        _log.warning(
            'ROS_SECURITY_ENABLE=true, but graph.kind %s has no DDS Security: it joins unsecured, and '
            'secured nodes cannot see it',
            kind,
        )


def hint(environ: Mapping[str, str]) -> str:
    """Return what to check if ROS does not start; empty if security is not requested."""
    if demand(environ) == 'none':
        return ''
    return (
        'security is requested (ROS_SECURITY_ENABLE=true): expected a middleware built with it, and '
        'ROS_SECURITY_KEYSTORE with an enclave for this node; see docs/how-to/security.md'
    )
