"""A node from its start to its end: ROS arguments, an executor on a thread, exit code."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from stream_infer_ros.cli.stopping import end_now
from stream_infer_ros.errors import StreamInferError
from stream_infer_ros.graph import security
from stream_infer_ros.graph.ros.middleware import middleware_variables
from stream_infer_ros.graph.ros.rclpy_internals import RCLError
from stream_infer_ros.process_memory import keep_freed_memory

if TYPE_CHECKING:
    from stream_infer_ros.nodes.pipeline_node import PipelineNode

AnyNode = TypeVar('AnyNode', bound=Node)

# The longest wait for a running callback: `ros2 launch` and users expect an end within two seconds.
PATIENCE_S = 0.9
# How often a build checks whether it must stop.
LOOK_S = 0.1


class Stoppable(Protocol):
    """A node that runs its own threads."""

    def stop(self) -> None:
        """End all threads. Only `destroy_node` remains to be called."""
        ...


def run_node(make: Callable[[threading.Event], Node], stop: threading.Event) -> None:
    """Run until `stop`; exit code 0, without a traceback.

    Args:
        make: creates the node, which must be `Stoppable` and may set the event itself. If it raises an error
            of this package, the process prints one line and exits with code 1.
        stop: set by SIGINT and SIGTERM (`stop_on_signal`).

    The executor has a separate thread, so that a signal is noticed while a callback runs. A callback that
    does not return in time (building an engine cannot be interrupted) ends with the process.
    """
    node = _made(make, stop)
    spinning = _Spinning(node, stop)
    spinning.start()
    stop.wait()
    if not spinning.join(PATIENCE_S):
        node.get_logger().warning('still busy after the stop signal; the work in progress is abandoned')
        end_now(code=0)
    node.stop()  # type: ignore[attr-defined]
    node.destroy_node()
    rclpy.try_shutdown()
    spinning.raise_failure()


def configure_once(make: Callable[[threading.Event], PipelineNode[Any]], stop: threading.Event) -> None:
    """Configure a lifecycle node, which builds its engine, and end; exit code 1 if that failed (see its log).

    It needs no executor and no other node on the graph. The arguments are those of `run_node`.
    """
    node = _made(make, stop)
    node.needs_cameras = False
    outcome: list[TransitionCallbackReturn] = []
    # On a thread, because building an engine cannot be interrupted, but the process can be ended.
    work = threading.Thread(target=lambda: outcome.append(node.trigger_configure()), daemon=True)
    work.start()
    while work.is_alive() and not stop.is_set():
        work.join(LOOK_S)
    if work.is_alive():
        end_now(code=1)
    node.stop()
    node.destroy_node()
    rclpy.try_shutdown()
    sys.exit(outcome != [TransitionCallbackReturn.SUCCESS])


def _made(make: Callable[[threading.Event], AnyNode], stop: threading.Event) -> AnyNode:
    """Start rclpy and make the node; if ROS refuses, end with one line and exit code 1."""
    keep_freed_memory()
    os.environ.update(middleware_variables(os.environ))
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # RCLError: an unreadable parameter file, or an invalid remapping rule
        sys.exit(f'error: {_words(error)}')
    try:
        with warnings.catch_warnings():
            # rclpy warns while it cleans up a node that could not be created; the error says more.
            warnings.filterwarnings('ignore', 'Failed to fini rosout publisher')
            return make(stop)
    except StreamInferError as error:
        rclpy.try_shutdown()
        sys.exit(f'error: {error}')
    except RCLError as error:  # a middleware without security, or unusable keys
        rclpy.try_shutdown()
        sys.exit(f'error: {_words(error)}')


def _words(error: RuntimeError) -> str:
    """Return the error of ROS on one line, with a hint if security is requested."""
    said = ' '.join(str(error).split())
    return '; '.join(filter(None, [said, security.hint(os.environ)]))


class _Spinning:
    """An executor on a thread."""

    def __init__(self, node: Node, stop: threading.Event) -> None:
        self._stop = stop
        self._failure: BaseException | None = None
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        # `Executor.wake` has it look again, but not return.
        self._return = node.create_guard_condition(lambda: None)
        self._thread = threading.Thread(target=self._run, name='executor', daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Stop the executor after the running callback; False if the callback did not end in time."""
        self._return.trigger()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self._executor.shutdown()
        return True

    def raise_failure(self) -> None:
        """Raise the error of a callback that failed, if there is one."""
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._executor.spin_once()
        except BaseException as failure:  # raised again by the main thread
            self._failure = failure
            self._stop.set()
