"""The pipeline as an iterator of results, for programs in Python."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from stream_infer_ros.config import Config, load_config, parse_config
from stream_infer_ros.errors import MessageError
from stream_infer_ros.graph import BagGraph, Graph, make_graph
from stream_infer_ros.graph.recordings import BagReader
from stream_infer_ros.pipeline.assembly import Assembly, assemble
from stream_infer_ros.pipeline.inputs.camera_search import wait_for_cameras
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.results import Result
from stream_infer_ros.pipeline.runtime.live import LiveRunner
from stream_infer_ros.pipeline.runtime.replay import replay as replay_recording

_log = logging.getLogger(__name__)

Settings = Config | Mapping[str, Any] | str | Path | None

# The results that may wait for a program that takes them. When there are more, the oldest is dropped.
RESULTS_WAITING = 8
# The longest wait for the first camera if none are named, seconds.
DISCOVERY_S = 10.0
# An iteration that waits looks this often for the error of a failed run, seconds.
LOOK_S = 0.5


def replay(
    bag: str | Path, settings: Settings = None, *, out: str | Path | None = None, realtime: bool = False
) -> Iterator[Result]:
    """Run the pipeline on a recording and yield the result of each set of frames.

    The clock is that of the recording, and nothing is dropped for being late: the same recording always gives
    the same results.

    Args:
        bag: a recording: the folder of a bag, an .mcap, a .db3, a ROS 1 .bag, or a folder of several. What
            cannot be read of it is logged as a warning, with the remedy.
        settings: a `Config`, a mapping such as `{'cameras': ['front'], 'model.file': 'yolo11n.onnx'}`, or the
            path of a parameter file. If no cameras are named, all image topics of the recording are used.
        out: a new bag for detections and maps.
        realtime: keep the pace of the recording.

    Raises ConfigError, ModelError, EngineError or BagError, with the remedy, at the first result. Raises
    MessageError at the end if no image was usable; `Result.refusals` tells of single messages.

    >>> for result in replay(bag):
    ...     print(list(result.detections), result.map.cells.shape)
    ...     break
    ['cam0', 'cam1'] (400, 400)
    """
    config = _config(settings)
    with closing(BagReader(Path(bag))) as recording:
        told = recording.problems
        for problem in told:
            _log.warning('%s', problem)
        topics = camera_topics(config, recording.topics())
        with (
            Network(config, len(topics)) as network,
            closing(BagGraph(recording, None if out is None else Path(out))) as graph,
        ):
            assembly = assemble(config, topics, graph, network)
            yield from replay_recording(graph, assembly, realtime)
            for problem in recording.problems:
                if problem not in told:
                    _log.warning('%s', problem)
            if nothing := assembly.health.cameras.none_usable():
                raise MessageError(f'the recording has no usable image: {nothing}')


@contextmanager
def run(settings: Settings = None, *, graph: Graph | None = None) -> Iterator[Run]:
    """Run the pipeline on a live graph until the `with` block ends.

    Args:
        settings: as in `replay`. If no cameras are named, all image topics of the graph are used, and the
            start waits up to ten seconds for the first one.
        graph: a graph of the caller's, which stays open with its subscriptions; default: a graph of the kind
            `graph.kind`, which is closed at the end.

    Raises ConfigError, ModelError, EngineError or GraphError with the remedy.

    >>> with run({'cameras': ['cam0', 'cam1'], 'bound_ms': 1000.0}, graph=graph) as results:
    ...     for result in results:
    ...         if not result.partial:
    ...             print(list(result.detections))
    ...             break
    ['cam0', 'cam1']
    """
    config = _config(settings)
    with ExitStack() as stack:
        if graph is None:
            graph = make_graph(config.graph)
            stack.callback(graph.close)
        found = () if config.cameras else wait_for_cameras(graph.topics, config, _sleep, DISCOVERY_S)
        topics = camera_topics(config, found)
        network = stack.enter_context(Network(config, len(topics)))
        running = Run(graph, assemble(config, topics, graph, network))
        with running:
            yield running


class Run:
    """A running pipeline: an iterator of its results. Made by `run`.

    The pipeline runs on its own threads and publishes whether or not its results are taken. If a program
    takes them too slowly, the oldest are dropped and counted. The iteration ends after the `with` block of
    `run`. If the pipeline fails, the iteration raises its error.

    Attributes:
        dropped: the number of results that were dropped.
    """

    def __init__(self, graph: Graph, assembly: Assembly) -> None:
        self.dropped = 0
        self._graph = graph
        self._assembly = assembly
        self._results: deque[Result] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._runner = LiveRunner(graph, assembly, self._take)

    def __iter__(self) -> Iterator[Result]:
        return self

    def __next__(self) -> Result:
        with self._changed:
            while not self._results:
                if self._closed:
                    raise StopIteration
                self._runner.wait(0)  # raises the error of a failed run
                self._changed.wait(LOOK_S)
            return self._results.popleft()

    def problems(self) -> list[str]:
        """Describe everything that is wrong now, with the remedy; empty if all is well."""
        cameras = [f'{c.name}: {c.problem}' for c in self._assembly.cameras if c.problem]
        return [*self._assembly.health.other_problems(self._graph.now_ns()), *cameras]

    def explain_sync(self) -> str:
        """Explain how well the frames of the cameras match in time."""
        return str(self._assembly.health.explain_sync(self._graph.now_ns()))

    def change_settings(self, settings: Settings) -> None:
        """Use the live settings of `settings` from now on; the other settings stay as they are."""
        self._assembly.change_settings(_config(settings))

    def reset_map(self) -> bool:
        """Begin a new map with the next set; return False if there is no map."""
        return self._assembly.reset_map()

    def __enter__(self) -> Run:
        self._runner.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.stop()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take(self, result: Result) -> None:
        with self._changed:
            if len(self._results) == RESULTS_WAITING:
                self._results.popleft()
                self.dropped += 1
            self._results.append(result)
            self._changed.notify_all()


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _config(settings: Settings) -> Config:
    if settings is None:
        return Config()
    if isinstance(settings, Config):
        return settings
    if isinstance(settings, (str, Path)):
        return load_config(Path(settings))
    return parse_config(dict(settings), 'settings')
