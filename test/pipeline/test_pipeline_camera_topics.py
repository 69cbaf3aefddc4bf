"""Which topics are a camera's: configured, or found on the graph."""

import pytest

from stream_infer_ros.config import parse_config
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph import TopicInfo
from stream_infer_ros.pipeline.inputs.camera_topics import COMPRESSED_IMAGE, IMAGE, camera_topics, left_out


def config(**settings):
    return parse_config(settings, 'test')


def test_a_name_stands_for_its_image_and_the_sibling_info():
    (camera,) = camera_topics(config(cameras=['front']), ())
    assert (camera.camera, camera.image, camera.camera_info) == (
        'front',
        '/front/image_raw',
        '/front/camera_info',
    )


def test_relative_names_live_in_the_namespace_and_absolute_ones_do_not():
    settings = config(cameras=['front', '/other/rear'], graph={'namespace': '/robot'})
    front, rear = camera_topics(settings, ())
    assert front.image == '/robot/front/image_raw'
    assert (rear.camera, rear.image) == ('other_rear', '/other/rear/image_raw')


def test_a_moved_image_takes_its_info_along():
    settings = config(
        cameras=['front'], camera={'front': {'image_topic': '/rig/a/image', 'compressed': True}}
    )
    (camera,) = camera_topics(settings, ())
    assert (camera.image, camera.camera_info) == ('/rig/a/image/compressed', '/rig/a/camera_info')
    assert camera.image_type == COMPRESSED_IMAGE


def test_found_cameras_leave_out_depth_our_own_overlays_and_doubled_transports():
    found = [
        TopicInfo('/a/image_raw', IMAGE),
        TopicInfo('/a/image_raw/compressed', COMPRESSED_IMAGE),
        TopicInfo('/b/image_raw/compressed', COMPRESSED_IMAGE),
        TopicInfo('/b/depth/image_raw', IMAGE),
        TopicInfo('/stream_infer/a/overlay', IMAGE),
        TopicInfo('/scan', 'sensor_msgs/msg/LaserScan'),
    ]
    cameras = camera_topics(config(), found)
    assert [(c.camera, c.image) for c in cameras] == [
        ('a', '/a/image_raw'),
        ('b', '/b/image_raw/compressed'),
    ]
    assert [c.camera_info for c in cameras] == ['/a/camera_info', '/b/camera_info']


def test_what_another_node_of_ours_draws_is_no_camera():
    found = [
        TopicInfo('/a/image_raw', IMAGE),
        TopicInfo('/overlay_cam/overlay', IMAGE),
        TopicInfo('/other/a/detections', 'vision_msgs/msg/Detection2DArray'),
        TopicInfo('/other/a/overlay', IMAGE),
    ]
    assert [c.image for c in camera_topics(config(), found)] == ['/a/image_raw', '/overlay_cam/overlay']


def test_a_robot_in_a_namespace_finds_its_own_cameras_and_not_those_of_another():
    names = ('/robot1/front/image_raw', '/robot1/image_raw', '/robot10/front/image_raw', '/front/image_raw')
    found = [TopicInfo(name, IMAGE) for name in names]
    cameras = camera_topics(config(graph={'namespace': '/robot1'}), found)
    assert [(c.camera, c.image, c.camera_info) for c in cameras] == [
        ('front', '/robot1/front/image_raw', '/robot1/front/camera_info'),
        ('camera', '/robot1/image_raw', '/robot1/camera_info'),
    ]


def test_what_drivers_and_image_proc_publish_beside_an_image_is_no_camera():
    found = [
        TopicInfo('/front/image_raw', IMAGE),
        TopicInfo('/front/image_raw/compressed', COMPRESSED_IMAGE),
        TopicInfo('/front/image_raw/compressedDepth', COMPRESSED_IMAGE),
        TopicInfo('/front/image_raw/zstd', COMPRESSED_IMAGE),
        TopicInfo('/front/image_rect', IMAGE),
        TopicInfo('/aligned_depth_to_color/image_raw/compressed', COMPRESSED_IMAGE),
        TopicInfo('/stereo/left', IMAGE),
        TopicInfo('/stereo/right', IMAGE),
    ]
    cameras = camera_topics(config(), found)
    assert [(c.camera, c.image) for c in cameras] == [
        ('front', '/front/image_raw'),
        ('stereo_left', '/stereo/left'),
        ('stereo_right', '/stereo/right'),
    ]


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        ({}, 'at least one camera'),
        ({'cameras': ['a', '/a']}, 'a came twice'),
        (
            {'cameras': ['a', 'b'], 'camera': {'b': {'image_topic': '/a/image_raw'}}},
            '/a/image_raw is that of a and b',
        ),
        ({'cameras': ['a'], 'camera': {'b': {}}}, 'given for b'),
        ({'camera': {'b': {}}}, 'given for b'),
    ],
)
def test_what_cannot_be_is_refused_in_words(settings, words):
    with pytest.raises(ConfigError, match=words):
        camera_topics(config(**settings), [TopicInfo('/scan', 'sensor_msgs/msg/LaserScan')])


def test_an_image_topic_that_ros_does_not_allow_is_left_out_and_the_others_are_used():
    found = [TopicInfo(name, IMAGE) for name in ('/a-b/image_raw', '/front/image_raw', '/1st/image_raw')]
    assert [c.image for c in camera_topics(config(), found)] == ['/front/image_raw']
    assert left_out(config(), found) == ['/1st/image_raw', '/a-b/image_raw']
