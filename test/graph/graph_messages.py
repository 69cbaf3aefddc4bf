"""Messages as rosbags writes them, and one of them on its way."""

import base64

import numpy as np
from graph_harness import Inbox, eventually, same

from stream_infer_ros.graph import RELIABLE
from stream_infer_ros.messages.typestore import typestore

STRING = 'std_msgs/msg/String'
IMAGE = 'sensor_msgs/msg/Image'
GRID = 'nav_msgs/msg/OccupancyGrid'
DETECTIONS = 'vision_msgs/msg/Detection2DArray'


def serialized(type_name, message):
    return bytes(typestore().serialize_cdr(message, type_name))


def string(text):
    return serialized(STRING, typestore().types[STRING](data=text))


def encoded(payload):
    """As a PeerProcess is told it, and tells it."""
    return base64.b64encode(payload).decode()


def stream_of(text):
    """What `PeerProcess.stream` is to send, and how often."""
    return {'payload': encoded(string(text)), 'period_s': 0.002}


def hear(sender, receiver, text='across', topic='/across'):
    """One message from graph to graph, once they met."""
    inbox = Inbox()
    receiver.subscribe(topic, STRING, RELIABLE, inbox)
    publisher = sender.advertise(topic, STRING, RELIABLE)
    eventually(lambda: publisher.subscribers() == 1, f'a subscriber of {topic}')
    publisher.publish(string(text))
    assert same(inbox.wait(1), [string(text)])


def header(frame_id, sec=12, nanosec=34):
    types = typestore().types
    stamp = types['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec)
    return types['std_msgs/msg/Header'](stamp=stamp, frame_id=frame_id)


def image(seed, height=600, width=800):
    """Noise as rgb8; 1.4 MB unless another size is asked for."""
    message = typestore().types[IMAGE](
        header=header(f'camera{seed}', seed, 0),
        height=height,
        width=width,
        encoding='rgb8',
        is_bigendian=0,
        step=3 * width,
        data=np.random.default_rng(seed).integers(0, 256, 3 * width * height, np.uint8),
    )
    return serialized(IMAGE, message)


def grid(cells):
    """A map of these cells, row by row."""
    types = typestore().types
    origin = types['geometry_msgs/msg/Pose'](
        position=types['geometry_msgs/msg/Point'](x=-1.5, y=2.5, z=0.0),
        orientation=types['geometry_msgs/msg/Quaternion'](x=0.0, y=0.0, z=0.0, w=1.0),
    )
    info = types['nav_msgs/msg/MapMetaData'](
        map_load_time=types['builtin_interfaces/msg/Time'](sec=0, nanosec=0),
        resolution=0.25,
        width=cells.shape[1],
        height=cells.shape[0],
        origin=origin,
    )
    return serialized(GRID, types[GRID](header=header('odom'), info=info, data=cells.ravel()))


def detections(boxes):
    """boxes: (class name, score, u, v, width, height)."""
    t, g = _of('vision_msgs'), _of('geometry_msgs')
    nowhere = g['PoseWithCovariance'](
        pose=g['Pose'](
            position=g['Point'](x=0.0, y=0.0, z=0.0), orientation=g['Quaternion'](x=0.0, y=0.0, z=0.0, w=1.0)
        ),
        covariance=np.zeros(36),
    )
    found = [
        t['Detection2D'](
            header=header('front_optical'),
            results=[
                t['ObjectHypothesisWithPose'](
                    hypothesis=t['ObjectHypothesis'](class_id=name, score=score), pose=nowhere
                )
            ],
            bbox=t['BoundingBox2D'](
                center=t['Pose2D'](position=t['Point2D'](x=u, y=v), theta=0.0), size_x=width, size_y=height
            ),
            id='',
        )
        for name, score, u, v, width, height in boxes
    ]
    return serialized(DETECTIONS, t['Detection2DArray'](header=header('front_optical'), detections=found))


def _of(package):
    """The types of a package by their own names."""
    return {
        name.rsplit('/', 1)[-1]: made
        for name, made in typestore().types.items()
        if name.startswith(f'{package}/')
    }
