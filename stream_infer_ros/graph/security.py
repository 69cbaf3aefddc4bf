"""SROS2's variables: whether ROS 2 asks for a secured participant."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Literal

from stream_infer_ros.errors import GraphError

_log = logging.getLogger(__name__)

Demand = Literal['none', 'permissive', 'enforced']


def demand(environ: Mapping[str, str]) -> Demand:
    """Return what rcl makes of ROS_SECURITY_ENABLE and ROS_SECURITY_STRATEGY; in their one spelling."""
    if environ.get('ROS_SECURITY_ENABLE') != 'true':
        return 'none'
    return 'enforced' if environ.get('ROS_SECURITY_STRATEGY') == 'Enforce' else 'permissive'


def refuse_if_enforced(kind: str, environ: Mapping[str, str]) -> None:
    """Raise GraphError if ROS 2 insists on security, which a graph of this kind does not have.

    If security is asked for but not enforced, ROS nodes without keys join unsecured. So do we, and warn.
    """
    asked = demand(environ)
    if asked == 'enforced':
        raise GraphError(
            f'ROS_SECURITY_STRATEGY=Enforce asks for a secured participant, and graph.kind {kind} would join '
            'unsecured: use stream_infer_node or graph.kind ros, with a keystore (docs/ros2.md, Security); '
            'to join without security all the same, unset ROS_SECURITY_ENABLE'
        )
    if asked == 'permissive':
        _log.warning(
            'ROS_SECURITY_ENABLE=true, but graph.kind %s has no DDS Security: it joins unsecured, and '
            'secured nodes do not see it',
            kind,
        )


def hint(environ: Mapping[str, str]) -> str:
    """Return what to look at when ROS did not start: not empty if security is asked for."""
    if demand(environ) == 'none':
        return ''
    return (
        'security is asked for (ROS_SECURITY_ENABLE=true): expected a middleware built with it, and '
        'ROS_SECURITY_KEYSTORE with an enclave for this node; docs/ros2.md, Security'
    )
