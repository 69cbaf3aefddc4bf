"""The search finds unnamed cameras once all drivers are up, and lists their names."""

import pytest

from stream_infer_ros.config import parse_config
from stream_infer_ros.graph import TopicInfo
from stream_infer_ros.pipeline.inputs.camera_search import describe_found, wait_for_cameras
from stream_infer_ros.pipeline.inputs.camera_topics import IMAGE, camera_topics

CONFIG = parse_config({}, 'test')


class Drivers:
    """Cameras that appear at given times, on a clock that advances only while waiting."""

    def __init__(self, **up_s):
        self._up_s = up_s
        self.now_s = 0.0

    def topics(self):
        return [
            TopicInfo(f'/{name}/image_raw', IMAGE) for name, at_s in self._up_s.items() if at_s <= self.now_s
        ]

    def wait(self, seconds):
        self.now_s += seconds
        return False

    def found(self, patience_s=10.0):
        found = wait_for_cameras(self.topics, CONFIG, self.wait, patience_s, lambda: self.now_s)
        return [topic.name for topic in found]


def test_cameras_that_come_up_one_after_the_other_are_all_found():
    drivers = Drivers(front=0.0, left=1.5, right=3.0)
    assert drivers.found() == ['/front/image_raw', '/left/image_raw', '/right/image_raw']
    assert drivers.now_s == pytest.approx(5.0, abs=0.3)


def test_a_first_camera_is_waited_for_and_then_the_others():
    assert Drivers(front=9.5, left=11.0).found() == ['/front/image_raw', '/left/image_raw']


def test_where_none_comes_the_search_ends():
    drivers = Drivers()
    assert drivers.found(patience_s=3.0) == []
    assert drivers.now_s == pytest.approx(3.0, abs=0.3)


def test_cameras_that_never_settle_are_taken_as_they_are():
    drivers = Drivers(**{f'c{at_s}': float(at_s) for at_s in range(100)})
    assert len(drivers.found()) == pytest.approx(30, abs=2)


def test_it_ends_when_told_to_stop():
    drivers = Drivers(front=0.0)
    assert wait_for_cameras(drivers.topics, CONFIG, lambda _: True, 10.0, lambda: drivers.now_s)
    assert drivers.now_s == 0.0


def test_what_was_found_is_told_with_names_and_what_was_left_out():
    found = [TopicInfo(name, IMAGE) for name in ('/camera/camera/color/image_raw', '/a-b/image_raw')]
    told = '\n'.join(describe_found(CONFIG, camera_topics(CONFIG, found), found))
    assert 'camera camera_color: /camera/camera/color/image_raw' in told
    assert 'camera.<name>.image_topic' in told
    assert "left out '/a-b/image_raw'" in told
