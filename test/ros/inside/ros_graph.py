"""Behaviour of the ros adapter alone: names, QoS, time and shutdown as users of ROS nodes expect them."""

import os
import threading

import pytest
import rclpy
from graph_harness import PATIENCE_S, Inbox, eventually, same
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import CAMERA_INPUT, LATCHED, RELIABLE, Qos, QosProblem, make_graph
from stream_infer_ros.graph.ros import OwnNodeGraph, RosGraph, reception
from stream_infer_ros.graph.ros.raw_take import RawTake, RclpyTake

STRING = 'std_msgs/msg/String'
BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)


@pytest.fixture
def context():
    made = Context()
    rclpy.init(context=made)
    yield made
    made.try_shutdown()


@pytest.fixture
def other(context):
    """Somebody else's node."""
    node = Node('other', context=context)
    yield node
    node.destroy_node()


@pytest.fixture
def make(context):
    """Makes nodes that are spun, each with a graph on it: `make(['--ros-args', ...])` -> (node, graph)."""
    executor = SingleThreadedExecutor(context=context)
    made = []

    def spin():
        try:
            executor.spin()
        except ExternalShutdownException:
            return

    def make_one(arguments=(), **options):
        node = Node('ours', namespace='robot', context=context, cli_args=list(arguments), **options)
        executor.add_node(node)
        made.append((node, RosGraph(node)))
        return made[-1]

    spinning = threading.Thread(target=spin)
    spinning.start()
    yield make_one
    for _, graph in made:
        graph.close()
    context.try_shutdown()
    spinning.join()
    for node, _ in made:
        node.destroy_node()


def cdr(text):
    return serialize_message(String(data=text))


def test_relative_and_private_names_and_remapping_are_the_nodes(make, other):
    node, graph = make(['--ros-args', '-r', '/left/image:=/camera/l', '-r', '~/map:=/map'])
    inbox = Inbox()
    graph.subscribe('/left/image', STRING, RELIABLE, inbox)
    graph.subscribe('right', STRING, RELIABLE, inbox)
    published = [graph.advertise(name, STRING, LATCHED) for name in ('~/map', '~/scan')]
    assert {s.topic_name for s in node.subscriptions} >= {'/camera/l', '/robot/right'}
    heard = {name: Inbox() for name in ('/map', '/robot/ours/scan')}
    _, theirs = make()
    for name, into in heard.items():
        theirs.subscribe(name, STRING, LATCHED, into)
    for publisher in published:
        publisher.publish(cdr('hello'))
    for into in heard.values():
        assert same(into.wait(1), [cdr('hello')])
    sender = other.create_publisher(String, '/camera/l', 10)
    eventually(lambda: sender.get_subscription_count() == 1)
    sender.publish(String(data='left'))
    assert same(inbox.wait(1), [cdr('left')])


def test_qos_overrides_are_parameters_of_the_node(make, other):
    node, graph = make(['--ros-args', '-p', 'qos_overrides./words.subscription.reliability:=best_effort'])
    graph.subscribe('/words', STRING, RELIABLE, Inbox())
    graph.advertise('/echo', STRING, RELIABLE)
    eventually(lambda: other.get_subscriptions_info_by_topic('/words'))
    (end,) = other.get_subscriptions_info_by_topic('/words')
    assert end.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    depth = 'qos_overrides./echo.publisher.depth'
    assert node.get_parameter(depth).value == RELIABLE.depth
    assert node.describe_parameter(depth).read_only
    assert 'whole number' in node.describe_parameter(depth).description


@pytest.mark.parametrize('override', ['reliability:=relaible', 'reliability:=3', 'depth:=0', 'depth:=deep'])
def test_an_override_that_makes_no_sense_is_told_with_its_name(make, override):
    _, graph = make(['--ros-args', '-p', f'qos_overrides./words.subscription.{override}'])
    with pytest.raises(GraphError, match=r'qos_overrides\./words\.subscription\.\w+: expected'):
        graph.subscribe('/words', STRING, RELIABLE, Inbox())


def test_a_publisher_that_offers_too_little_is_a_problem_while_it_is_there(make, other):
    _, graph = make(['--ros-args', '-r', '/words:=/speech'])
    graph.subscribe('/words', STRING, RELIABLE, Inbox())
    publisher = other.create_publisher(String, '/speech', BEST_EFFORT)
    eventually(graph.qos_problems, 'a problem')
    (problem,) = graph.qos_problems()
    assert problem == QosProblem('/speech', 'reliability', problem.remedy)
    assert 'best_effort' in problem.remedy
    other.destroy_publisher(publisher)
    eventually(lambda: not graph.qos_problems(), 'no problem any more')


def test_a_subscriber_that_wants_a_deadline_is_told_too(make, other):
    _, graph = make()
    graph.advertise('/words', STRING, RELIABLE)
    demanding = QoSProfile(depth=10, deadline=Duration(seconds=1))
    other.create_subscription(String, '/words', lambda _: None, demanding)
    eventually(lambda: [p.policy for p in graph.qos_problems()] == ['deadline'], 'a problem of the deadline')
    assert 'other' in graph.qos_problems()[0].remedy


def test_an_ordinary_subscriber_is_no_problem(make, other):
    node, graph = make()
    graph.advertise('/words', STRING, RELIABLE)
    other.create_subscription(String, '/words', lambda _: None, 10)
    eventually(lambda: node.get_subscriptions_info_by_topic('/words'), 'the subscriber')
    assert graph.qos_problems() == []


def test_best_available_is_reliable_until_somebody_offers_less(make, other):
    _, graph = make()
    inbox = Inbox()
    graph.subscribe('/words', STRING, CAMERA_INPUT, inbox)

    def wanted():
        ends = other.get_subscriptions_info_by_topic('/words')
        return [end.qos_profile.reliability for end in ends]

    assert wanted() == []  # no reader that a camera would warn about
    reliable = other.create_publisher(String, '/words', 10)
    eventually(lambda: wanted() == [ReliabilityPolicy.RELIABLE], 'a reliable subscription')
    eventually(lambda: reliable.get_subscription_count() == 1)
    reliable.publish(String(data='one'))
    inbox.wait(1)
    lesser = other.create_publisher(String, '/words', BEST_EFFORT)
    eventually(lambda: wanted() == [ReliabilityPolicy.BEST_EFFORT], 'a best_effort subscription')
    eventually(lambda: lesser.get_subscription_count() == 1)
    lesser.publish(String(data='two'))
    assert same(inbox.wait(2), [cdr('one'), cdr('two')])
    assert graph.qos_problems() == []


def test_best_available_gets_what_was_latched_until_somebody_latches_nothing(make, other):
    _, graph = make()
    inbox = Inbox()
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    other.create_publisher(String, '/words', latched).publish(String(data='once'))
    graph.subscribe('/words', STRING, CAMERA_INPUT, inbox)
    assert same(inbox.wait(1), [cdr('once')])
    lesser = other.create_publisher(String, '/words', 10)
    eventually(lambda: lesser.get_subscription_count() == 1)
    lesser.publish(String(data='volatile'))
    assert same(inbox.wait(2), [cdr('once'), cdr('volatile')])
    assert graph.qos_problems() == []


def test_simulated_time_is_the_nodes_and_may_jump_back(make, other):
    _, graph = make(parameter_overrides=[Parameter('use_sim_time', value=True)])
    inbox = Inbox()
    graph.subscribe('/words', STRING, RELIABLE, inbox)
    clock = other.create_publisher(Clock, '/clock', 10)
    words = other.create_publisher(String, '/words', 10)
    eventually(lambda: words.get_subscription_count() == 1 == clock.get_subscription_count())
    for seconds in (1000, 2):
        tick = Clock()
        tick.clock.sec = seconds
        clock.publish(tick)
        eventually(lambda s=seconds: graph.now_ns() == s * 10**9, f'second {seconds}')
        words.publish(String(data=str(seconds)))
        inbox.wait(1 if seconds == 1000 else 2)
    assert inbox.stamps == [1000 * 10**9, 2 * 10**9]


def test_fifty_graphs_on_one_node_leave_nothing_behind(make, other):
    node, first = make()
    first.close()

    def belongings():
        ends = [list(node.subscriptions), list(node.publishers), list(node.waitables)]
        return [len(kind) for kind in ends], threading.active_count(), len(os.listdir('/proc/self/fd'))

    before = belongings()
    sender = other.create_publisher(String, '/words', 10)
    for _ in range(50):
        graph = RosGraph(node)
        inbox = Inbox()
        for qos in (RELIABLE, CAMERA_INPUT):
            graph.subscribe('/words', STRING, qos, inbox)
        graph.advertise('~/map', STRING, LATCHED).publish(cdr('map'))
        eventually(lambda: sender.get_subscription_count() == 2)
        sender.publish(String(data='hello'))
        inbox.wait(2)
        graph.close()
        eventually(lambda: sender.get_subscription_count() == 0)
    assert belongings() == before


def test_after_the_context_went_down_publishing_goes_nowhere_and_closing_ends_the_thread(context):
    node = Node('ours', context=context)
    threads = threading.active_count()
    graph = RosGraph(node)
    for qos in (RELIABLE, CAMERA_INPUT):
        graph.subscribe('/words', STRING, qos, Inbox())
    publisher = graph.advertise('/words', STRING, RELIABLE)
    context.try_shutdown()
    publisher.publish(cdr('nobody'))
    eventually(lambda: threading.active_count() == threads, 'the end of the thread')
    with pytest.raises(GraphError, match='context is not up'):
        graph.subscribe('/more', STRING, RELIABLE, Inbox())
    graph.close()
    node.destroy_node()


def test_a_node_that_is_destroyed_first_is_told_of_not_a_crash(context):
    node = Node('ours', context=context)
    graph = RosGraph(node)
    for qos in (RELIABLE, CAMERA_INPUT):
        graph.subscribe('/words', STRING, qos, Inbox())
    publisher = graph.advertise('/echo', STRING, RELIABLE)
    node.destroy_node()
    with pytest.raises(GraphError, match='close the graph before its node'):
        publisher.publish(cdr('late'))
    with pytest.raises(GraphError, match='close the graph before its node'):
        graph.topics()
    assert publisher.subscribers() == 0
    graph._receiver.wake()  # it looks for publishers, and finds no node
    graph.close()


def test_a_receiver_that_fails_is_told_of_wherever_losses_are_asked_for(make, other, monkeypatch, caplog):
    class Broken:
        def __call__(self):
            raise GraphError('rcl failed with code 1')

        def close(self):
            pass

    monkeypatch.setattr(reception, 'taker', lambda *_: Broken())
    _, graph = make()
    graph.subscribe('/words', STRING, RELIABLE, Inbox())
    assert graph.losses() == {}
    publisher = other.create_publisher(String, '/words', 10)
    eventually(publisher.get_subscription_count)
    publisher.publish(String(data='hello'))
    eventually(lambda: 'receiving from ROS failed' in caplog.text)
    with pytest.raises(GraphError, match='no message is received any more: rcl failed'):
        graph.losses()


def test_a_message_type_this_ros_does_not_have_is_named_with_its_package(make):
    _, graph = make()
    with pytest.raises(GraphError, match=r'ros-<distro>-no-such-msgs'):
        graph.subscribe('/words', 'no_such_msgs/msg/Word', CAMERA_INPUT, Inbox())


def test_kind_ros_is_a_node_of_its_own_under_the_configured_name(other):
    domain_id = int(os.environ['ROS_DOMAIN_ID'])
    before = dict(os.environ)
    graph = make_graph(
        GraphConfig(kind='ros', node_name='seer', namespace='/robot', domain_id=domain_id, loopback=True)
    )
    try:
        assert isinstance(graph, OwnNodeGraph)
        assert dict(os.environ) == before
        eventually(lambda: ('seer', '/robot') in other.get_node_names_and_namespaces(), 'the node')
        assert not other.get_service_names_and_types_by_node('seer', '/robot')
    finally:
        graph.close()
    eventually(lambda: ('seer', '/robot') not in other.get_node_names_and_namespaces(), 'its end')


@pytest.mark.parametrize('sizes', [[70_000] * 40, range(1, 90_000, 2_000)], ids=['equal', 'growing'])
def test_messages_that_are_kept_stay_as_they_were_even_beyond_the_graph(make, other, sizes):
    _, graph = make()
    kept, came = [], threading.Semaphore(0)

    def keep(message, _stamp):
        kept.append(message)
        came.release()

    deep = Qos(depth=100)
    graph.subscribe('/words', STRING, deep, keep)
    sender = other.create_publisher(String, '/words', 100)
    eventually(lambda: sender.get_subscription_count() == 1)
    sent = [cdr(chr(97 + i % 26) * size) for i, size in enumerate(sizes)]
    for i, message in enumerate(sent):
        sender.publish(message)
        assert came.acquire(timeout=PATIENCE_S)
        if i % 3 == 0:  # its memory is used again, for none that is still held
            kept[-1] = bytes(kept[-1])
    graph.close()
    assert same([bytes(message) for message in kept], sent)
    with pytest.raises(TypeError):
        kept[-1][0] = 1


def test_the_way_by_rclpy_takes_the_same(context, other):
    subscription = other.create_subscription(String, '/words', print, 10, raw=True)
    sender = other.create_publisher(String, '/words', 10)
    eventually(lambda: sender.get_subscription_count() == 1)
    for take in (RawTake(subscription, '/words'), RclpyTake(subscription)):
        sender.publish(String(data='hello'))
        came = []
        eventually(lambda take=take, came=came: came.append(take()) or came[-1], 'the message')
        assert same([bytes(came[-1])], [cdr('hello')])
        assert take() is None
        take.close()
