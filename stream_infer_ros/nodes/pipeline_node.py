"""A pipeline as a lifecycle node: the common part of the nodes that run one."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Generic, TypeVar

from rclpy.clock import Clock
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from std_srvs.srv import Trigger

from stream_infer_ros.config import Config, GraphConfig, PipelineConfig
from stream_infer_ros.errors import ConfigError, StreamInferError
from stream_infer_ros.graph import Graph
from stream_infer_ros.graph.ros import RosGraph
from stream_infer_ros.graph.ros.rclpy_internals import ClockType
from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.nodes.clock_watch import NO_CLOCK, ClockWatch
from stream_infer_ros.nodes.impossible_transitions import refuse_impossible_transitions
from stream_infer_ros.nodes.lifecycle_bond import LifecycleBond, make_bond
from stream_infer_ros.nodes.parameters import TreeParameters
from stream_infer_ros.nodes.ros_parts import offer_ros_parts
from stream_infer_ros.nodes.state_report import StateReport
from stream_infer_ros.pipeline.assembly import Assembly
from stream_infer_ros.pipeline.health.state_log import LogLine
from stream_infer_ros.pipeline.runtime.live import LiveRunner

SUCCESS, FAILURE, ERROR = (
    TransitionCallbackReturn.SUCCESS,
    TransitionCallbackReturn.FAILURE,
    TransitionCallbackReturn.ERROR,
)
SUPERVISION_S = 0.5
START_AGAIN_S = 1.0
STATE_AFTER_REFUSAL = {'configure': 'unconfigured', 'activate': 'inactive'}

# The settings of the nodes that run a pipeline.
Settings = TypeVar('Settings', bound=PipelineConfig)


class PipelineNode(LifecycleNode, Generic[Settings]):
    """A lifecycle node that runs a pipeline. Its transitions do the following.

    configure: `prepare`. activate: make a graph on this node, `assemble` and run. deactivate: stop and leave
    that graph; what was prepared stays. cleanup: `free`. While active, the node keeps a bond with a lifecycle
    manager. It breaks when the pipeline stops or fails.

    A transition that cannot be made returns FAILURE, with the reason in the log and on /diagnostics. An
    unexpected error returns ERROR with a traceback in the log, and the node is unconfigured again. If a
    running pipeline fails, the node becomes inactive.

    Args:
        name: of the node, unless ROS arguments name it.
        tree: its settings, with `autostart` among them.
        stopping: set when the process is to end.
    """

    def __init__(self, name: str, tree: type[Settings], stopping: threading.Event) -> None:
        super().__init__(name)
        refuse_impossible_transitions(self)
        offer_ros_parts()
        self.stopping = stopping
        self.report = StateReport(self)
        self.parameters: TreeParameters[Settings] = TreeParameters(
            self, tree, without=('graph',), on_change=self._retune
        )
        self._prepared = ''  # a description; empty if nothing is prepared
        self._finalized = False
        self.needs_cameras = True  # False: the node is configured only to build its engine
        self.may_yet_start = False  # True if the reason why `prepare` failed may be temporary
        self._assembly: Assembly | None = None
        self._runner: LiveRunner | None = None
        self._graph: Graph | None = None
        self._bond: LifecycleBond | None = None
        self._clock_watch = ClockWatch(self)
        self._waits_for_clock = False
        self.create_service(Trigger, '~/reset_map', self._reset_map)
        self.create_service(Trigger, '~/explain_sync', self._explain_sync)
        # Not on the node's clock, which may be simulated and stand still.
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(SUPERVISION_S, self._supervise, clock=self._steady)
        self._start_once = self.create_timer(0.0, self._autostart, clock=self._steady)

    # To be implemented by each node.

    def prepare(self, settings: Settings) -> str:
        """Create what outlives a run; return its description. Raises an error with the remedy."""
        raise NotImplementedError

    def assemble(self, settings: Settings, graph: Graph) -> Assembly:
        """Return a pipeline on the graph and its configuration. Raises an error with the remedy."""
        raise NotImplementedError

    def tree_of(self, settings: Settings) -> Config:
        """Return the settings as a configuration tree of the pipeline."""
        raise NotImplementedError

    def is_worth_a_try(self, settings: Settings) -> bool:
        """True if the input that a later start waits for is there now. Called every second; must be fast."""
        return True

    def check_live(self, settings: Settings) -> None:
        """Raise ConfigError if live settings do not fit what was prepared. Called while no pipeline runs."""

    def free(self) -> None:
        """Free what was prepared. Safe to call twice."""
        raise NotImplementedError

    # Transitions.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._guarded('configure', self._configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._guarded('activate', self._activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._guarded('deactivate', self._deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._guarded('cleanup', self._cleanup)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._guarded('shutdown', self._shutdown)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.stop()
        return SUCCESS

    def stop(self) -> None:
        """Stop running and free everything, whatever the state. Safe to call twice."""
        self._end_run()
        self.free()
        self._prepared, self.may_yet_start = '', False

    def graph_config(self) -> GraphConfig:
        """Return graph settings with the node's name and namespace in ROS.

        A node reads /tf and /tf_static, which remapping rules move to a namespace.
        """
        return GraphConfig(node_name=self.get_name(), namespace=self.get_namespace(), tf_namespace='/')

    def _guarded(self, transition: str, step: Callable[[], None]) -> TransitionCallbackReturn:
        # rclpy turns an exception of a callback into ERROR, and does not log it.
        try:
            step()
        except StreamInferError as error:
            self._report_refusal(transition, str(error))
            return FAILURE
        except Exception as error:
            self.get_logger().error(traceback.format_exc())
            self.report.say(DiagnosticLevel.ERROR, f'cannot {transition}: {error!r}')
            return ERROR
        return SUCCESS

    def _report_refusal(self, transition: str, reason: str) -> None:
        """Report why a transition failed, the state in which the node stays, and what to do."""
        settings = self.parameters.config
        if self.may_yet_start and settings is not None and settings.autostart:
            self.report.say(
                DiagnosticLevel.WARN, f'waiting for cameras: {reason}. The node starts when it finds one'
            )
            return
        stays = STATE_AFTER_REFUSAL.get(transition)
        what_to_do = (
            f'. The node stays {stays}. Correct this, then restart the node, or run '
            f'`ros2 lifecycle set {self.get_fully_qualified_name()} {transition}`'
        )
        self.report.say(DiagnosticLevel.ERROR, f'cannot {transition}: {reason}{what_to_do if stays else ""}')

    def _settings(self) -> Settings:
        if self.parameters.config is None:
            raise ConfigError(self.parameters.problem)
        return self.parameters.config

    def _configure(self) -> None:
        self._prepared = self.prepare(self._settings())
        self.report.say(DiagnosticLevel.OK, f'inactive: {self._prepared}')

    def _activate(self) -> None:
        graph = RosGraph(self)
        self._graph = graph
        self._clock_watch, self._waits_for_clock = ClockWatch(self), False
        try:
            settings = self._settings()
            self._assembly = self.assemble(settings, graph)
            self._runner = LiveRunner(graph, self._assembly, on_log=self._log)
            self._runner.start()
            self._bond = make_bond(
                self, graph, self._runner, settings.bond_heartbeat_period, expected=not settings.autostart
            )
        except BaseException:
            self._end_run()
            raise
        self.report.say(DiagnosticLevel.OK, f'active: {self._prepared}')

    def _deactivate(self) -> None:
        self._end_run()
        self.report.say(DiagnosticLevel.OK, f'inactive: {self._prepared}')

    def _cleanup(self) -> None:
        self.free()
        self._prepared = ''
        self.report.say(DiagnosticLevel.STALE, 'unconfigured')

    def _shutdown(self) -> None:
        self.stop()
        self._finalized = True
        self.report.say(DiagnosticLevel.STALE, 'finalized')

    def _end_run(self) -> None:
        runner, graph, bond = self._runner, self._graph, self._bond
        self._runner = self._graph = self._assembly = self._bond = None
        if bond is not None:
            bond.close()
        if runner is not None:
            runner.stop()
        if graph is not None:
            graph.close()

    # Timers and callbacks.

    def _autostart(self) -> None:
        settings = self.parameters.config
        over = self._finalized or self._prepared  # another request came first
        if self.may_yet_start and not over and settings is not None and not self.is_worth_a_try(settings):
            return  # the timer continues, so that other requests are answered meanwhile
        self.destroy_timer(self._start_once)
        if over:
            return
        if settings is None:
            self._report_refusal('configure', self.parameters.problem)
        elif settings.autostart and self.trigger_configure() == SUCCESS:
            if not self.stopping.is_set():
                self.trigger_activate()
        elif self.may_yet_start:
            self._start_once = self.create_timer(START_AGAIN_S, self._autostart, clock=self._steady)

    def _log(self, line: LogLine) -> None:
        logger = self.get_logger()
        if line.level is DiagnosticLevel.ERROR:
            logger.error(line.text)
        elif line.level is DiagnosticLevel.WARN:
            logger.warning(line.text)
        else:
            logger.info(line.text)

    def _supervise(self) -> None:
        """Stop a pipeline that has failed, and report the reason."""
        if self._runner is None:
            return
        try:
            self._runner.wait(0)
        except Exception as failure:  # any error of a thread
            self.get_logger().error(''.join(traceback.format_exception(failure)))
            self.trigger_deactivate()
            self.report.say(DiagnosticLevel.ERROR, f'inactive: the pipeline failed: {failure}')
        else:
            self._report_clock()

    def _report_clock(self) -> None:
        """Warn while simulated time has not started. The pipeline cannot notice this without a clock."""
        if self._clock_watch.waits() == self._waits_for_clock:
            return
        self._waits_for_clock = not self._waits_for_clock
        if self._waits_for_clock:
            self.report.say(DiagnosticLevel.WARN, f'active, but {NO_CLOCK}')
        else:
            self.report.say(DiagnosticLevel.OK, f'active: {self._prepared}')

    def _retune(self, settings: Settings) -> None:
        if self._assembly is not None:
            self._assembly.change_settings(self.tree_of(settings))
        else:
            self.check_live(settings)

    # Services.

    def _reset_map(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._assembly is None:
            return _answer(response, False, 'the node is not active: there is no map')
        if not self._assembly.reset_map():
            return _answer(response, False, 'map.enabled is false: there is no map')
        return _answer(response, True, 'a new map begins with the next set')

    def _explain_sync(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._assembly is None or self._graph is None:
            return _answer(response, False, 'the node is not active: nothing is matched')
        try:
            text = str(self._assembly.health.explain_sync(self._graph.now_ns()))
        except StreamInferError as error:  # raised here, it would end the process; the supervision reports it
            return _answer(response, False, str(error))
        return _answer(response, True, text)


def _answer(response: Trigger.Response, success: bool, message: str) -> Trigger.Response:
    response.success, response.message = success, message
    return response
