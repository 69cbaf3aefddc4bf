"""Our frames and synchronizers chain with stock message_filters, in both directions and inside one policy."""

import importlib.util
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip('message_filters', reason='no message_filters: not tested that our filters chain with it')

from builtin_interfaces.msg import Time
from message_filters import ApproximateTimeSynchronizer, Cache, SimpleFilter
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.time import Time as RclpyTime
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from stream_infer_ros.cameras import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.errors import ConfigError, EncodingError
from stream_infer_ros.graph import RELIABLE
from stream_infer_ros.messages.image import encode_image
from stream_infer_ros.nodes.frame_filters import FrameFilter, FrameMessage, stamp_ns
from stream_infer_ros.nodes.ros_parts import offer_ros_parts
from stream_infer_ros.nodes.stock_synchronizer import StockSynchronizer
from stream_infer_ros.nodes.synchronizer_filter import SynchronizerFilter
from stream_infer_ros.sync import SYNCHRONIZERS, make_synchronizer

MS = 1_000_000
START = 1_700_000_000_000 * MS
PATIENCE_S = 20.0
EXAMPLES = Path(__file__).resolve().parents[3] / 'examples'


@pytest.fixture(scope='module')
def context():
    made = Context()
    rclpy.init(context=made)
    yield made
    rclpy.shutdown(context=made)


@pytest.fixture
def node(context):
    made = rclpy.create_node('chained', context=context)
    yield made
    made.destroy_node()


@pytest.fixture
def driver(context):
    made = rclpy.create_node('driver', context=context)
    yield made
    made.destroy_node()


@pytest.fixture
def spin(context, node):
    """Spins the node until a condition holds, `act`ing again and again."""
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def until(condition, act=lambda: None):
        ends = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < ends, 'it did not come to pass'
            act()
            executor.spin_once(timeout_sec=0.01)

    yield until
    executor.shutdown()


def example(name: str):
    """A module out of examples/."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def header(at_ns: int) -> Header:
    return Header(stamp=Time(sec=at_ns // 10**9, nanosec=at_ns % 10**9), frame_id='camera')


def frame(camera: str, at_ns: int) -> Frame:
    return Frame(camera, at_ns, at_ns, None, 'rgb8', 'camera')


# ---- ours in front, stock behind ----


def test_the_stock_synchronizer_matches_our_frames(node, driver, spin):
    ros = pytest.importorskip('stream_infer_ros.graph.ros', reason='no RosGraph yet')
    watcher = example('stock_synchronizer_on_our_frames').Watcher(
        node, ['/front/image_raw', '/left/image_raw']
    )
    sender = ros.RosGraph(driver)
    publishers = [
        sender.advertise(f'/{camera}/image_raw', 'sensor_msgs/msg/Image', RELIABLE)
        for camera in ('front', 'left')
    ]
    picture = np.full((4, 6, 3), 90, np.uint8)
    sent = []

    def publish():
        at_ns = START + len(sent) * 100 * MS
        for phase, publisher in enumerate(publishers):
            publisher.publish(encode_image(at_ns + phase * 3 * MS, 'camera', picture, 'rgb8'))
        sent.append(at_ns)

    try:
        spin(lambda: all(publisher.subscribers() for publisher in publishers))
        spin(lambda: watcher.sets >= 5, publish)
        assert not watcher.graph.callback_failures()
    finally:
        sender.close()
        watcher.graph.close()


def test_a_stock_cache_keeps_our_frames_by_time():
    source = SimpleFilter()
    cache = Cache(source, 10)
    for tick in range(20):
        source.signalMessage(FrameMessage(frame('front', START + tick * MS)))
    kept = cache.getInterval(*(RclpyTime.from_msg(header(START + tick * MS).stamp) for tick in (12, 14)))
    assert [message.frame.stamp_ns - START for message in kept] == [12 * MS, 13 * MS, 14 * MS]


# ---- stock in front, ours behind ----


def test_our_synchronizer_matches_stock_subscribers_and_waits_for_nobody(node, driver, spin):
    topics = ['/front/camera_info', '/left/camera_info']
    watcher = example('our_synchronizer_on_stock_subscribers').Watcher(
        node, topics, SyncConfig(slop_ms=20.0, deadline_ms=40.0, camera_timeout_ms=200.0)
    )
    publishers = [driver.create_publisher(CameraInfo, topic, 10) for topic in topics]
    spin(lambda: all(publisher.get_subscription_count() for publisher in publishers))
    due = [time.monotonic()]

    def publish(chosen):
        if time.monotonic() >= due[0]:
            due[0] = time.monotonic() + 0.05
            now = driver.get_clock().now().to_msg()
            for publisher in chosen:
                publisher.publish(CameraInfo(header=Header(stamp=now)))

    spin(lambda: sum(None not in found for found in watcher.sets) >= 3, lambda: publish(publishers))
    spin(lambda: sum(found[1] is None for found in watcher.sets) >= 3, lambda: publish(publishers[:1]))


def test_a_set_leaves_at_its_deadline_though_nothing_more_comes(node, spin):
    inputs = [SimpleFilter(), SimpleFilter()]
    matched = SynchronizerFilter(node, inputs, SyncConfig(deadline_ms=30.0))
    sets = []
    matched.registerCallback(lambda *messages: sets.append(messages))
    only = CameraInfo(header=header(node.get_clock().now().nanoseconds))
    inputs[0].signalMessage(only)
    assert not sets
    spin(lambda: sets)
    assert sets == [(only, None)]
    assert all(timer.is_canceled() for timer in node.timers)  # nothing is due: nobody is woken
    matched.destroy()


def test_a_deadline_wakes_an_executor_that_sleeps(context, node):
    """What opens the set came on another thread, as from a graph."""
    inputs = [SimpleFilter(), SimpleFilter()]
    matched = SynchronizerFilter(node, inputs, SyncConfig(deadline_ms=30.0))
    left = threading.Event()
    matched.registerCallback(lambda *messages: left.set())
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    asleep = executor.create_task(lambda: None)
    spinning = threading.Thread(target=executor.spin)
    spinning.start()
    try:
        while not asleep.done():
            left.wait(0.01)
        left.wait(0.2)  # it has gone to sleep by now; were it not so, this would only show less
        inputs[0].signalMessage(CameraInfo(header=header(node.get_clock().now().nanoseconds)))
        assert left.wait(PATIENCE_S)
    finally:
        executor.shutdown()
        spinning.join()


@pytest.mark.parametrize('policy', ['deadline', 'approximate_time', 'exact', 'latest'])
def test_every_policy_serves_as_a_filter(node, policy):
    inputs = [SimpleFilter(), SimpleFilter()]
    matched = SynchronizerFilter(node, inputs, SyncConfig(policy=policy), ['a', 'b'])
    sets = []
    matched.registerCallback(lambda first, second, mark: sets.append((first, second, mark)), 'mark')
    now_ns = node.get_clock().now().nanoseconds
    for tick in range(40):  # `latest` goes by arrival, which is as uneven as the machine is busy
        pair = [CameraInfo(header=header(now_ns + tick * 50 * MS)) for _ in inputs]
        for source, message in zip(inputs, pair, strict=True):
            source.signalMessage(message)
    assert len(sets) >= 3
    for first, second, mark in sets:
        assert mark == 'mark'
        assert policy == 'latest' or stamp_ns(first) == stamp_ns(second)
    assert set(matched.drops()) == {'a', 'b'}


def test_a_callback_that_raises_holds_up_no_later_set(node):
    """The stock one keeps its lock for ever."""
    inputs = [SimpleFilter(), SimpleFilter()]
    matched = SynchronizerFilter(node, inputs)
    sets = []

    def fail_once(*messages):
        sets.append(messages)
        if len(sets) == 1:
            raise ValueError('theirs')

    matched.registerCallback(fail_once)
    now_ns = node.get_clock().now().nanoseconds
    inputs[0].signalMessage(CameraInfo(header=header(now_ns)))
    with pytest.raises(ValueError, match='theirs'):
        inputs[1].signalMessage(CameraInfo(header=header(now_ns)))
    for source in inputs:
        source.signalMessage(CameraInfo(header=header(now_ns + 50 * MS)))
    assert len(sets) == 2


def test_typed_images_become_frames_in_the_middle_of_a_chain(node):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    wide = np.zeros((4, 8, 3), np.uint8)
    wide[:, :6] = pixels
    source = SimpleFilter()
    frames = Cache(FrameFilter(node, source, 'front'))
    source.signalMessage(
        Image(header=header(START), height=4, width=6, encoding='rgb8', step=24, data=wide.tobytes())
    )
    found = frames.getLast().frame
    np.testing.assert_array_equal(found.image, pixels)
    assert (found.camera, found.stamp_ns, found.frame_id) == ('front', START, 'camera')
    jpeg = b'\xff\xd8\xff\xe0 and so on'
    source.signalMessage(CompressedImage(header=header(START + MS), format='jpg', data=jpeg))
    assert frames.getLast().frame.encoding == 'jpeg'
    assert bytes(frames.getLast().frame.image) == jpeg
    with pytest.raises(EncodingError, match='step of at least'):
        source.signalMessage(
            Image(header=header(START), height=4, width=6, encoding='rgb8', step=3, data=b'12')
        )


# ---- stock inside: sync.policy message_filters ----


@given(
    arrivals=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(-9, 9)), min_size=5, max_size=60
    ),
    queue_size=st.integers(1, 5),
    slop_ms=st.integers(1, 60),
)
def test_the_policy_makes_the_sets_that_stock_makes(arrivals, queue_size, slop_ms):
    inputs = [SimpleFilter() for _ in range(3)]
    stock = ApproximateTimeSynchronizer(inputs, queue_size, slop_ms / 1000)
    expected = []
    stock.registerCallback(lambda *messages: expected.append([stamp_ns(message) for message in messages]))
    ours = StockSynchronizer('abc', lambda: SyncConfig(queue_size=queue_size, slop_ms=slop_ms))
    found = []
    for slot, tick, jitter in arrivals:
        at_ns = START + tick * 10 * MS + jitter * MS
        inputs[slot].signalMessage(CameraInfo(header=header(at_ns)))
        found += ours.add(frame('abc'[slot], at_ns), at_ns)
    assert [[f.stamp_ns for f in frame_set.frames] for frame_set in found] == expected
    lost = sum(n for causes in ours.drops().values() for n in causes.values())
    queued = sum(len(queue) for queue in stock.queues)
    assert lost == len(arrivals) - queued - 3 * len(expected)


def test_its_slop_follows_the_period_unless_it_is_set():
    config = SyncConfig()
    ours = StockSynchronizer('ab', lambda: config)
    assert ours.slop_ns == 40 * MS
    for tick in range(10):
        for camera in 'ab':
            ours.add(frame(camera, START + tick * 30 * MS), START)
    assert ours.slop_ns == 15 * MS
    config = SyncConfig(slop_ms=7.0)
    ours.add(frame('a', START + 300 * MS), START)
    assert ours.slop_ns == 7 * MS
    config = SyncConfig(slop_ms=0.0)
    ours.add(frame('b', START + 300 * MS), START)
    assert ours.slop_ns == 15 * MS


def test_it_matches_again_after_a_recording_looped():
    ours = StockSynchronizer('ab', lambda: SyncConfig(queue_size=5, slop_ms=20.0))

    def play():
        return sum(
            len(ours.add(frame(camera, START + tick * 100 * MS), START))
            for tick in range(20)
            for camera in 'ab'
        )

    assert play() == 20
    assert play() == 20
    ours.add(frame('a', START + 5000 * MS), START)
    assert play() == 20
    assert ours.drops() == {'a': {'jump': 1}, 'b': {}}


def test_it_is_a_policy_once_it_is_offered(monkeypatch):
    monkeypatch.delitem(SYNCHRONIZERS, 'message_filters', raising=False)
    config = SyncConfig(policy='message_filters', slop_ms=12.0)
    with pytest.raises(ConfigError, match='inside a ROS node'):
        make_synchronizer('ab', lambda: config)
    offer_ros_parts()
    made = make_synchronizer('ab', lambda: config)
    assert isinstance(made, StockSynchronizer)
    assert made.slop_ns == 12 * MS
    with pytest.raises(ConfigError, match="'rear'"):
        made.add(frame('rear', START), START)
    with pytest.raises(ConfigError, match='each named once'):
        make_synchronizer(['a', 'a'], lambda: config)
