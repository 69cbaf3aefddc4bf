"""A live graph whose publications are written to a bag as well."""

from __future__ import annotations

from pathlib import Path

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.bag import BagGraph
from stream_infer_ros.graph.graph import Cdr, Graph, OnMessage, Publisher, Qos, QosProblem, TopicInfo


class _Both:
    def __init__(self, live: Publisher, recorded: Publisher) -> None:
        self._live, self._recorded = live, recorded

    def publish(self, cdr: Cdr) -> None:
        self._live.publish(cdr)
        self._recorded.publish(cdr)

    def subscribers(self) -> int:
        return self._live.subscribers()


class RecordingGraph:
    """Everything goes to and comes from `graph`; what is published is kept in the new bag `path` too.

    Owns `graph`: closing this closes both. Raises BagError if the bag cannot be made.
    """

    def __init__(self, graph: Graph, path: Path) -> None:
        self._graph = graph
        try:
            self._recorder = BagGraph(write=path, clock_ns=graph.now_ns)
        except GraphError:
            graph.close()
            raise

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: OnMessage) -> None:
        self._graph.subscribe(topic, type_name, qos, on_message)

    def advertise(self, topic: str, type_name: str, qos: Qos) -> Publisher:
        return _Both(
            self._graph.advertise(topic, type_name, qos), self._recorder.advertise(topic, type_name, qos)
        )

    def topics(self) -> list[TopicInfo]:
        return self._graph.topics()

    def qos_problems(self) -> list[QosProblem]:
        return self._graph.qos_problems()

    def callback_failures(self) -> dict[str, int]:
        return self._graph.callback_failures()

    def losses(self) -> dict[str, int]:
        return self._graph.losses()

    def now_ns(self) -> int:
        return self._graph.now_ns()

    def close(self) -> None:
        self._graph.close()
        self._recorder.close()
