"""/diagnostics: how each camera and each stage does, in words a person can act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stream_infer_ros.config import Config
from stream_infer_ros.graph.graph import RELIABLE, Graph
from stream_infer_ros.inference.engines import EngineState
from stream_infer_ros.messages.diagnostics import (
    DiagnosticLevel,
    DiagnosticStatus,
    encode_diagnostic_array,
)
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.intake import Intake
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.scheduling import Schedule
from stream_infer_ros.pipeline.statistics import Statistics
from stream_infer_ros.pipeline.sync_explanation import SyncExplanation, explain_sync
from stream_infer_ros.sync.synchronizer import Synchronizer

# cause -> camera or topic -> frames
Drops = Mapping[str, Mapping[str, int]]


class Diagnostics:
    """One status for the pipeline, one per camera, one for the engine, one per QoS problem.

    Publishes at most once a period.
    """

    def __init__(
        self,
        graph: Graph,
        config: Config,
        cameras: Sequence[CameraState],
        intake: Intake,
        synchronizer: Synchronizer,
        statistics: Statistics,
        schedule: Schedule,
        network: Network | None = None,
    ) -> None:
        self._graph = graph
        self._config = config
        self._cameras = cameras
        self._intake = intake
        self._synchronizer = synchronizer
        self._statistics = statistics
        self._schedule = schedule
        self._network = network
        self._publisher = graph.advertise('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', RELIABLE)
        self._due_ns: int | None = None

    def retune(self, config: Config) -> None:
        """Judge by these settings from now on; from any thread."""
        self._config = config

    def publish_if_due(self, now_ns: int) -> None:
        """Publish if a period has passed since the last time, or time went back."""
        period_ns = int(self._config.publish.diagnostics_period_s * 1e9)
        if self._due_ns is None or now_ns >= self._due_ns or now_ns < self._due_ns - period_ns:
            self._publisher.publish(encode_diagnostic_array(now_ns, self.statuses(now_ns)))
            self._due_ns = now_ns + period_ns

    def statuses(self, now_ns: int) -> list[DiagnosticStatus]:
        """All of it, as of now."""
        drops, silent = self.drops(), set(self.silent(now_ns))  # once, not for each camera
        cameras = [self._camera(camera, now_ns, drops, camera.name in silent) for camera in self._cameras]
        return [self._pipeline(now_ns, drops), *cameras, *self._engine(), *self._qos()]

    def other_problems(self, now_ns: int) -> list[str]:
        """What is wrong with anything but the cameras, in words."""
        transforms = self._intake.transform_problem(now_ns)
        others = [s for s in (*self._engine(), *self._qos()) if s.level is not DiagnosticLevel.OK]
        told = [f'{status.name}: {status.message}' for status in others]
        overload = self._schedule.overload()
        return [
            *([f'transforms: {transforms}'] if transforms else []),
            *([overload] if overload else []),
            *told,
        ]

    def silent(self, now_ns: int) -> list[str]:
        """Cameras that have not been heard for longer than `sync.camera_timeout_ms`, or never."""
        limit_ns = self._config.sync.camera_timeout_ms * 1e6
        silences = [(camera.name, camera.silent_for_ns(now_ns)) for camera in self._cameras]
        return [name for name, silence_ns in silences if silence_ns is None or silence_ns > limit_ns]

    def explain_sync(self, now_ns: int) -> SyncExplanation:
        """How the cameras' frames meet in time as of now, and why not; `str()` of it is a text."""
        slop_ns = self._synchronizer.slop_ns
        return explain_sync(self._intake.watch, self._config.sync, slop_ns, self.drops(), now_ns)

    def drops(self) -> dict[str, dict[str, int]]:
        """Losses of every step so far: cause -> camera -> count; nothing is left out.

        What belongs to no camera stands under its topic. `middleware`: what the graph says it lost, on the
        way in or on the way out to a subscriber that does not keep up.
        """
        found = self._statistics.drops()
        for camera, by_cause in self._synchronizer.drops().items():
            for cause, n in by_cause.items():
                if n:
                    by_camera = found.setdefault(cause, {})
                    by_camera[camera] = by_camera.get(camera, 0) + n
        senders = {camera.topics.image: camera.name for camera in self._cameras}
        lost = {senders.get(topic, topic): n for topic, n in self._graph.losses().items()}
        if lost:
            found['middleware'] = lost
        return dict(sorted(found.items()))

    def _camera(self, camera: CameraState, now_ns: int, drops: Drops, is_silent: bool) -> DiagnosticStatus:
        silence_ns = camera.silent_for_ns(now_ns)
        if silence_ns is None:
            level, message = DiagnosticLevel.STALE, f'no image yet on {camera.topics.image}'
        elif is_silent:
            level, message = DiagnosticLevel.ERROR, f'silent for {silence_ns / 1e9:.1f} s'
        elif self._engine_is_down():
            level, message = DiagnosticLevel.ERROR, camera.problem or 'the engine is down'
        elif camera.problem:
            level, message = DiagnosticLevel.WARN, camera.problem
        else:
            level, message = DiagnosticLevel.OK, 'streaming'
        values = {'images': str(camera.images), 'topic': camera.topics.image}
        values |= {
            f'dropped.{cause}': str(by[camera.name]) for cause, by in drops.items() if camera.name in by
        }
        return self._status(level, f'camera {camera.name}', message, values)

    def _pipeline(self, now_ns: int, drops: Drops) -> DiagnosticStatus:
        stages, sets = self._statistics.stages(), self._statistics.sets_published
        values = {'sets.published': str(sets), 'sets.partial': str(self._statistics.sets_partial)}
        names = {camera.name for camera in self._cameras}
        for cause, by_sender in drops.items():
            lost = sum(n for sender, n in by_sender.items() if sender not in names)
            values |= {f'dropped.{cause}': str(lost)} if lost else {}
        for stage, by_camera in stages.items():
            worst = max(by_camera.values(), key=lambda p: p.p99)
            values[f'{stage}.ms'] = f'p50 {worst.p50:.1f}, p95 {worst.p95:.1f}, p99 {worst.p99:.1f}'
        total = stages.get('total', {}).get('')
        bound_ms = self._config.bound_ms
        if not sets:
            level, message = DiagnosticLevel.STALE, 'no set published yet'
        elif total is None:  # a replay is not measured against the bound
            level, message = DiagnosticLevel.OK, f'{sets} sets published'
        elif total.p99 > bound_ms:
            level = DiagnosticLevel.WARN
            message = f'p99 {total.p99:.0f} ms is over the bound of {bound_ms:.0f} ms'
        else:
            level, message = DiagnosticLevel.OK, f'p99 {total.p99:.0f} ms, bound {bound_ms:.0f} ms'
        if overload := self._schedule.overload():
            level, message = DiagnosticLevel.WARN, f'{message}; {overload}'
        problem = self._intake.transform_problem(now_ns)
        if problem:
            level, message = max(level, DiagnosticLevel.WARN), f'{message}; transforms: {problem}'
        return self._status(level, 'pipeline', message, values)

    def _engine_is_down(self) -> bool:
        """No instance is left."""
        return self._network is not None and self._network.down() == len(self._network.engines)

    def _engine(self) -> list[DiagnosticStatus]:
        """Nothing where detections come from elsewhere."""
        if self._network is None:
            return []
        health = self._network.health()
        values = {'engine': self._network.kind, 'model': self._network.file.name}
        values |= {'restarts': str(health.restarts)}
        values |= {'boxes.not_finite': str(self._network.decoder.dropped)}
        values |= {'last failure': health.reason} if health.reason else {}
        if health.state is EngineState.DOWN:
            down, of = self._network.down(), len(self._network.engines)
            share = f'{down} of {of} instances ' if of > 1 else ''
            level, message = DiagnosticLevel.ERROR, f'{share}down: {health.reason}'
        elif health.state is EngineState.RESTARTED:
            level, message = DiagnosticLevel.WARN, f'started again after: {health.reason}'
        else:
            level, message = DiagnosticLevel.OK, str(self._network)
        return [self._status(level, 'engine', message, values)]

    def _qos(self) -> list[DiagnosticStatus]:
        return [
            self._status(DiagnosticLevel.ERROR, f'qos {p.topic}', f'incompatible {p.policy}: {p.remedy}', {})
            for p in self._graph.qos_problems()
        ]

    def _status(
        self, level: DiagnosticLevel, part: str, message: str, values: dict[str, str]
    ) -> DiagnosticStatus:
        name = self._config.graph.node_name
        return DiagnosticStatus(level, f'{name}: {part}', message, name, values)
