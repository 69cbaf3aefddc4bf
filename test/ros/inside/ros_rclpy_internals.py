"""Every name and signature of rclpy that rclpy_internals.py relies on, and of rcl that raw_take.py calls.

If one of these tests fails on a new distribution, change those two files.
"""

import ctypes
import inspect

import pytest
import rclpy
from graph_harness import eventually
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerGuardCondition
from std_msgs.msg import String

from stream_infer_ros.graph.ros import raw_take, rclpy_internals
from stream_infer_ros.graph.ros.raw_take import RawTake
from stream_infer_ros.graph.ros.receiver import NotForExecutors

WAIT_NS = 1_000_000_000


@pytest.fixture
def context():
    made = Context()
    rclpy.init(context=made)
    yield made
    made.try_shutdown()


@pytest.fixture
def node(context):
    made = Node('ours', context=context, parameter_overrides=[Parameter('given', value=3)])
    yield made
    if context.ok():
        made.destroy_node()


@pytest.fixture
def subscription(node):
    return node.create_subscription(String, '/words', print, 10, raw=True, callback_group=NotForExecutors())


def parameters(function):
    return list(inspect.signature(function).parameters)


def test_the_names_are_there():
    assert issubclass(_rclpy.RCLError, RuntimeError)
    assert issubclass(_rclpy.UnsupportedEventTypeError, _rclpy.RCLError)
    assert issubclass(InvalidHandle, Exception)
    assert hasattr(_rclpy, 'EventHandle') or hasattr(_rclpy, 'QoSEvent')
    assert _rclpy.rcl_subscription_event_type_t.RCL_SUBSCRIPTION_MESSAGE_LOST is not None
    for name in ('clear_entities', 'add_subscription', 'add_guard_condition', 'wait', 'get_ready_entities'):
        assert callable(getattr(_rclpy.WaitSet, name))
    for name in ('__enter__', '__exit__', 'destroy_when_not_in_use'):
        assert callable(getattr(_rclpy.Destroyable, name))


def test_the_signatures_are_as_they_were():
    assert parameters(GuardCondition) == ['callback', 'callback_group', 'context']
    assert parameters(SignalHandlerGuardCondition) == ['context']
    event_callbacks = rclpy_internals.SubscriptionEventCallbacks
    assert 'use_default_callbacks' in parameters(event_callbacks)
    assert 'use_default_callbacks' in parameters(rclpy_internals.PublisherEventCallbacks)
    assert {'raw', 'callback_group', 'event_callbacks'} <= set(parameters(Node.create_subscription))


def test_the_handles_have_what_is_asked_of_them(context, subscription):
    for handle in (context.handle, subscription.handle):
        assert isinstance(handle, _rclpy.Destroyable)
    assert isinstance(subscription.handle.pointer, int)
    assert callable(subscription.handle.take_message)
    assert subscription.msg_type is String


def test_what_is_in_use_is_destroyed_after_its_release(node, subscription):
    in_use = rclpy_internals.InUse(subscription)
    node.destroy_subscription(subscription)
    assert node.count_subscribers('/words') == 1
    with pytest.raises(InvalidHandle):
        rclpy_internals.InUse(subscription)
    in_use.release()
    assert node.count_subscribers('/words') == 0


def test_a_wait_ends_with_a_message_or_a_trigger(context, node, subscription):
    by_hand, by_signal = rclpy_internals.guard_conditions(context)
    in_use = rclpy_internals.InUse(subscription)
    wait_set = rclpy_internals.WaitSet(context, [subscription], [by_hand, by_signal])
    assert wait_set.wait(0) == []
    by_hand.trigger()
    assert wait_set.wait(WAIT_NS) == []
    publisher = node.create_publisher(String, '/words', 10)
    eventually(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(String(data='hello'))
    ready = []
    eventually(lambda: ready.extend(wait_set.wait(WAIT_NS)) or ready)
    assert ready == [rclpy_internals.rcl_address(subscription)]
    assert b'hello' in rclpy_internals.take_serialized(subscription)
    assert rclpy_internals.take_serialized(subscription) is None
    by_hand.destroy()
    by_signal.destroy()
    in_use.release()


def test_losses_are_counted_from_zero(subscription):
    lost = rclpy_internals.LostMessages(subscription)
    assert lost.count() == 0
    lost.close()
    lost.close()
    assert lost.count() == 0


def test_parameters_that_are_given_are_known_before_they_are_declared(node):
    assert rclpy_internals.parameter_overrides(node)['given'].value == 3


def test_the_service_that_changes_the_state_can_be_wrapped(context):
    node = LifecycleNode('managed', context=context)
    asked = []

    def wrap(change):
        return lambda request, response: asked.append(request.transition.id) or change(request, response)

    rclpy_internals.wrap_change_state(node, wrap)
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
    assert node._service_change_state.callback(request, ChangeState.Response()).success
    assert asked == [Transition.TRANSITION_CONFIGURE]
    assert node._service_change_state in list(node.services)
    node.destroy_node()


def test_rcl_writes_into_a_structure_as_it_is_declared(subscription):
    """Check the layout with functions of rcutils that read and write the struct."""
    take = RawTake(subscription, '/words')
    library = raw_take._library()
    message = raw_take._SerializedMessage(None, 0, 0, library.allocator)
    resize = ctypes.CDLL('librcutils.so').rcutils_uint8_array_resize
    resize.argtypes = [ctypes.POINTER(raw_take._SerializedMessage), ctypes.c_size_t]
    assert resize(message, 1000) == 0
    assert (message.capacity, message.length) == (1000, 0)
    assert message.buffer is not None
    assert library.free(message) == 0
    assert (message.capacity, message.buffer) == (0, None)
    assert take() is None
    take.close()
