"""Cameras of which only the topics are known get names that a person would choose."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.pipeline.inputs.camera_names import camera_names


@pytest.mark.parametrize(
    ('topic', 'name'),
    [
        ('/front/image_raw', 'front'),
        ('/image_raw', 'camera'),  # usb_cam
        ('/camera', 'camera'),  # Gazebo
        ('/camera/image_raw', 'camera'),
        ('/camera/camera/color/image_raw', 'camera_color'),  # RealSense
        ('/camera/infra1/image_rect_raw', 'camera_infra1'),
        ('/zed/zed_node/rgb/image_rect_color', 'zed_rgb'),
        ('/zed/zed_node/left/color/rect/image', 'zed_left_color'),
        ('/oak/rgb/image_raw', 'oak_rgb'),
        ('/robot1/front_camera/image', 'robot1_front_camera'),
        ('/sensing/camera/camera0/image_rect_color', 'camera0'),  # Autoware
        ('/CAM_FRONT/image_rect_compressed', 'CAM_FRONT'),
        ('/front/image_left', 'front_left'),
        ('/image_0', 'camera_0'),
        ('/_hidden/image_raw', 'hidden'),
    ],
)
def test_a_topic_gives_the_name_that_a_person_would_say(topic, name):
    assert camera_names([topic]) == [name]


def test_cameras_in_one_namespace_are_told_apart():
    assert camera_names(['/stereo/left', '/stereo/right']) == ['stereo_left', 'stereo_right']
    assert camera_names(['/cam/image_color', '/cam/image_mono']) == ['cam_color', 'cam_mono']
    assert camera_names(['/z/rect/image', '/z/raw/image']) == ['z_rect', 'z_raw']
    assert camera_names(['/camera/image', '/image_raw']) == ['camera', 'camera_raw']
    assert camera_names(['/a/b/image', '/a_b/image']) == ['a_b_image', 'a_b_image_2']


def test_other_cameras_change_no_name_that_is_not_taken():
    alone = camera_names(['/front/image_raw'])
    assert camera_names(['/front/image_raw', '/rear/image_raw', '/camera/color/image_raw'])[:1] == alone


words = st.text('abcAB_1', min_size=1, max_size=6).filter(lambda word: not word[0].isdigit())
topics = st.lists(
    st.one_of(words, st.sampled_from(['image_raw', 'image', 'camera', 'rect'])), min_size=1, max_size=4
)


@given(st.lists(topics.map(lambda parts: '/' + '/'.join(parts)), unique=True, max_size=6))
def test_names_are_different_and_valid_whatever_the_topics_are(found):
    names = camera_names(found)
    assert len(set(names)) == len(found)
    assert all(re.fullmatch('[A-Za-z][A-Za-z0-9_]*', name) for name in names)
