"""A node under test in this process, and all others on its graph: services, parameters, cameras, topics."""

import threading
import time
from contextlib import ExitStack

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from stream_infer_ros.graph.ros import RosGraph
from stream_infer_ros.simulation import SimulationOptions
from stream_infer_ros.simulation.publisher import WorldPublisher
from stream_infer_ros.simulation.schedule import Exposure

PATIENCE_S = 20.0
SMALL = SimulationOptions(cameras=2, width=160, height=120)
CAMERAS = ['cam0', 'cam1']
TRANSITIONS = {
    'configure': Transition.TRANSITION_CONFIGURE,
    'activate': Transition.TRANSITION_ACTIVATE,
    'deactivate': Transition.TRANSITION_DEACTIVATE,
    'cleanup': Transition.TRANSITION_CLEANUP,
    'shutdown_unconfigured': Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    'shutdown': Transition.TRANSITION_ACTIVE_SHUTDOWN,
    'shutdown_inactive': Transition.TRANSITION_INACTIVE_SHUTDOWN,
}


def until(condition, what, patience_s=PATIENCE_S):
    """The first true value of `condition()`; fails if there is none in time."""
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        found = condition()
        if found:
            return found
        threading.Event().wait(0.02)
    raise AssertionError(f'not within {patience_s:g} s: {what}')


def ros_arguments(**parameters):
    """Command line of a node: sync__slop_ms=3.0 is `-p sync.slop_ms:=3.0`."""
    found = ['test', '--ros-args']
    for name, value in parameters.items():
        text = str(value).lower() if isinstance(value, bool) else str(value).replace("'", '')
        found += ['-p', f'{name.replace("__", ".")}:={text}']
    return found


class Spun:
    """Nodes, each spun by an executor on a thread of its own."""

    def __init__(self):
        self._running = []

    def add(self, node):
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        done, wake = threading.Event(), node.create_guard_condition(lambda: None)
        thread = threading.Thread(target=self._spin, args=(executor, done))
        thread.start()
        self._running.append((executor, done, wake, thread))

    def end(self):
        for executor, done, wake, thread in self._running:
            done.set()
            wake.trigger()
            thread.join()
            executor.shutdown()

    @staticmethod
    def _spin(executor, done):
        while not done.is_set():
            executor.spin_once()


class Bench:
    """ROS up, a node under test, and a peer that talks to it. Use as a context manager.

    Args:
        make: the node's class.
        arguments: `ros_arguments(...)`, more options appended.
    """

    def __init__(self, make, arguments):
        self._make, self._arguments = make, arguments
        self.statuses = {}
        self.heard = []  # all messages of statuses, in order

    def __enter__(self):
        with ExitStack() as undo:
            rclpy.init(args=self._arguments)
            undo.callback(rclpy.shutdown)
            self.stopping = threading.Event()
            self.peer = rclpy.create_node('peer', use_global_arguments=False)
            undo.callback(self.peer.destroy_node)
            self.peer.create_subscription(DiagnosticArray, '/diagnostics', self._note, 50)
            self.graph = RosGraph(self.peer)
            undo.callback(self.graph.close)
            self.node = self._make(self.stopping)
            undo.callback(self.node.destroy_node)
            undo.callback(self.node.stop)
            self.name = self.node.get_fully_qualified_name()
            spun = Spun()
            undo.callback(spun.end)
            spun.add(self.peer)
            spun.add(self.node)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self._undo.close()

    def _note(self, message):
        for status in message.status:
            self.statuses[status.name] = (ord(status.level), status.message)
            self.heard.append(status.message)

    def call(self, kind, service, request):
        client = self._client(kind, f'{self.name}/{service}')
        future = client.call_async(request)
        until(future.done, f'{service} answers')
        self.peer.destroy_client(client)
        return future.result()

    def _client(self, kind, service):
        """Return a client that found its service. Rarely, one on Fast DDS does not, and the next one does."""
        for _ in range(4):
            client = self.peer.create_client(kind, service)
            if client.wait_for_service(PATIENCE_S / 4):
                return client
            self.peer.destroy_client(client)
        raise AssertionError(f'no service {service}')

    def trigger(self, service):
        return self.call(Trigger, service, Trigger.Request())

    def state(self):
        return self.call(GetState, 'get_state', GetState.Request()).current_state.label

    def change(self, transition):
        request = ChangeState.Request(transition=Transition(id=TRANSITIONS[transition]))
        return self.call(ChangeState, 'change_state', request).success

    def until_state(self, label):
        until(lambda: self.state() == label, f'state {label}')

    def set(self, name, value):
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        (result,) = self.call(SetParameters, 'set_parameters', request).results
        return result

    def describe(self, *names):
        request = DescribeParameters.Request(names=list(names))
        return self.call(DescribeParameters, 'describe_parameters', request).descriptors

    def get(self, name):
        (value,) = self.call(GetParameters, 'get_parameters', GetParameters.Request(names=[name])).values
        return value

    def list(self):
        return set(self.call(ListParameters, 'list_parameters', ListParameters.Request()).result.names)

    def collect(self, topic, type_name, qos):
        """CDR of what comes there from now on."""
        found = []
        self.graph.subscribe(topic, type_name, qos, lambda cdr, _: found.append(bytes(cdr)))
        return found


class Cameras:
    """Two small simulated cameras at 10 Hz, until the end of the block; `silent` ones give nothing."""

    def __init__(self, graph, options=SMALL):
        self.silent = set()
        self._graph, self._options = graph, options
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()

    def _run(self):
        options = self._options
        world = (options.world(), options.rig(), self._graph.now_ns())
        publisher = WorldPublisher(self._graph, *world, namespace=options.namespace)
        tick = 0
        while not self._done.wait(0.1):
            tick += 1
            stamp_ns = self._graph.now_ns()
            for camera in range(options.cameras):
                if camera not in self.silent:
                    publisher.hand_out(publisher.prepare(Exposure(stamp_ns, camera, tick)))
