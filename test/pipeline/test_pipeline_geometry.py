"""Geometry that contradicts itself or gives nothing is served where it is clear, and told otherwise."""

import contextlib

import numpy as np
import pytest
from test_pipeline_end_to_end import Driven
from yard import EPOCH_NS, Yard

from stream_infer_ros.cameras import CameraModel, RigidTransform, StampedTransform
from stream_infer_ros.config import parse_config
from stream_infer_ros.graph import RELIABLE, TF_STATIC
from stream_infer_ros.messages.camera_info import encode_camera_info
from stream_infer_ros.messages.image import encode_image
from stream_infer_ros.messages.tf import encode_tf
from stream_infer_ros.simulation.rig import LINK_FROM_OPTICAL

MS = 1_000_000
MODEL = CameraModel.pinhole(160, 120, 100.0)
LINK = RigidTransform.from_xyz_rpy((0.2, 0.0, 0.9), (0.0, 0.2, 0.0))


class Robot:
    """A standing robot whose cameras send grey images."""

    def __init__(self, cameras=('front',), transforms=(), image='image_raw', odom_z_m=0.0, **settings):
        self.yard = Yard()
        self.cameras = cameras
        settings = {'cameras': list(cameras), 'engine': {'kind': 'fake'}, **settings}
        options = {
            name: {'image_topic': f'/{name}/{image}', **settings.get('camera', {})} for name in cameras
        }
        self.driven = Driven(self.yard, parse_config({**settings, 'camera': options}, 'test'))
        graph = self.yard.cameras
        kinds = {image: 'sensor_msgs/msg/Image', 'camera_info': 'sensor_msgs/msg/CameraInfo'}
        self._topics = {
            (name, topic): graph.advertise(f'/{name}/{topic}', kind, RELIABLE)
            for name in cameras
            for topic, kind in kinds.items()
        }
        self._image = image
        static = graph.advertise('/tf_static', 'tf2_msgs/msg/TFMessage', TF_STATIC)
        standing = RigidTransform.from_xyz_rpy((0.0, 0.0, odom_z_m), (0.0, 0.0, 0.0))
        whole = [('odom', 'base_link', standing), *transforms]
        static.publish(encode_tf([StampedTransform(EPOCH_NS, *transform) for transform in whole]))
        self._now_ns = EPOCH_NS

    def send(self, frame_id, model=MODEL, size=(160, 120), times=3, info_frame_id=None):
        """Send images of all cameras, each with its CameraInfo; `model` may also be a whole message."""
        for _ in range(times):
            self._now_ns += 100 * MS
            self.yard.clock.now_ns = self._now_ns
            picture = np.full((size[1], size[0], 3), 90, np.uint8)
            for name in self.cameras:
                frame = frame_id.replace('NAME', name)
                info = model
                if isinstance(model, CameraModel):
                    info = encode_camera_info(self._now_ns, info_frame_id or frame, model)
                self._topics[name, 'camera_info'].publish(info)
                self._topics[name, self._image].publish(encode_image(self._now_ns, frame, picture, 'rgb8'))

    def words(self, part='camera front'):
        """Return the message of a part of /diagnostics."""
        statuses = self.driven.assembly.health.diagnostics.statuses(self._now_ns)
        return next(s.message for s in statuses if s.name.endswith(f': {part}'))

    def views(self):
        return [view for result in self.driven.results for view in result.views]

    def not_mapped(self):
        return self.driven.assembly.statistics.views_missed()


@pytest.fixture
def robot():
    with contextlib.ExitStack() as stack:

        def make(*args, **settings):
            made = Robot(*args, **settings)
            stack.callback(made.driven.network.close)
            return made

        yield make


FRONT = [('base_link', 'front_link', LINK), ('front_link', 'front_optical_frame', LINK_FROM_OPTICAL)]


def test_a_camera_with_an_optical_frame_has_nothing_to_tell(robot):
    front = robot(transforms=FRONT)
    front.send('front_optical_frame')
    assert front.words() == 'streaming'
    assert len(front.views()) >= 2


def test_a_body_frame_is_told_with_the_name_of_the_optical_frame(robot):
    front = robot(transforms=FRONT)
    front.send('front_link')
    assert "sees no ground from frame 'front_link'" in front.words()
    assert "'front_optical_frame' is one" in front.words()
    assert front.not_mapped()['no_ground']['front'] >= 2
    assert [str(p.kind.value) for p in front.driven.assembly.health.view_watch.problems()] == ['no_ground']
    front.send('front_optical_frame')
    assert front.words() == 'streaming'


def test_the_frame_of_the_robot_as_frame_id(robot):
    front = robot(transforms=FRONT)
    front.send('base_link')
    assert "frame 'base_link' is 0.00 m above the ground" in front.words()
    assert 'set frame_id of image and CameraInfo to the optical frame' in front.words()


def test_a_leading_slash_and_a_frame_two_levels_above(robot):
    levels = [
        ('base_link', 'camera_link', LINK),
        ('camera_link', 'camera_color_frame', RigidTransform.identity()),
        ('camera_color_frame', 'camera_color_optical_frame', LINK_FROM_OPTICAL),
    ]
    front = robot(transforms=levels)
    front.send('/camera_link')
    assert "'camera_color_optical_frame' is one" in front.words()


def test_cameras_with_one_frame_are_told_on_each_of_them(robot):
    both = robot(('front', 'left'), FRONT)
    both.send('front_optical_frame')
    for name in both.cameras:
        assert "frame_id 'front_optical_frame'" in both.words(f'camera {name}')
    left = [('base_link', 'left_optical_frame', LINK @ LINK_FROM_OPTICAL)]
    both = robot(('front', 'left'), FRONT + left)
    both.send('NAME_optical_frame')
    assert 'look the same way' in both.words()


def test_a_footprint_below_the_base_is_told_as_the_ground(robot):
    down = RigidTransform.from_xyz_rpy((0.0, 0.0, -0.26), (0.0, 0.0, 0.0))
    front = robot(transforms=[*FRONT, ('base_link', 'base_footprint', down)])
    front.send('front_optical_frame')
    assert "'base_footprint' lies at -0.26 m" in front.words('pipeline')
    front = robot(transforms=[*FRONT, ('base_link', 'base_footprint', down)], map={'ground_z_m': -0.26})
    front.send('front_optical_frame')
    assert 'ground' not in front.words('pipeline')
    assert front.views()[0].base_from_camera.translation[2] == pytest.approx(1.16)


def test_a_base_above_the_odometry_plane_is_told(robot):
    front = robot(transforms=FRONT, odom_z_m=0.26)
    front.send('front_optical_frame')
    assert 'set map.ground_z_m to -0.26' in front.words('pipeline')


def raw_info_beside_rectified_images() -> CameraModel:
    """K and D of the raw images, and P of the rectified ones, which are those of MODEL."""
    k = MODEL.k * np.array([[1.18], [1.18], [1.0]]) + np.array([[0, 0, 6], [0, 0, -5], [0, 0, 0]])
    return CameraModel(160, 120, 'plumb_bob', [-0.32, 0.11, 0.0, 0.0, -0.015], k, np.eye(3), MODEL.p)


def ground_of(robot):
    model = robot.views()[-1].model
    return model.pixels_to_rays([[20.0, 100.0], [150.0, 70.0]])


@pytest.mark.parametrize('image', ['image_rect', 'image_rect_color', 'left_rect'])
def test_rectified_images_beside_the_camera_info_of_raw_ones(robot, image):
    front = robot(transforms=FRONT, image=image)
    front.send('front_optical_frame', raw_info_beside_rectified_images())
    np.testing.assert_allclose(ground_of(front), MODEL.pixels_to_rays([[20.0, 100.0], [150.0, 70.0]]))
    assert front.words() == 'streaming'


@pytest.mark.parametrize(('image', 'geometry'), [('image_rect', 'raw'), ('image_raw', 'auto')])
def test_raw_images_under_any_name(robot, image, geometry):
    info = raw_info_beside_rectified_images()
    front = robot(transforms=FRONT, image=image, camera={'geometry': geometry})
    front.send('front_optical_frame', info)
    np.testing.assert_allclose(ground_of(front), info.pixels_to_rays([[20.0, 100.0], [150.0, 70.0]]))


def test_rectified_images_without_p_are_served_with_a_word(robot):
    raw = raw_info_beside_rectified_images()
    front = robot(transforms=FRONT, image='image_rect')
    front.send(
        'front_optical_frame', CameraModel(160, 120, raw.distortion_model, raw.d, raw.k, raw.r, 0 * raw.p)
    )
    assert 'CameraInfo.p is all zeros' in front.words()
    assert len(front.views()) >= 2


def test_images_of_half_the_size_are_served_with_a_word(robot):
    front = robot(transforms=FRONT)
    front.send('front_optical_frame', CameraModel.pinhole(320, 240, 200.0))
    assert 'taken as resized by 0.5' in front.words()
    np.testing.assert_allclose(ground_of(front), MODEL.pixels_to_rays([[20.0, 100.0], [150.0, 70.0]]))
    models = {id(view.model) for view in front.views()}
    assert len(models) == 1


def test_images_of_another_shape_are_refused_in_words(robot):
    front = robot(transforms=FRONT)
    front.send('front_optical_frame', CameraModel.pinhole(320, 180, 200.0))
    assert 'images are 160 x 120, but CameraInfo describes 320 x 180' in front.words()
    assert front.not_mapped()['no_camera_info']['front'] >= 2


def test_no_frame_id_at_all_is_told(robot):
    front = robot(transforms=FRONT)
    front.send('', model=encode_camera_info(EPOCH_NS, '', MODEL))
    assert 'frame_id is empty in the images and in CameraInfo' in front.words()
    assert front.not_mapped()['no_transform']['front'] >= 2


def test_an_image_without_frame_id_has_that_of_its_camera_info(robot):
    front = robot(transforms=FRONT)
    front.send('', info_frame_id='front_optical_frame')
    assert front.words() == 'streaming'
    assert len(front.views()) >= 2
