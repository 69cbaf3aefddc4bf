"""The map alone, from detections that somebody else publishes."""

import numpy as np
import pytest
from rosbags_messages import grid_cells, read
from test_pipeline_end_to_end import DETECTIONS, GRID, Driven, config
from yard import Stepped, Yard

from stream_infer_ros.config import FusionConfig, GraphConfig, parse_section
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph import LATCHED, RELIABLE
from stream_infer_ros.inference.detections import Detections
from stream_infer_ros.messages.detection2d_array import encode_detection2d_array
from stream_infer_ros.pipeline.assembly import assemble_fusion
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics, detection_topics
from stream_infer_ros.pipeline.inputs.frame_readers import read_detections

OBJECTS = 'vision_msgs/msg/Detection3DArray'
NAMES = ('cam0', 'cam1', 'cam2')


def fusion_config(**settings):
    found = parse_section(FusionConfig, {'cameras': list(NAMES), **settings}, 'test')
    return found, found.on_node(GraphConfig(node_name='occupancy_fusion'))


class Fused(Stepped):
    """A fusion pipeline whose steps run inside `publish`."""

    def __init__(self, yard, settings):
        tree, self.config = settings
        topics = detection_topics(self.config, tree.class_names)
        super().__init__(yard.graph, assemble_fusion(self.config, topics, yard.graph))


def test_the_other_half_of_this_package_serves_as_the_detector():
    """Objects on the fused map are those that the whole pipeline finds from the same images."""
    yard = Yard()
    by_images = yard.collect('/stream_infer/detections_3d', OBJECTS, RELIABLE)
    by_boxes = yard.collect('/occupancy_fusion/detections_3d', OBJECTS, RELIABLE)
    maps = yard.collect('/occupancy_fusion/occupancy_grid', GRID, LATCHED)
    settings = config(engine={'kind': 'auto'}, model={'score_threshold': 0.2})
    options = {
        name: {
            'detections_topic': f'/stream_infer/{name}/detections',
            'camera_info_topic': f'/{name}/camera_info',
        }
        for name in NAMES
    }
    fusion = Fused(yard, fusion_config(camera=options))
    whole = Driven(yard, settings)
    yard.stream(ticks=12)
    assert not yard.graph.callback_failures()
    assert len(fusion.results) >= 10
    assert all(f.views for f in fusion.results[2:])
    seen, fused = read(by_images[-1], OBJECTS), read(by_boxes[-1], OBJECTS)
    assert fused.header.frame_id == 'odom'
    assert len(fused.detections) > 0
    places, sought = (
        np.array([(p.x, p.y) for p in (found.bbox.center.position for found in objects.detections)])
        for objects in (fused, seen)
    )
    distances_m = [np.hypot(*(places - place).T).min() for place in sought]
    assert max(distances_m) < 1.2
    cells = grid_cells(maps[-1])
    assert np.count_nonzero(cells == 100) > 0
    assert np.count_nonzero(cells == 0) == 0, 'boxes alone do not tell where ground is free'
    topics = {topic.name for topic in yard.graph.topics() if topic.name.startswith('/occupancy_fusion')}
    assert topics == {
        f'/occupancy_fusion/{name}'
        for name in ('occupancy_grid', 'occupancy_grid_updates', 'detections_3d', 'markers')
    }
    whole.network.close()


def test_what_is_missing_is_named():
    yard = Yard()
    fusion = Fused(yard, fusion_config())
    boxes = Detections(
        np.array([[10, 10, 30, 60]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int32), ('person',)
    )
    send = yard.cameras.advertise('/cam0/detections', DETECTIONS, RELIABLE)
    send.publish(encode_detection2d_array(yard.clock.now_ns, 'cam0_optical_frame', boxes))
    yard.clock.now_ns += 10**9
    fusion.tick(yard.clock.now_ns)
    assert len(fusion.results) == 1
    status = fusion.assembly.health.diagnostics.statuses(yard.clock.now_ns)[1]
    assert fusion.assembly.statistics.views_missed() == {'no_camera_info': {'cam0': 1}}
    assert '/cam0/camera_info' in fusion.assembly.cameras[0].problem
    assert status.name == 'occupancy_fusion: camera cam0'
    send.publish(b'\x00\x01\x00\x00 no boxes')
    assert fusion.assembly.statistics.drops()['malformed'] == {'cam0': 1}


def test_numbers_become_names_and_the_best_box_comes_first():
    boxes = Detections(
        np.array([[0, 0, 4, 4], [5, 5, 9, 9], [1, 1, 3, 3]], np.float32),
        np.array([0.2, 0.9, 0.5], np.float32),
        np.array([0, 1, 2], np.int32),
        ('2', '0', 'kite'),
    )
    (topics,) = detection_topics(fusion_config(cameras=['front'])[1], ('person', 'bicycle', 'car'))
    frame = read_detections(topics, encode_detection2d_array(7, 'front_optical', boxes), 9)
    assert (frame.camera, frame.stamp_ns, frame.received_ns, frame.frame_id) == (
        'front',
        7,
        9,
        'front_optical',
    )
    assert [frame.detections.class_names[i] for i in frame.detections.class_id] == ['person', 'kite', 'car']
    assert frame.detections.score.tolist() == pytest.approx([0.9, 0.5, 0.2])
    assert frame.detections.xyxy[0].tolist() == [5, 5, 9, 9]


def test_topics_of_a_detector_are_named_or_lie_below_the_camera():
    settings, tree = fusion_config(
        cameras=['front', 'rear'],
        camera={'rear': {'detections_topic': '/yolo/rear', 'camera_info_topic': 'r/info'}},
    )
    front, rear = detection_topics(tree, settings.class_names)
    assert (front.image, front.camera_info) == ('/front/detections', '/front/camera_info')
    assert (rear.image, rear.camera_info) == ('/yolo/rear', '/r/info')
    assert front.image_type == DETECTIONS
    assert camera_topics(config(), ())[0].image_type == 'sensor_msgs/msg/Image'


def test_a_fusion_without_cameras_or_with_options_of_others_is_refused():
    with pytest.raises(ConfigError, match='names of the cameras'):
        detection_topics(fusion_config(cameras=[])[1], ())
    with pytest.raises(ConfigError, match='options are given for side'):
        detection_topics(fusion_config(camera={'side': {'detections_topic': 'a'}})[1], ())
