"""Open the zenoh session of a graph."""

from __future__ import annotations

import zenoh

from stream_infer_ros.graph.zenoh.configuration import SessionPlan, as_json
from stream_infer_ros.graph.zenoh.failure import as_graph_error


def open_session(plan: SessionPlan) -> zenoh.Session:
    """Open a session according to the plan, or its alternative.

    Raises:
        GraphError: a setting is unknown to zenoh, an endpoint is in use, or a client finds no router.
    """
    try:
        return _open(plan)
    except zenoh.ZError:
        if plan.otherwise is None:
            with as_graph_error(
                'opening a zenoh session', 'check graph.zenoh, and whether another process uses the port'
            ):
                raise
    return open_session(plan.otherwise)


def _open(plan: SessionPlan) -> zenoh.Session:
    config = zenoh.Config.from_file(plan.file) if plan.file else zenoh.Config()
    for path, value in plan.settings:
        config.insert_json5(path, as_json(value))
    for path, value in plan.overrides:
        config.insert_json5(path, value)
    return zenoh.open(config)
