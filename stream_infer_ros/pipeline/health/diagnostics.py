"""/diagnostics: the state of each camera and each stage, with the remedy for problems."""

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
from stream_infer_ros.pipeline.health.camera_health import heard_health, unheard_health
from stream_infer_ros.pipeline.health.camera_state import CameraState
from stream_infer_ros.pipeline.health.input_watch import InputWatch
from stream_infer_ros.pipeline.health.loss_watch import LossWatch
from stream_infer_ros.pipeline.health.state_log import PROBLEM
from stream_infer_ros.pipeline.health.statistics import FEW, Percentiles, Statistics
from stream_infer_ros.pipeline.health.sync_explanation import SyncExplanation, explain_sync
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.scheduling import Schedule
from stream_infer_ros.pipeline.steps.intake import Intake
from stream_infer_ros.sync.synchronizer import Synchronizer

# A camera is silent after this many of its periods without an image.
SILENT_PERIODS = 2.5
# cause -> camera or topic -> frames
Drops = Mapping[str, Mapping[str, int]]


class Diagnostics:
    """One status for the pipeline, one per camera, one for the engine, one per QoS problem.

    Publishes at most once a period. If a status is not OK, its value `problem` names the problem without the
    numbers of the message, which change.
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
        inputs: InputWatch,
        network: Network | None = None,
    ) -> None:
        self._graph = graph
        self._config = config
        self._cameras = cameras
        self._intake = intake
        self._synchronizer = synchronizer
        self._statistics = statistics
        self._schedule = schedule
        self._inputs = inputs
        self._losses = LossWatch(graph, intake.watch, intake.sources)
        self._network = network
        self._publisher = graph.advertise('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', RELIABLE)
        self._due_ns: int | None = None

    def retune(self, config: Config) -> None:
        """Use these settings from now on. Callable from any thread."""
        self._config = config

    def publish_if_due(self, now_ns: int) -> list[DiagnosticStatus]:
        """Publish if a period has passed since the last time, or the clock went back; return the statuses."""
        period_ns = int(self._config.publish.diagnostics_period_s * 1e9)
        if self._due_ns is not None and self._due_ns - period_ns <= now_ns < self._due_ns:
            return []
        self._due_ns = now_ns + period_ns
        self._inputs.look(now_ns, period_ns)
        self._losses.look(now_ns)
        statuses = self.statuses(now_ns)
        self._publisher.publish(encode_diagnostic_array(now_ns, statuses))
        return statuses

    def statuses(self, now_ns: int) -> list[DiagnosticStatus]:
        """Return all statuses as of `now_ns`."""
        drops, silent = self.drops(), set(self.silent(now_ns))  # once, not for each camera
        cameras = [self._camera(camera, now_ns, drops, camera.name in silent) for camera in self._cameras]
        return [self._pipeline(now_ns, drops), *cameras, *self._new_topics(), *self._engine(), *self._qos()]

    def other_problems(self, now_ns: int) -> list[str]:
        """Describe all problems except those of cameras that have sent images."""
        transforms = self._transform_problem(now_ns)
        unheard = [] if self._inputs.is_patient else [c for c in self._cameras if c.last_received_ns is None]
        others = [*self._new_topics(), *self._engine(), *self._qos()]
        told = [f'{s.name}: {s.message}' for s in others if s.level is not DiagnosticLevel.OK]
        wholes = (transforms, self._schedule.overload(), self._losses.problem())
        return [
            *(words for words in wholes if words),
            *(f'{c.name}: {unheard_health(c, self._inputs).message}' for c in unheard),
            *told,
        ]

    def _transform_problem(self, now_ns: int) -> str:
        """Describe a problem with all transforms and the remedy; empty if there is none."""
        problem = self._intake.transform_problem(now_ns)
        wanted = any('no_transform' in camera.problems for camera in self._cameras)
        if not problem and (wanted or not self._inputs.is_patient):
            problem = self._inputs.why_no_transforms()
        return f'transforms: {problem}' if problem else ''

    def why_no_transforms(self) -> str:
        """Explain why no transform has arrived; empty if some have, or none is needed."""
        return self._inputs.why_no_transforms()

    def silent(self, now_ns: int) -> list[str]:
        """Return cameras silent for `sync.camera_timeout_ms` and SILENT_PERIODS, or without any image yet."""
        timeout_ns = self._config.sync.camera_timeout_ms * 1e6
        streams = self._intake.watch.streams()
        found = []
        for camera in self._cameras:
            silence_ns = camera.silent_for_ns(now_ns)
            limit_ns = max(timeout_ns, SILENT_PERIODS * streams[camera.name].period_ns)
            if silence_ns is None or silence_ns > limit_ns:
                found.append(camera.name)
        return found

    def explain_sync(self, now_ns: int) -> SyncExplanation:
        """Explain how the frames of the cameras match in time now; `str()` of the result is a text."""
        slop_ns = self._synchronizer.slop_ns
        return explain_sync(
            self._intake.watch, self._config.sync, slop_ns, self.drops(), now_ns, self._losses.problem()
        )

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
            health = unheard_health(camera, self._inputs)
        else:
            down = self._engine_is_down()
            health = heard_health(camera, silence_ns, is_silent=is_silent, engine_is_down=down)
        values = {'images': str(camera.images), 'topic': camera.topics.image}
        counts = {'dropped': drops, 'not_mapped': self._statistics.views_missed()}
        values |= {
            f'{kind}.{cause}': str(by[camera.name])
            for kind, causes in counts.items()
            for cause, by in causes.items()
            if camera.name in by
        }
        return self._status(health.level, f'camera {camera.name}', health.message, values, health.problem)

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
        problems = {
            'over_bound': self._over_bound(total),
            'overload': self._schedule.overload(),
            'transforms': self._transform_problem(now_ns),
            'losses': self._losses.problem(),
        }
        problems = {kind: words for kind, words in problems.items() if words}
        level = DiagnosticLevel.OK if sets else DiagnosticLevel.STALE
        if not sets:
            message = 'no set published yet'
        elif total is None:  # a replay is not measured against the bound
            message = f'{sets} sets published'
        else:
            message = f'p99 {total.p99:.0f} ms, bound {self._config.bound_ms:.0f} ms'
        if problems:
            level = DiagnosticLevel.WARN
            message = '; '.join([*([] if 'over_bound' in problems else [message]), *problems.values()])
        return self._status(level, 'pipeline', message, values, ', '.join(problems))

    def _over_bound(self, total: Percentiles | None) -> str:
        # With few sets the p99 is that of the slowest, which is usually the first.
        if total is None or (total.p99 if total.n >= FEW else total.p50) <= self._config.bound_ms:
            return ''
        return (
            f'p99 {total.p99:.0f} ms is over the bound of {self._config.bound_ms:.0f} ms: the values of this '
            'status on /diagnostics show the time of each stage; use fewer or smaller images, a faster '
            'engine, or a larger bound_ms'
        )

    def _new_topics(self) -> list[DiagnosticStatus]:
        """Return the status of image topics that appeared after the search; empty if cameras are named."""
        if self._config.cameras:
            return []
        unused = ', '.join(self._inputs.unused())
        if not unused:
            return [self._status(DiagnosticLevel.OK, 'image topics', 'all are used', {})]
        message = f'appeared after the start, not used: {unused}; restart to include it, or name `cameras`'
        return [self._status(DiagnosticLevel.WARN, 'image topics', message, {}, unused)]

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
        values |= {'boxes.not_finite': str(self._statistics.invalid_boxes)}
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
        self, level: DiagnosticLevel, part: str, message: str, values: dict[str, str], problem: str = ''
    ) -> DiagnosticStatus:
        name = self._config.graph.diagnostics_name
        values = {PROBLEM: problem, **values} if problem else values
        return DiagnosticStatus(level, f'{name}: {part}', message, name, values)
