"""Transforms that are late, wrong, or of another time."""

import numpy as np
import pytest
from test_pipeline_end_to_end import Driven, config
from yard import EPOCH_NS, SMALL, Yard

from stream_infer_ros.cameras import RigidTransform, StampedTransform
from stream_infer_ros.graph import RELIABLE, TF, MemoryGraph
from stream_infer_ros.messages.camera_info import encode_camera_info
from stream_infer_ros.messages.image import encode_image
from stream_infer_ros.messages.tf import encode_tf
from stream_infer_ros.pipeline.assembly import assemble
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.runtime.replay import replay

MS = 1_000_000
LEVEL = RigidTransform.identity()
ODOMETRY, MAP = ('odom', 'base_link'), ('map', 'odom')
MOUNT, LIDAR = ('base_link', 'cam0_link'), ('base_link', 'lidar')


def pose(pair: tuple[str, str]) -> RigidTransform:
    return SMALL.rig()[0].base_from_link if pair == MOUNT else LEVEL


class Robot:
    """A robot with one camera. Tests send its images and transforms; times are in ms after EPOCH_NS.

    The mount of the camera is static until a test sends a transform of it.
    """

    def __init__(self) -> None:
        self.yard = Yard()
        self.made = Driven(self.yard, config(cameras=['cam0']))
        cameras = self.yard.cameras
        self._tf = cameras.advertise('/tf', 'tf2_msgs/msg/TFMessage', TF)
        self._images = cameras.advertise('/cam0/image_raw', 'sensor_msgs/msg/Image', RELIABLE)
        self._calibrations = cameras.advertise('/cam0/camera_info', 'sensor_msgs/msg/CameraInfo', RELIABLE)
        self.calibration()

    def calibration(self) -> None:
        model = SMALL.rig()[0].model
        self._calibrations.publish(encode_camera_info(EPOCH_NS, 'cam0_optical_frame', model))

    def transforms(self, stamp_ms: int, *pairs: tuple[str, str]) -> None:
        """Send one message with a transform for each pair of parent and child."""
        self.send([StampedTransform(EPOCH_NS + stamp_ms * MS, *pair, pose(pair)) for pair in pairs])

    def send(self, transforms) -> None:
        self._tf.publish(encode_tf(transforms))

    def clock_ms(self, now_ms: int) -> None:
        self.yard.clock.now_ns = EPOCH_NS + now_ms * MS

    def image(self, stamp_ms: int, clock_ms: int | None = None) -> None:
        """Set the clock, to this stamp if to nothing else, and send an image."""
        self.clock_ms(stamp_ms if clock_ms is None else clock_ms)
        picture = np.zeros((SMALL.height, SMALL.width, 3), np.uint8)
        stamp_ns = EPOCH_NS + stamp_ms * MS
        self._images.publish(encode_image(stamp_ns, 'cam0_optical_frame', picture, 'rgb8'))

    def viewed_ms(self) -> list[int]:
        """Return the stamps of all images that became views."""
        views = [view for result in self.made.results for view in result.views]
        return [(view.stamp_ns - EPOCH_NS) // MS for view in views]

    def not_mapped(self) -> int:
        return self.made.assembly.statistics.views_missed().get('no_transform', {}).get('cam0', 0)

    def malformed(self) -> int:
        return self.made.assembly.statistics.drops().get('malformed', {}).get('/tf', 0)

    def problem(self) -> str:
        return self.made.assembly.health.diagnostics.statuses(self.yard.clock.now_ns)[0].message


@pytest.fixture
def robot():
    robot = Robot()
    yield robot
    assert not robot.yard.graph.callback_failures()
    robot.made.network.close()


def test_a_late_mount_without_odometry_is_no_end_of_the_run(robot):
    robot.transforms(0, MOUNT)
    robot.image(100)
    assert robot.not_mapped() == 0
    robot.transforms(200, MOUNT)
    robot.image(200)
    assert robot.not_mapped() == 2


def test_an_image_waits_for_the_transform_of_a_moving_mount(robot):
    robot.transforms(0, ODOMETRY, MOUNT)
    robot.transforms(200, ODOMETRY)
    robot.image(100)
    assert robot.viewed_ms() == []
    robot.transforms(200, MOUNT)
    robot.image(200)
    assert robot.viewed_ms() == [100, 200]
    assert robot.not_mapped() == 0


def test_an_image_from_before_the_first_transform_does_not_wait(robot):
    robot.transforms(200, ODOMETRY)
    robot.image(100)
    assert robot.not_mapped() == 1


def test_images_that_wait_are_given_up_if_the_clock_goes_back(robot):
    robot.clock_ms(59_900)
    robot.transforms(59_900, ODOMETRY)
    robot.image(60_000)
    robot.clock_ms(0)
    robot.transforms(0, ODOMETRY)
    robot.image(0)
    assert robot.not_mapped() == 1
    robot.clock_ms(60_000)
    robot.transforms(60_000, ODOMETRY)
    robot.image(60_000)
    assert robot.viewed_ms() == [0, 60_000]


def test_a_new_map_begins_without_the_images_that_waited(robot):
    robot.transforms(0, ODOMETRY)
    robot.image(100)
    assert robot.made.assembly.reset_map()
    robot.transforms(200, ODOMETRY)
    robot.image(200)
    assert robot.viewed_ms() == [200]
    assert robot.not_mapped() == 1


class Recording(MemoryGraph):
    """A recording in which odometry ends before the last image."""

    def __init__(self, robot: Robot) -> None:
        super().__init__(robot.yard.graph.bus, robot.yard.clock)
        self._robot = robot

    def steps(self, realtime=False):
        self._robot.calibration()
        yield
        for stamp_ms in (0, 100):
            self._robot.transforms(stamp_ms, ODOMETRY)
            yield
            self._robot.image(stamp_ms)
            yield
        self._robot.image(200)
        yield


def test_images_that_still_wait_at_the_end_of_a_recording_are_counted(robot):
    recording, settings = Recording(robot), config(cameras=['cam0'])
    with Network(settings) as network:
        assembly = assemble(settings, camera_topics(settings, ()), recording, network)
        results = list(replay(recording, assembly))
    assert [len(result.views) for result in results] == [1, 1, 0]
    assert assembly.statistics.views_missed() == {'no_transform': {'cam0': 1}}


@pytest.mark.parametrize(
    'bad', [(('base_link', 'base_link'), LEVEL), (LIDAR, RigidTransform(LEVEL.rotation, np.full(3, np.nan)))]
)
def test_a_bad_transform_does_not_cost_the_others_of_its_message(robot, bad):
    pair, pose = bad
    stamp_ns = EPOCH_NS + 100 * MS
    others = [StampedTransform(stamp_ns, *other, LEVEL) for other in (ODOMETRY, MAP)]
    bad_ones = [StampedTransform(stamp_ns, *pair, pose)] * 2
    robot.send([*bad_ones, *others])
    robot.image(100)
    assert robot.viewed_ms() == [100]
    assert robot.malformed() == 1
    assert f"'{pair[1]}'" in robot.problem()


def test_one_publisher_with_a_wrong_clock_does_not_cost_the_transforms_of_others(robot):
    robot.clock_ms(60_000)
    robot.transforms(60_000, ODOMETRY, MAP, LIDAR)
    for _ in range(3):
        robot.transforms(0, LIDAR)
    robot.image(60_000)
    assert robot.viewed_ms() == [60_000]
    assert "'base_link' -> 'lidar'" in robot.problem()
    assert robot.malformed() == 0


@pytest.mark.parametrize('clock_ms', [0, 60_000], ids=['simulated', 'wall'])
def test_time_that_goes_back_is_seen_whatever_the_clock(robot, clock_ms):
    """The clock of a simulation goes back too; beside a bag that is played in a loop, the clock goes on."""
    robot.clock_ms(60_000)
    robot.transforms(60_000, ODOMETRY, MAP, LIDAR)
    robot.clock_ms(clock_ms)
    for stamp_ms in (0, 100):
        robot.transforms(stamp_ms, LIDAR, MAP, ODOMETRY)
    robot.image(100, clock_ms + 100)
    viewed = [view.header_stamp_ns for result in robot.made.results for view in result.views]
    assert viewed == [EPOCH_NS + 100 * MS]
    assert 'transforms' not in robot.problem()


def test_a_frame_that_is_no_longer_sent_does_not_hide_that_time_went_back(robot):
    robot.transforms(50_000, MAP, LIDAR)
    robot.clock_ms(60_000)
    robot.transforms(60_000, ODOMETRY)
    robot.transforms(0, ODOMETRY)
    robot.image(0)
    assert robot.viewed_ms() == [0]
