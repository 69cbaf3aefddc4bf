"""The lifecycle of the node stream_infer: it starts, stops, reports failures, and leaves nothing behind."""

import gc
import threading
from pathlib import Path

import numpy as np
import pytest
import rclpy
from node_harness import CAMERAS, Bench, Cameras, ros_arguments, until
from rosbags_messages import grid_cells

from stream_infer_ros.errors import EngineError
from stream_infer_ros.graph import LATCHED, RELIABLE, Qos
from stream_infer_ros.graph.ros import RosGraph
from stream_infer_ros.messages.detection2d_array import decode_detection2d_array
from stream_infer_ros.nodes import pipeline_node, stream_infer_node
from stream_infer_ros.nodes.stream_infer_node import StreamInferNode

DETECTIONS, GRID = 'vision_msgs/msg/Detection2DArray', 'nav_msgs/msg/OccupancyGrid'
OK, WARN, ERROR, STALE = range(4)
LIFECYCLE = 'stream_infer: lifecycle'


def bench(**parameters):
    settings = {'cameras': CAMERAS, 'engine__kind': 'fake', **parameters}
    return Bench(StreamInferNode, ros_arguments(**settings))


def test_it_starts_itself_and_gives_detections_and_a_map():
    with bench(engine__kind='auto') as ros, Cameras(ros.graph):
        boxes = ros.collect('/stream_infer/cam1/detections', DETECTIONS, RELIABLE)
        maps = ros.collect('/stream_infer/occupancy_grid', GRID, LATCHED)
        ros.until_state('active')
        until(lambda: len(boxes) > 5 and len(maps) > 5, 'detections and maps')
        assert decode_detection2d_array(boxes[-1]).frame_id == 'cam1_optical_frame'
        assert grid_cells(maps[-1]).shape == (400, 400)
        until(lambda: np.count_nonzero(grid_cells(maps[-1]) == 0) > 300, 'free ground')
        assert ros.statuses[LIFECYCLE] == (OK, 'active: cam0, cam1; surround.onnx on openvino')


def test_each_transition_does_what_it_says():
    with bench(autostart=False) as ros, Cameras(ros.graph):
        boxes = ros.collect('/stream_infer/cam0/detections', DETECTIONS, RELIABLE)
        assert ros.state() == 'unconfigured'
        assert ros.change('configure')
        assert ros.state() == 'inactive'
        assert boxes == []
        engine = ros.node._network.engines[0]
        for _ in range(2):
            assert ros.change('activate')
            until(lambda: boxes, 'detections')
            assert ros.change('deactivate')
            until(
                lambda: not any(t.name.startswith('/stream_infer/cam0') for t in ros.graph.topics()),
                'its topics leave the graph',
            )
            boxes.clear()
        assert ros.node._network.engines[0] is engine
        assert ros.change('cleanup')
        assert ros.node._network is None
        assert ros.state() == 'unconfigured'


@pytest.mark.parametrize(
    ('parameters', 'words'),
    [
        ({'model__file': '/nowhere.onnx', 'engine__kind': 'auto'}, '/nowhere.onnx'),
        ({'model__file': __file__, 'engine__kind': 'auto'}, Path(__file__).name),
        ({'bound_ms': -5.0}, 'bound_ms: input should be greater than 0, got -5.0'),
        ({'engine__kind': 'cuda'}, "engine.kind: input should be 'auto'"),
        ({'cameras': ['a', 'a']}, 'a came twice'),
        ({'camera__side__compressed': True}, 'options are given for side'),
    ],
)
def test_what_cannot_be_configured_is_refused_with_the_reason(parameters, words):
    with bench(autostart=False, **parameters) as ros:
        assert not ros.change('configure')
        assert ros.state() == 'unconfigured'
        until(lambda: ros.statuses.get(LIFECYCLE, (OK,))[0] == ERROR, 'an error on /diagnostics')
        assert words in ros.statuses[LIFECYCLE][1]
        assert 'cannot configure' in ros.statuses[LIFECYCLE][1]


def test_a_start_that_fails_leaves_the_node_waiting():
    with bench(model__file='/nowhere.onnx', engine__kind='auto') as ros:
        until(lambda: '/nowhere.onnx' in ros.statuses.get(LIFECYCLE, (0, ''))[1], 'the reason')
        level, message = ros.statuses[LIFECYCLE]
        assert level == ERROR
        assert 'The node stays unconfigured' in message
        assert 'ros2 lifecycle set /stream_infer configure' in message
        assert ros.state() == 'unconfigured'


def test_a_live_setting_that_was_wrong_can_be_set_right():
    with bench(autostart=False, bound_ms=-5.0) as ros:
        assert not ros.change('configure')
        assert ros.set('bound_ms', 50.0).successful
        assert ros.change('configure')


def test_a_pipeline_that_fails_becomes_inactive_and_can_be_activated_again():
    with bench() as ros, Cameras(ros.graph):
        ros.until_state('active')
        engine = ros.node._network.engines[0]
        works = engine.run

        def breaks(*_):
            raise EngineError('the device fell off the bus')

        engine.run = breaks
        until(lambda: 'fell off the bus' in ros.statuses.get(LIFECYCLE, (0, ''))[1], 'the reason')
        assert ros.statuses[LIFECYCLE][0] == ERROR
        assert ros.state() == 'inactive'
        engine.run = works
        assert ros.change('activate')
        boxes = ros.collect('/stream_infer/cam0/detections', DETECTIONS, RELIABLE)
        until(lambda: boxes, 'detections')


def test_a_graph_that_hears_nothing_any_more_is_left_and_the_reason_told():
    with bench() as ros, Cameras(ros.graph):
        ros.until_state('active')
        ros.node._graph._receiver.failure = RuntimeError('rcl failed')
        refused = ros.trigger('explain_sync')
        assert not refused.success
        until(lambda: 'rcl failed' in ros.statuses.get(LIFECYCLE, (0, ''))[1], 'the reason')
        assert ros.state() == 'inactive'


def test_what_nobody_foresaw_is_an_error_and_the_node_is_unconfigured_again():
    with bench(autostart=False) as ros:
        ros.node._find_cameras = lambda config: 1 / 0
        assert not ros.change('configure')
        assert ros.state() == 'unconfigured'
        until(lambda: 'ZeroDivisionError' in ros.statuses.get(LIFECYCLE, (0, ''))[1], 'the reason')


def test_a_camera_that_stops_is_named_and_the_others_go_on():
    with bench() as ros, Cameras(ros.graph) as cameras:
        boxes = ros.collect('/stream_infer/cam0/detections', DETECTIONS, RELIABLE)
        until(lambda: ros.statuses.get('stream_infer: camera cam1', (ERROR,))[0] == OK, 'cam1 streams')
        cameras.silent.add(1)
        until(lambda: ros.statuses['stream_infer: camera cam1'][0] == ERROR, 'cam1 is missed')
        assert 'silent for' in ros.statuses['stream_infer: camera cam1'][1]
        seen = len(boxes)
        until(lambda: len(boxes) > seen + 5, 'detections of cam0')
        explained = ros.trigger('explain_sync')
        assert explained.success
        assert 'without cam1' in explained.message
        cameras.silent.clear()
        until(lambda: ros.statuses['stream_infer: camera cam1'][0] == OK, 'cam1 is back')


def test_services_answer_and_say_when_they_cannot():
    with bench(autostart=False) as ros:
        for service in ('reset_map', 'explain_sync'):
            refused = ros.trigger(service)
            assert not refused.success
            assert 'not active' in refused.message
        assert ros.change('configure')
        assert ros.change('activate')
        assert ros.trigger('reset_map').success
        assert 'policy deadline' in ros.trigger('explain_sync').message


def test_shut_down_it_frees_all_and_stays_as_a_name():
    with bench() as ros:
        ros.until_state('active')
        assert ros.change('shutdown')
        assert ros.state() == 'finalized'
        assert ros.node._network is None
        assert list(ros.node.subscriptions) == []


def test_an_impossible_transition_is_refused_and_harms_nothing():
    with bench() as ros:
        ros.until_state('active')
        for transition in ('configure', 'activate', 'cleanup'):
            assert not ros.change(transition)
            assert ros.state() == 'active'
        assert ros.change('deactivate')
        assert not ros.change('deactivate')
        assert ros.change('shutdown_inactive')
        assert not ros.change('configure')
        assert ros.state() == 'finalized'


def test_shut_down_while_it_waits_for_cameras_it_waits_no_more(monkeypatch):
    monkeypatch.setattr(stream_infer_node, 'DISCOVERY_S', 0.2)
    monkeypatch.setattr(pipeline_node, 'START_AGAIN_S', 0.5)
    with bench(cameras=[]) as ros:
        sought = 'looking for image topics, as no cameras are named ...'
        until(lambda: any(words.startswith('waiting for cameras') for words in ros.heard), 'a first look')
        assert ros.change('shutdown_unconfigured')
        with Cameras(ros.graph):
            until(lambda: ros.heard.count('finalized') > 2, 'it is still there')
        assert ros.heard.count(sought) == 1


def test_while_it_waits_for_cameras_it_answers(monkeypatch):
    """A look that takes long is worth it only once there are some."""
    monkeypatch.setattr(stream_infer_node, 'DISCOVERY_S', 0.2)
    monkeypatch.setattr(pipeline_node, 'START_AGAIN_S', 0.1)
    with bench(cameras=[]) as ros:
        sought = 'looking for image topics, as no cameras are named ...'
        until(lambda: any(words.startswith('waiting for cameras') for words in ros.heard), 'a first look')
        monkeypatch.setattr(stream_infer_node, 'DISCOVERY_S', 1000.0)
        told = len(ros.heard)
        until(lambda: len(ros.heard) > told + 2, 'some tries later')
        assert ros.state() == 'unconfigured'
        assert ros.heard.count(sought) == 1
        with Cameras(ros.graph):
            ros.until_state('active')


def test_without_a_map_there_is_none_to_reset():
    with bench(map__enabled=False) as ros:
        ros.until_state('active')
        refused = ros.trigger('reset_map')
        assert (refused.success, refused.message) == (False, 'map.enabled is false: there is no map')


def test_a_peer_that_cannot_hear_is_told_of():
    with bench() as ros:
        ros.until_state('active')
        ros.collect('/stream_infer/cam0/detections', DETECTIONS, Qos('reliable', 'transient_local', 1))
        name = 'stream_infer: qos /stream_infer/cam0/detections'
        level, message = until(lambda: ros.statuses.get(name), 'the problem on /diagnostics')
        assert level == ERROR
        assert message.startswith('incompatible durability: ')


def test_cameras_that_come_and_go_leave_no_thread_and_flat_memory():
    with bench() as ros:
        boxes = ros.collect('/stream_infer/cam1/detections', DETECTIONS, RELIABLE)
        ros.until_state('active')
        threads, memory_mb = set(threading.enumerate()), []
        for restart in range(10):
            boxes.clear()
            driver = rclpy.create_node('driver', use_global_arguments=False)
            graph = RosGraph(driver)
            with Cameras(graph):
                until(lambda: len(boxes) > 2, f'detections after restart {restart}')
            graph.close()
            driver.destroy_node()
            if restart in (3, 9):
                gc.collect()
                memory_mb.append(resident_mb())
        assert not set(threading.enumerate()) - threads
        assert memory_mb[1] - memory_mb[0] < 10.0, memory_mb
        assert 'malformed' not in ros.node._assembly.health.losses.drops()


def test_fifty_cycles_leave_no_thread_and_flat_memory():
    with bench(autostart=False) as ros:
        threads, memory_mb = set(threading.enumerate()), []
        for cycle in range(50):
            for transition in ('configure', 'activate', 'deactivate', 'cleanup'):
                assert getattr(ros.node, f'trigger_{transition}')().name == 'SUCCESS'
            if cycle in (19, 49):
                gc.collect()
                memory_mb.append(resident_mb())
        assert not set(threading.enumerate()) - threads
        assert len(list(ros.node.subscriptions)) == 0
        assert memory_mb[1] - memory_mb[0] < 10.0, memory_mb


def resident_mb():
    return int(Path('/proc/self/statm').read_text().split()[1]) * 4096 / 1e6
