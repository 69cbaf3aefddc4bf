"""Names of topics that say that images are rectified, and the CameraInfo that belongs to them."""

import pytest

from stream_infer_ros.config import parse_config
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph import TopicInfo
from stream_infer_ros.pipeline.inputs.camera_names import camera_of_topic
from stream_infer_ros.pipeline.inputs.camera_topics import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE, camera_topics
from stream_infer_ros.pipeline.inputs.rectified_topics import is_rectified


@pytest.mark.parametrize(
    'topic',
    [
        '/image_rect',
        '/front/image_rect',
        '/front/image_rect_color',
        '/front/image_rect_color/compressed',
        '/front/image_rect/compressed',
        '/front/left_rect',
        '/front/left_image_rect',
        '/front/image_rectified',
        '/front/left_rect/image',
        '/front/rect/image',
        '/front/rect/image_raw',
        '/front/image_rect/image_raw',
        '/front/image_undistorted',
        '/zed/zed_node/rgb/image_rect_color',
        '/zed/zed_node/left/color/rect/image',
        '/camera/infra1/image_rect_raw',
        '/CAM_FRONT/image_rect_compressed',
        '/Front/Image_Rect',
    ],
)
def test_rectified(topic):
    assert is_rectified(topic)


@pytest.mark.parametrize(
    'topic',
    [
        '/image_raw',
        '/front/image_raw/compressed',
        '/front/image',
        '/rect_camera/image_raw',
        '/front_rect/image_raw',
        '/rectangle/image',
        '/correct/image_corrected',
        '/zed/zed_node/rgb/raw/image',
        '',
    ],
)
def test_not_rectified(topic):
    assert not is_rectified(topic)


def found(image, *infos):
    kind = COMPRESSED_IMAGE if image.endswith('compressed') else IMAGE
    return [TopicInfo(image, kind), *(TopicInfo(info, CAMERA_INFO) for info in infos)]


@pytest.mark.parametrize(
    ('image', 'infos', 'expected'),
    [
        ('/left/image_rect', ('/left/camera_info', '/left/camera_info_rect'), '/left/camera_info_rect'),
        ('/left/image_rect', ('/left/camera_info',), '/left/camera_info'),
        ('/left/image_rect/compressed', ('/left/camera_info',), '/left/camera_info'),
        ('/left/image_raw', ('/left/camera_info', '/left/camera_info_rect'), '/left/camera_info'),
        ('/left/rect/image', ('/left/camera_info',), '/left/camera_info'),
        ('/left/rect/image', ('/left/camera_info', '/left/rect/camera_info'), '/left/rect/camera_info'),
        ('/left/image', ('/camera_info',), '/left/camera_info'),
        ('/left/image_rect', (), '/left/camera_info'),
    ],
)
def test_the_camera_info_of_an_image(image, infos, expected):
    (camera,) = camera_topics(parse_config({}, 'test'), found(image, *infos))
    assert camera.camera_info == expected
    settings = {'cameras': ['left'], 'camera': {'left': {'image_topic': image}}}
    (camera,) = camera_topics(parse_config(settings, 'test'), found(image, *infos))
    assert camera.camera_info == expected


@pytest.mark.parametrize(
    ('image', 'geometry', 'rectified'),
    [
        ('/left/image_rect', 'auto', True),
        ('/left/image_rect', 'raw', False),
        ('/left/image_raw', 'auto', False),
        ('/left/image_raw', 'rectified', True),
    ],
)
def test_the_setting_overrules_the_name(image, geometry, rectified):
    settings = {'cameras': ['left'], 'camera': {'left': {'image_topic': image, 'geometry': geometry}}}
    (camera,) = camera_topics(parse_config(settings, 'test'), ())
    assert camera.rectified is rectified


def test_another_geometry_is_refused():
    with pytest.raises(ConfigError, match='geometry'):
        parse_config({'camera': {'left': {'geometry': 'fisheye'}}}, 'test')


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('/front/image_raw', '/front/image_rect_color/compressed'),
        ('/cameras/left_image', '/cameras/left_rect'),
        ('/zed/left/raw/image', '/zed/left/rect/image'),
    ],
)
def test_topics_of_one_camera(one, other):
    assert camera_of_topic(one) == camera_of_topic(other)
    assert camera_of_topic(one) != camera_of_topic(other.replace('f', 'b').replace('left', 'right'))
