"""The node occupancy_fusion on messages of ROS itself, and nodes on a clock that is not the system's."""

import numpy as np
from geometry_msgs.msg import TransformStamped
from node_harness import SMALL, Bench, Cameras, ros_arguments, until
from rclpy.time import Time
from rosbags_messages import grid_cells, read
from rosgraph_msgs.msg import Clock
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import BoundingBox2D, Detection2D, Detection2DArray, ObjectHypothesisWithPose

from stream_infer_ros.graph import LATCHED, RELIABLE
from stream_infer_ros.messages.detection2d_array import decode_detection2d_array
from stream_infer_ros.messages.image import encode_image
from stream_infer_ros.nodes.occupancy_fusion_node import OccupancyFusionNode
from stream_infer_ros.nodes.stream_infer_node import StreamInferNode

OBJECTS = 'vision_msgs/msg/Detection3DArray'


def boxes_of(stamp_ns, frame_id):
    """One pedestrian, straight ahead, a good metre wide on the ground."""
    message = Detection2DArray()
    message.header.stamp = Time(nanoseconds=stamp_ns).to_msg()
    message.header.frame_id = frame_id
    box = BoundingBox2D(size_x=12.0, size_y=40.0)
    box.center.position.x, box.center.position.y = SMALL.width / 2, SMALL.height / 2
    hypothesis = ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = '0', 0.9
    message.detections = [Detection2D(header=message.header, bbox=box, results=[hypothesis])]
    return message


def test_boxes_of_another_detector_become_objects_and_a_map():
    parameters = {'cameras': ['cam0', 'cam1'], 'class_names': ['pedestrian', 'car']}
    with Bench(OccupancyFusionNode, ros_arguments(**parameters)) as ros, Cameras(ros.graph):
        objects = ros.collect('/occupancy_fusion/detections_3d', OBJECTS, RELIABLE)
        maps = ros.collect('/occupancy_fusion/occupancy_grid', 'nav_msgs/msg/OccupancyGrid', LATCHED)
        ros.until_state('active')
        publisher = ros.peer.create_publisher(Detection2DArray, '/cam0/detections', 10)

        def detect():
            publisher.publish(boxes_of(ros.graph.now_ns() - 60_000_000, 'cam0_optical_frame'))
            return objects and read(objects[-1], OBJECTS).detections

        (found, *_) = until(detect, 'an object')
        assert found.results[0].hypothesis.class_id == 'pedestrian'
        until(lambda: detect() and np.any(grid_cells(maps[-1]) == 100), 'occupied cells')
        assert '/occupancy_fusion/cam0/detections' not in {t.name for t in ros.graph.topics()}
        assert ros.trigger('reset_map').success


def test_without_cameras_it_says_what_is_missing():
    with Bench(OccupancyFusionNode, ros_arguments()) as ros:
        until(lambda: ros.statuses.get('occupancy_fusion: lifecycle', (0, ''))[0] == 2, 'an error')
        assert 'expected the names of the cameras' in ros.statuses['occupancy_fusion: lifecycle'][1]
        assert ros.state() == 'unconfigured'


def test_simulated_time_is_followed_and_may_jump_back():
    """A camera on /clock, which begins at 100 s, and later again at 50 s."""
    settings = {'cameras': ['cam0'], 'engine__kind': 'fake', 'use_sim_time': True}
    with Bench(StreamInferNode, ros_arguments(**settings)) as ros:
        boxes = ros.collect('/stream_infer/cam0/detections', 'vision_msgs/msg/Detection2DArray', RELIABLE)
        ros.until_state('active')
        clock = ros.peer.create_publisher(Clock, '/clock', 10)
        tf = ros.peer.create_publisher(TFMessage, '/tf', 10)
        images = ros.graph.advertise('/cam0/image_raw', 'sensor_msgs/msg/Image', RELIABLE)
        now_ns = [100_000_000_000]

        def tick():
            now_ns[0] += 100_000_000
            clock.publish(Clock(clock=Time(nanoseconds=now_ns[0]).to_msg()))
            pose = TransformStamped()
            pose.header.stamp, pose.header.frame_id = Time(nanoseconds=now_ns[0]).to_msg(), 'odom'
            pose.child_frame_id, pose.transform.rotation.w = 'base_link', 1.0
            tf.publish(TFMessage(transforms=[pose]))
            until(lambda: ros.node.get_clock().now().nanoseconds == now_ns[0], 'the clock')
            pixels = np.zeros((SMALL.height, SMALL.width, 3), np.uint8)
            images.publish(encode_image(now_ns[0], 'cam0_optical_frame', pixels, 'rgb8'))

        def ticked_until(condition, what):
            return until(lambda: (tick(), condition())[1], what)

        ticked_until(lambda: len(boxes) > 10, 'detections')
        latest_ns = decode_detection2d_array(boxes[-1]).stamp_ns
        assert 100_000_000_000 < latest_ns <= now_ns[0]
        now_ns[0] = 50_000_000_000
        boxes.clear()
        ticked_until(lambda: len(boxes) > 10, 'detections after the jump')
        assert decode_detection2d_array(boxes[-1]).stamp_ns <= now_ns[0] < 100_000_000_000
