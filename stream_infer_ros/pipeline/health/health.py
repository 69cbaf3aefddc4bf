"""The health of a pipeline: what programs and reports ask about it while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.pipeline.health.camera_status import CameraStatuses
from stream_infer_ros.pipeline.health.diagnostics import Diagnostics
from stream_infer_ros.pipeline.health.input_watch import InputWatch
from stream_infer_ros.pipeline.health.loss_watch import LossWatch
from stream_infer_ros.pipeline.health.losses import Losses
from stream_infer_ros.pipeline.health.model_status import ModelStatus
from stream_infer_ros.pipeline.health.pipeline_status import PipelineStatus
from stream_infer_ros.pipeline.health.status import StatusSource
from stream_infer_ros.pipeline.health.sync_explanation import SyncExplanation, explain_sync
from stream_infer_ros.pipeline.health.sync_watch import SyncWatch
from stream_infer_ros.pipeline.health.view_watch import ViewWatch
from stream_infer_ros.pipeline.live_settings import CurrentSettings
from stream_infer_ros.sync.synchronizer import Synchronizer


@dataclass(frozen=True, slots=True)
class Health:
    """Everything that watches a pipeline. Every method can be called from any thread.

    Attributes:
        diagnostics: publishes all statuses on /diagnostics.
        pipeline: the status of the whole.
        cameras: the status of each camera.
        model: the status of the network; None without one.
        others: the statuses of topics, of the engine and of the network.
        losses: the losses of all steps.
        inputs: explains missing inputs.
        loss_watch: explains losses of the middleware.
        sync_watch: the recent frames and sets.
        view_watch: the problems of the geometry of the cameras.
    """

    diagnostics: Diagnostics
    pipeline: PipelineStatus
    cameras: CameraStatuses
    model: ModelStatus | None
    others: Sequence[StatusSource]
    losses: Losses
    inputs: InputWatch
    loss_watch: LossWatch
    sync_watch: SyncWatch
    view_watch: ViewWatch
    synchronizer: Synchronizer
    settings: CurrentSettings

    def other_problems(self, now_ns: int) -> list[str]:
        """Describe all problems, except a latency over the bound, and those of cameras that send images."""
        statuses = [status for source in self.others for status in source.statuses(now_ns)]
        return [
            *self.pipeline.problems(now_ns),
            *self.cameras.missing(),
            *(f'{s.part}: {s.message}' for s in statuses if s.level is not DiagnosticLevel.OK),
        ]

    def nonsense(self) -> str:
        """Say what is odd about the boxes of the network, and what to do; empty if nothing is."""
        return '' if self.model is None else self.model.nonsense()

    def explain_sync(self, now_ns: int) -> SyncExplanation:
        """Explain how the frames of the cameras match in time now; `str()` of the result is a text."""
        explanation = explain_sync(
            self.sync_watch,
            self.settings().sync,
            self.synchronizer.slop_ns,
            self.losses.drops(),
            now_ns,
            self.loss_watch.problem(now_ns),
            self.synchronizer.deadline_ns,
        )
        return replace(explanation, clocks=self.cameras.clocks())
