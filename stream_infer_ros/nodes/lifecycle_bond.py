"""A bond, through which Nav2's lifecycle manager notices that a node it activated has ended.

The manager creates its side, `bond::Bond("bond", <node name>, ...)`, once the node is active. It expects this
node's side on the topic `bond` of the same namespace within half of its `bond_timeout`. bondpy is not used:
some distributions lack it, and its heartbeats would continue after the pipeline has failed.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable

from rclpy.lifecycle import LifecycleNode

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import Cdr, Graph, Qos
from stream_infer_ros.graph.ros.message_class import message_class
from stream_infer_ros.messages.bond_status import (
    TYPE_NAME,
    BondStatus,
    decode_bond_status,
    encode_bond_status,
)
from stream_infer_ros.nodes.bond_end import BondEnd
from stream_infer_ros.pipeline.runtime.live import LiveRunner

_log = logging.getLogger(__name__)

TOPIC = 'bond'
HEARTBEAT_TIMEOUT_S = 4.0  # the value that Nav2's servers announce; not used here
# As in bondcpp: all bonds of a namespace share the topic.
PUBLISHER_QOS, SUBSCRIPTION_QOS = Qos(depth=5), Qos(depth=100)
# The longest time that `close` waits for the other side to confirm, as in bondcpp's destructor.
CONFIRMATION_S = 0.1


def make_bond(
    node: LifecycleNode, graph: Graph, runner: LiveRunner, period_s: float, expected: bool
) -> LifecycleBond | None:
    """Return a bond that lasts while `runner` works; None if it is disabled or its message is not installed.

    Args:
        node: the bond has its name.
        graph: a graph on the node.
        runner: the pipeline.
        period_s: seconds between heartbeats; 0: no bond.
        expected: warn if the message is not installed, because a lifecycle manager will require the bond.
    """
    if period_s == 0.0:
        return None
    try:
        message_class(TYPE_NAME)
    except GraphError as error:
        if expected:
            node.get_logger().warning(
                f'no bond for a lifecycle manager: {error}, or set bond_timeout of the manager to 0.0'
            )
        return None
    return LifecycleBond(graph, node.get_name(), period_s, lambda: runner.is_running)


class LifecycleBond:
    """Sends heartbeats from a separate thread until `close`, so that no callback of the node delays them.

    Args:
        graph: must stay open until the bond is closed.
        node_name: the bond's id.
        period_s: seconds between heartbeats.
        is_well: called before each heartbeat; must return immediately. The first False breaks the bond.
    """

    def __init__(self, graph: Graph, node_name: str, period_s: float, is_well: Callable[[], bool]) -> None:
        self._graph, self._node_name, self._period_s = graph, node_name, period_s
        self._is_well = is_well
        self._instance_id = str(uuid.uuid4())
        self._changed = threading.Condition()  # guards the two below
        self._end = BondEnd(period_s, time.monotonic())
        self._closed = False
        self._publisher = graph.advertise(TOPIC, TYPE_NAME, PUBLISHER_QOS)
        graph.subscribe(TOPIC, TYPE_NAME, SUBSCRIPTION_QOS, self._on_status)
        self._thread = threading.Thread(target=self._run, name=f'{node_name} bond', daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Break the bond, and wait briefly for the other side to confirm. Safe to call twice."""
        with self._changed:
            self._end.break_bond(time.monotonic())
            self._changed.notify()
        self._thread.join(CONFIRMATION_S)
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _on_status(self, cdr: Cdr, received_ns: int) -> None:
        status = decode_bond_status(cdr)
        if status.bond_id != self._node_name or status.instance_id == self._instance_id:
            return
        with self._changed:
            self._end.heard(status.active)
            self._changed.notify()

    def _run(self) -> None:
        try:
            while (active := self._next()) is not None:
                self._publish(active)  # without the lock, because a stalled subscriber may delay it
        except Exception:
            _log.exception('the bond failed; a lifecycle manager will consider this node dead')

    def _next(self) -> bool | None:
        """Wait until a status is due; return its `active`, or None once the bond is over."""
        with self._changed:
            while not self._closed:
                now_s = time.monotonic()
                if not self._is_well():
                    self._end.break_bond(now_s)
                active = self._end.due(now_s)
                if active is not None:
                    return active
                next_s = self._end.next_s
                if next_s is None:
                    return None
                self._changed.wait(next_s - now_s)
            return None

    def _publish(self, active: bool) -> None:
        status = BondStatus(
            self._graph.now_ns(),
            self._node_name,
            self._instance_id,
            active,
            HEARTBEAT_TIMEOUT_S,
            self._period_s,
        )
        self._publisher.publish(encode_bond_status(status))
