"""What goes out on the graph, and when; time is a counter that the test moves."""

import cv2
import numpy as np
import pytest
from rosbags_messages import read, stamp_ns

from stream_infer_ros.cameras.transform_buffer import TransformBuffer
from stream_infer_ros.errors import WorldError
from stream_infer_ros.graph.graph import SENSOR_DATA, TF, TF_STATIC
from stream_infer_ros.graph.memory import MemoryGraph
from stream_infer_ros.messages.camera_info import decode_camera_info
from stream_infer_ros.messages.compressed_image import decode_compressed_image
from stream_infer_ros.messages.image import decode_image
from stream_infer_ros.messages.tf import decode_tf
from stream_infer_ros.simulation import (
    DeadWindow,
    Exposure,
    SimulationOptions,
    Timing,
    World,
    render,
    schedule,
    simulate,
    surround_rig,
)
from stream_infer_ros.simulation.exposure_encoder import sensor_rng
from stream_infer_ros.simulation.frames_ahead import FramesAhead
from stream_infer_ros.simulation.pacing import publish_on_time
from stream_infer_ros.simulation.publisher import PreparedFrame, WorldPublisher

EPOCH_NS = 1_700_000_000_000_000_000
MS = 1_000_000
IMAGE = 'sensor_msgs/msg/Image'


@pytest.fixture(scope='module')
def world():
    return World(5)


class Listener:
    """Keeps every message of some topics, in the order of arrival."""

    def __init__(self, graph, topics):
        self.messages = []
        for topic, (type_name, qos) in topics.items():
            graph.subscribe(topic, type_name, qos, self._keep(topic))

    def _keep(self, topic):
        return lambda cdr, _: self.messages.append((topic, bytes(cdr)))

    def of(self, topic):
        return [cdr for name, cdr in self.messages if name == topic]


TOPICS = {
    '/cam1/image_raw': (IMAGE, SENSOR_DATA),
    '/cam1/camera_info': ('sensor_msgs/msg/CameraInfo', SENSOR_DATA),
    '/tf': ('tf2_msgs/msg/TFMessage', TF),
    '/tf_static': ('tf2_msgs/msg/TFMessage', TF_STATIC),
    '/clock': ('rosgraph_msgs/msg/Clock', SENSOR_DATA),
}


def test_one_exposure_is_pose_calibration_and_image(world):
    graph = MemoryGraph()
    rig = surround_rig(2, 160, 120)
    publisher = WorldPublisher(graph, world, rig, EPOCH_NS, speed_m_s=2.0, with_clock=True)
    heard = Listener(graph, TOPICS)  # late: /tf_static is latched
    exposure = Exposure(EPOCH_NS + 1234 * MS, 1, 11)
    publisher.hand_out(publisher.prepare(exposure))
    order = [topic for topic, _ in heard.messages]
    assert order == ['/tf_static', '/clock', '/tf', '/cam1/camera_info', '/cam1/image_raw']

    image = decode_image(heard.of('/cam1/image_raw')[0])
    assert (image.stamp_ns, image.frame_id, image.encoding) == (
        exposure.stamp_ns,
        'cam1_optical_frame',
        'rgb8',
    )
    odom_from_base = world.odom_from_base(1.234, 2.0)
    rng = sensor_rng(world.seed, exposure, EPOCH_NS)
    assert np.array_equal(image.image, render(world.at(1.234), rig[1], odom_from_base, rng).image)

    info = decode_camera_info(heard.of('/cam1/camera_info')[0])
    assert (info.stamp_ns, info.frame_id) == (image.stamp_ns, image.frame_id)
    assert np.array_equal(info.model.k, rig[1].model.k)
    assert (info.model.width, info.model.height) == (160, 120)
    assert stamp_ns(read(heard.of('/clock')[0], 'rosgraph_msgs/msg/Clock').clock) == exposure.stamp_ns

    buffer = TransformBuffer()
    for transform in decode_tf(heard.of('/tf_static')[0]):
        buffer.set(transform, static=True)
    for transform in decode_tf(heard.of('/tf')[0]):
        buffer.set(transform, static=False)
    for camera in rig:
        found = buffer.lookup('odom', f'{camera.name}_optical_frame', exposure.stamp_ns)
        expected = odom_from_base @ camera.base_from_camera
        assert found.translation == pytest.approx(expected.translation)
        assert found.rotation == pytest.approx(expected.rotation, abs=1e-9)


def test_links_have_x_ahead_and_z_up(world):
    """REP-103: the body frame of cam0 looks along the base's x, but for its pitch."""
    graph = MemoryGraph()
    WorldPublisher(graph, world, surround_rig(4), EPOCH_NS)
    heard = Listener(graph, {'/tf_static': TOPICS['/tf_static']})
    links = {t.child: t.transform for t in decode_tf(heard.of('/tf_static')[0])}
    assert links['cam0_link'].rotation[:, 0] == pytest.approx(
        [np.cos(0.20944), 0, -np.sin(0.20944)], abs=1e-4
    )
    assert links['cam1_link'].rotation[:, 0][1] > 0.9  # to the left
    for name in ('cam0_link', 'cam1_link'):
        assert links[name].rotation[2, 2] > 0.9


def test_compressed_images_are_jpeg_of_the_same_picture(world):
    graph = MemoryGraph()
    rig = surround_rig(1, 320, 240)
    publisher = WorldPublisher(graph, world, rig, EPOCH_NS, jpeg_quality=95)
    heard = Listener(graph, {'/cam0/image_raw/compressed': ('sensor_msgs/msg/CompressedImage', SENSOR_DATA)})
    exposure = Exposure(EPOCH_NS + 500 * MS, 0, 4)
    publisher.hand_out(publisher.prepare(exposure))
    message = decode_compressed_image(heard.of('/cam0/image_raw/compressed')[0])
    assert (message.encoding, message.stamp_ns) == ('jpeg', exposure.stamp_ns)
    bgr = cv2.imdecode(message.image, cv2.IMREAD_COLOR)
    rng = sensor_rng(world.seed, exposure, EPOCH_NS)
    rgb = render(world.at(0.5), rig[0], world.odom_from_base(0.5), rng).image
    assert np.abs(bgr[..., ::-1].astype(int) - rgb).mean() < 4
    assert '/cam0/image_raw' not in {t.name for t in graph.topics()}


class Stage:
    """A clock that jumps to what is waited for, and a source whose frames take time to make."""

    def __init__(self, cost_ms=0.0):
        self.now = EPOCH_NS
        self._cost_ns = round(cost_ms * MS)
        self.made, self.sent = [], []
        self.most_ready = 0

    def now_ns(self):
        return self.now

    def wait_until(self, due_ns):
        self.now = max(self.now, due_ns)

    def prepare(self, exposure):
        self.made.append(exposure)
        self.most_ready = max(self.most_ready, len(self.made) - len(self.sent))
        self.now += self._cost_ns
        return PreparedFrame(exposure, ())

    def hand_out(self, frame):
        self.sent.append((frame.exposure, self.now))

    def run(self, exposures, should_stop=lambda: False, ahead=12):
        return publish_on_time(
            self, self.now_ns, self.wait_until, iter(exposures), should_stop, ahead=ahead, patience_ns=50 * MS
        )


def test_frames_leave_on_their_stamp_in_the_order_of_their_stamps():
    stage = Stage()
    exposures = list(schedule(6, 1, EPOCH_NS, Timing(), ticks=50))
    report = stage.run(exposures)
    assert stage.sent == [(e, e.stamp_ns) for e in exposures]
    assert (report.published, report.missed) == (300, 0)
    assert report.lateness.worst == 0


def test_frames_are_kept_no_farther_ahead_than_asked():
    stage = Stage()
    stage.run(schedule(3, 1, EPOCH_NS, Timing(), ticks=10), ahead=4)
    # Four are ready, one more is being handed out.
    assert 4 <= stage.most_ready <= 5


def test_an_exposure_long_overdue_is_given_up_and_counted():
    stage = Stage(cost_ms=25)  # 150 ms of work every 100 ms
    exposures = list(schedule(6, 1, EPOCH_NS, Timing(), ticks=40))
    frames = FramesAhead(stage.prepare, stage.now_ns, iter(exposures), ahead=240, patience_ns=50 * MS)
    while not frames.exhausted():
        frames.take(5.0)
    frames.close()
    assert len(stage.made) + frames.missed == 240
    assert frames.missed == pytest.approx(240 / 3, rel=0.15)
    assert frames.rendering().worst == 25


def test_frames_handed_out_late_are_reported():
    stage = Stage()
    stage.now = EPOCH_NS + 130 * MS  # the first burst is past, but within patience
    report = stage.run(schedule(6, 1, EPOCH_NS, Timing(), ticks=2))
    assert (report.published, report.missed) == (12, 0)
    assert 18 < report.lateness.worst < 42


def test_what_rendering_fails_with_reaches_the_caller():
    stage = Stage()
    stage.prepare = lambda exposure: [][exposure.tick]
    with pytest.raises(IndexError):
        stage.run(schedule(2, 1, EPOCH_NS, Timing(), ticks=3))


def test_stopping_is_heeded_at_once():
    stage = Stage()
    report = stage.run(schedule(2, 1, EPOCH_NS, Timing()), lambda: len(stage.sent) >= 7)
    assert report.published == 7


def test_the_whole_robot_end_to_end():
    """Every camera sends its ticks, but for the dead one; stamps are those of the schedule; frames decode."""
    now = [EPOCH_NS]

    def wait_until(due_ns):
        now[0] = max(now[0], due_ns)

    graph = MemoryGraph(clock_ns=lambda: now[0])
    timing = Timing(dead=(DeadWindow(2, 0.0, 0.25),))
    options = SimulationOptions(seed=8, cameras=3, width=64, height=48, timing=timing, duration_s=0.5)
    heard = Listener(graph, {f'/cam{i}/image_raw': (IMAGE, SENSOR_DATA) for i in range(3)})
    report = simulate(graph, options, EPOCH_NS, wait_until=wait_until)
    expected = list(schedule(3, 8, EPOCH_NS, timing, ticks=5))
    assert report.published == len(expected) == 13
    assert (report.missed, report.lateness.worst) == (0, 0)
    images = [(topic, decode_image(cdr)) for topic, cdr in heard.messages]
    assert [(f'/cam{e.camera}/image_raw', e.stamp_ns) for e in expected] == [
        (t, i.stamp_ns) for t, i in images
    ]
    # Another process, told seed and epoch only, knows what each picture shows.
    world, rig = options.world(), options.rig()
    t_s = (expected[-1].stamp_ns - EPOCH_NS) * 1e-9
    rng = sensor_rng(8, expected[-1], EPOCH_NS)
    again = render(world.at(t_s), rig[expected[-1].camera], world.odom_from_base(t_s), rng).image
    assert np.array_equal(again, images[-1][1].image)


@pytest.mark.parametrize(
    'wrong',
    [{'jpeg_quality': 101}, {'duration_s': -1.0}, {'timing': Timing(dead=(DeadWindow(6, 0, 1),))}],
)
def test_impossible_simulations_are_refused(wrong):
    with pytest.raises(WorldError, match='expected'):
        SimulationOptions(**wrong)
