"""Parameters of the nodes: declared from the tree, described, refused with a reason, live ones changed."""

import pytest
from node_harness import CAMERAS, Bench, Cameras, ros_arguments, until
from rcl_interfaces.msg import ParameterType
from rosbags_messages import read

from stream_infer_ros.config import FusionConfig, WorldConfig
from stream_infer_ros.config.reference import commented_yaml, settings
from stream_infer_ros.graph import LATCHED, RELIABLE
from stream_infer_ros.nodes.camera_world_node import CameraWorldNode
from stream_infer_ros.nodes.occupancy_fusion_node import OccupancyFusionNode
from stream_infer_ros.nodes.stream_infer_node import StreamInferNode

DETECTIONS = 'vision_msgs/msg/Detection2DArray'
LABEL_INFO = 'vision_msgs/msg/LabelInfo'


def bench(*options, **parameters):
    settings_ = {'cameras': CAMERAS, 'engine__kind': 'fake', 'autostart': False, **parameters}
    return Bench(StreamInferNode, [*ros_arguments(**settings_), *options])


def test_every_setting_is_declared_and_described():
    with bench() as ros:
        declared = ros.list()
        expected = [s for s in settings() if not s.name.startswith('graph.')]
        for setting in expected:
            for name in [setting.name.replace('<name>', camera) for camera in CAMERAS]:
                assert name in declared
        one_each = {s.name.replace('<name>', 'cam0'): s for s in expected}
        for (name, setting), told in zip(one_each.items(), ros.describe(*one_each), strict=True):
            assert told.description == setting.description
            assert told.additional_constraints == setting.limits
            assert told.read_only is not setting.live, name
        size, slop, queue = ros.describe('map.size_m', 'sync.slop_ms', 'sync.queue_size')
        assert (size.floating_point_range[0].from_value, size.floating_point_range[0].to_value) == (
            1.0,
            400.0,
        )
        assert slop.floating_point_range[0].from_value == 0.0
        assert (queue.integer_range[0].from_value, queue.integer_range[0].to_value) == (1, 1000)


@pytest.mark.parametrize(
    ('make', 'tree', 'parameters'),
    [
        (OccupancyFusionNode, FusionConfig, {'cameras': ['a']}),
        (CameraWorldNode, WorldConfig, {'seconds': 60.0}),
    ],
)
def test_the_other_nodes_declare_their_trees(make, tree, parameters):
    with Bench(make, ros_arguments(**parameters)) as ros:
        expected = {s.name.replace('<name>', 'a') for s in settings(tree)}
        assert expected <= ros.list()


def test_numbers_may_be_written_without_a_point_and_lists_may_be_empty():
    with bench(cameras=[], bound_ms=80, map__size_m=20) as ros:
        assert ros.get('bound_ms').double_value == 80.0
        assert ros.get('map.size_m').double_value == 20.0
        cameras = ros.get('cameras')
        assert cameras.type == ParameterType.PARAMETER_STRING_ARRAY
        assert list(cameras.string_array_value) == []


def test_the_printed_tree_is_a_parameter_file(tmp_path):
    file = tmp_path / 'all.yaml'
    file.write_text(
        commented_yaml()
        .replace('bound_ms: 100.0', 'bound_ms: 77')
        .replace('autostart: true', 'autostart: false')
    )
    with Bench(StreamInferNode, ['test', '--ros-args', '--params-file', str(file)]) as ros:
        assert ros.node.parameters.problem == ''
        assert ros.get('bound_ms').double_value == 77.0
        assert ros.node.parameters.unknown == {}


def test_a_camera_has_parameters_of_its_own():
    with bench(camera__cam1__image_topic='/rear/image', camera__cam1__compressed=True) as ros:
        assert ros.get('camera.cam1.image_topic').string_value == '/rear/image'
        assert ros.get('camera.cam0.image_topic').string_value == ''
        assert ros.change('configure')
        assert [c.image for c in ros.node._cameras] == ['/cam0/image_raw', '/rear/image/compressed']


def test_a_name_that_is_no_setting_is_told_with_the_closest():
    with bench(sync__slop=3.0, nonsense=1) as ros:
        assert ros.node.parameters.unknown == {'sync.slop': 'sync.slop_ms', 'nonsense': ''}


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('bound_ms', 0.0, 'bound_ms: input should be greater than 0'),
        ('bound_ms', -1.0, 'out of range'),
        ('bound_ms', 'soon', 'Wrong parameter type'),
        ('model.score_threshold', 1.5, 'out of range'),
        ('sync.slop_ms', float('nan'), 'out of range'),
        ('sync.policy', 'exact', 'read-only'),
        ('cameras', ['a'], 'read-only'),
    ],
)
def test_a_bad_value_is_refused_with_the_reason(name, value, words):
    with bench() as ros:
        before = ros.get(name)
        refused = ros.set(name, value)
        assert not refused.successful
        assert words in refused.reason
        assert ros.get(name) == before


def test_a_change_that_cannot_be_made_is_refused_and_ends_nobody():
    depth = 'qos_overrides./stream_infer/cam0/overlay.publisher.depth'
    with bench(autostart=True, publish__overlay=False, **{depth: 0}) as ros:
        ros.until_state('active')
        refused = ros.set('publish.overlay', True)
        assert not refused.successful
        assert depth in refused.reason
        assert not ros.get('publish.overlay').bool_value
        assert ros.state() == 'active'


def threshold(label_info):
    return read(label_info, LABEL_INFO).threshold


def test_live_settings_reach_the_running_pipeline():
    with bench(autostart=True, engine__kind='auto') as ros, Cameras(ros.graph):
        boxes = ros.collect('/stream_infer/cam0/detections', DETECTIONS, RELIABLE)
        labels = ros.collect('/stream_infer/cam0/label_info', LABEL_INFO, LATCHED)
        until(lambda: boxes and labels, 'detections and labels')
        until(lambda: ros.statuses.get('stream_infer: pipeline', (3, ''))[0] < 3, 'sets')
        assert ros.set('bound_ms', 0.25).successful
        until(lambda: 'over the bound of 0 ms' in ros.statuses['stream_infer: pipeline'][1], 'the bound')
        for name, value in (
            ('sync.slop_ms', 21.5),
            ('sync.deadline_ms', 33.0),
            ('model.score_threshold', 0.9),
        ):
            assert ros.set(name, value).successful
            assert ros.get(name).double_value == value
        until(lambda: 'slop 21.5 ms' in ros.trigger('explain_sync').message, 'the slop')
        until(lambda: threshold(labels[-1]) == pytest.approx(0.9), 'the threshold')
        assert ros.change('deactivate')
        assert ros.set('model.score_threshold', 0.4).successful
        assert ros.change('activate')
        until(lambda: threshold(labels[-1]) == pytest.approx(0.4), 'the new threshold')


def test_published_classes_can_be_set_in_every_state():
    with bench(model__classes=['car'], model__class_thresholds='["car:0.9"]') as ros:
        assert list(ros.get('model.classes').string_array_value) == ['car']
        assert ros.change('configure')
        for change in ('', 'activate'):
            assert not change or ros.change(change)
            refused = ros.set('model.classes', ['cars'])
            assert not refused.successful
            assert "did you mean 'car'" in refused.reason
            assert ros.set('model.classes', ['cone', 'box']).successful
            assert ros.set('model.classes', ['']).successful
            assert ros.set('model.class_thresholds', ['box:0.5']).successful


def test_a_mask_is_set_while_the_node_runs_and_a_bad_one_is_refused():
    polygon = '[[0, 60], [159, 60], [159, 119], [0, 119]]'
    with bench(autostart=True) as ros, Cameras(ros.graph):
        statuses = ros.statuses
        until(lambda: statuses.get('stream_infer: camera cam0', (3, ''))[0] == 0, 'images')
        refused = ros.set('camera.cam0.mask', '/nowhere/mask.png')
        assert not refused.successful
        assert 'cannot read it' in refused.reason
        assert ros.set('camera.cam0.mask', polygon).successful
        assert ros.get('camera.cam0.mask').string_value == polygon
        assert ros.set('camera.cam1.mask', '[[0, 0], [200, 0], [200, 200], [0, 200]]').successful
        until(lambda: 'covers the whole image' in statuses['stream_infer: camera cam1'][1], 'its status')
        assert statuses['stream_infer: camera cam0'][0] == 0
        assert ros.set('camera.cam1.mask', '').successful
        until(lambda: statuses['stream_infer: camera cam1'][0] == 0, 'no mask')


def test_namespaces_and_remapping():
    rules = ['-r', '__ns:=/robot', '-r', 'cam0/image_raw:=/front/picture', '-r', '__node:=eyes']
    with bench(*rules) as ros:
        assert ros.name == '/robot/eyes'
        assert ros.change('configure')
        front, other = ros.node._cameras
        assert front.camera_info == '/front/camera_info', 'it follows the image'
        assert other.camera_info == '/robot/cam1/camera_info'
        assert ros.change('activate')
        published = until(
            lambda: {t.name for t in ros.graph.topics() if t.name.startswith('/robot/eyes/')}, 'its topics'
        )
        assert '/robot/eyes/cam0/detections' in published
        assert '/robot/eyes/occupancy_grid' in published
        pictures = ros.graph.advertise('/front/picture', 'sensor_msgs/msg/Image', RELIABLE)
        until(pictures.subscribers, 'it listens to the remapped image')
