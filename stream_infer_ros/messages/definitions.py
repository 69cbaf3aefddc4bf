"""Definitions of the messages we speak that rosbags does not bring along.

The fields are those of vision_msgs 4.1, map_msgs 2.4 and bond 4.1 (the same from Humble to Rolling). Comments
are left out, because the RIHS01 type hash depends only on names, types and order.
"""

DEFINITIONS = {
    'vision_msgs/msg/Point2D': 'float64 x\nfloat64 y',
    'vision_msgs/msg/Pose2D': 'vision_msgs/Point2D position\nfloat64 theta',
    'vision_msgs/msg/BoundingBox2D': 'vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y',
    'vision_msgs/msg/BoundingBox3D': 'geometry_msgs/Pose center\ngeometry_msgs/Vector3 size',
    'vision_msgs/msg/ObjectHypothesis': 'string class_id\nfloat64 score',
    'vision_msgs/msg/ObjectHypothesisWithPose': (
        'vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose'
    ),
    'vision_msgs/msg/Detection2D': (
        'std_msgs/Header header\n'
        'vision_msgs/ObjectHypothesisWithPose[] results\n'
        'vision_msgs/BoundingBox2D bbox\n'
        'string id'
    ),
    'vision_msgs/msg/Detection2DArray': 'std_msgs/Header header\nvision_msgs/Detection2D[] detections',
    'vision_msgs/msg/Detection3D': (
        'std_msgs/Header header\n'
        'vision_msgs/ObjectHypothesisWithPose[] results\n'
        'vision_msgs/BoundingBox3D bbox\n'
        'string id'
    ),
    'vision_msgs/msg/Detection3DArray': 'std_msgs/Header header\nvision_msgs/Detection3D[] detections',
    'vision_msgs/msg/VisionClass': 'uint16 class_id\nstring class_name',
    'vision_msgs/msg/LabelInfo': (
        'std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold'
    ),
    'map_msgs/msg/OccupancyGridUpdate': (
        'std_msgs/Header header\nint32 x\nint32 y\nuint32 width\nuint32 height\nint8[] data'
    ),
    'bond/msg/Status': (
        'std_msgs/Header header\n'
        'string id\n'
        'string instance_id\n'
        'bool active\n'
        'float32 heartbeat_timeout\n'
        'float32 heartbeat_period'
    ),
}
