"""Message types as a user of cyclonedds writes them out by hand from the .msg files."""

from dataclasses import dataclass

from cyclonedds.idl import IdlStruct
from cyclonedds.idl.types import (
    array,
    bounded_str,
    float32,
    float64,
    int8,
    int32,
    sequence,
    uint8,
    uint16,
    uint32,
)


@dataclass
class String(IdlStruct, typename='std_msgs::msg::dds_::String_'):
    data: str


@dataclass
class Time(IdlStruct, typename='builtin_interfaces::msg::dds_::Time_'):
    sec: int32
    nanosec: uint32


@dataclass
class Header(IdlStruct, typename='std_msgs::msg::dds_::Header_'):
    stamp: Time
    frame_id: str


@dataclass
class Image(IdlStruct, typename='sensor_msgs::msg::dds_::Image_'):
    header: Header
    height: uint32
    width: uint32
    encoding: str
    is_bigendian: uint8
    step: uint32
    data: sequence[uint8]


@dataclass
class Point(IdlStruct, typename='geometry_msgs::msg::dds_::Point_'):
    x: float64
    y: float64
    z: float64


@dataclass
class Quaternion(IdlStruct, typename='geometry_msgs::msg::dds_::Quaternion_'):
    x: float64
    y: float64
    z: float64
    w: float64


@dataclass
class Pose(IdlStruct, typename='geometry_msgs::msg::dds_::Pose_'):
    position: Point
    orientation: Quaternion


@dataclass
class PoseWithCovariance(IdlStruct, typename='geometry_msgs::msg::dds_::PoseWithCovariance_'):
    pose: Pose
    covariance: array[float64, 36]


@dataclass
class MapMetaData(IdlStruct, typename='nav_msgs::msg::dds_::MapMetaData_'):
    map_load_time: Time
    resolution: float32
    width: uint32
    height: uint32
    origin: Pose


@dataclass
class OccupancyGrid(IdlStruct, typename='nav_msgs::msg::dds_::OccupancyGrid_'):
    header: Header
    info: MapMetaData
    data: sequence[int8]


@dataclass
class ObjectHypothesis(IdlStruct, typename='vision_msgs::msg::dds_::ObjectHypothesis_'):
    class_id: str
    score: float64


@dataclass
class ObjectHypothesisWithPose(IdlStruct, typename='vision_msgs::msg::dds_::ObjectHypothesisWithPose_'):
    hypothesis: ObjectHypothesis
    pose: PoseWithCovariance


@dataclass
class Point2D(IdlStruct, typename='vision_msgs::msg::dds_::Point2D_'):
    x: float64
    y: float64


@dataclass
class Pose2D(IdlStruct, typename='vision_msgs::msg::dds_::Pose2D_'):
    position: Point2D
    theta: float64


@dataclass
class BoundingBox2D(IdlStruct, typename='vision_msgs::msg::dds_::BoundingBox2D_'):
    center: Pose2D
    size_x: float64
    size_y: float64


@dataclass
class Detection2D(IdlStruct, typename='vision_msgs::msg::dds_::Detection2D_'):
    header: Header
    results: sequence[ObjectHypothesisWithPose]
    bbox: BoundingBox2D
    id: str


@dataclass
class Detection2DArray(IdlStruct, typename='vision_msgs::msg::dds_::Detection2DArray_'):
    header: Header
    detections: sequence[Detection2D]


@dataclass
class Gid(IdlStruct, typename='rmw_dds_common::msg::dds_::Gid_'):
    data: array[uint8, 16]


@dataclass
class NodeEntitiesInfo(IdlStruct, typename='rmw_dds_common::msg::dds_::NodeEntitiesInfo_'):
    node_namespace: bounded_str[256]
    node_name: bounded_str[256]
    reader_gid_seq: sequence[Gid]
    writer_gid_seq: sequence[Gid]


@dataclass
class ParticipantEntitiesInfo(IdlStruct, typename='rmw_dds_common::msg::dds_::ParticipantEntitiesInfo_'):
    gid: Gid
    node_entities_info_seq: sequence[NodeEntitiesInfo]


@dataclass
class Unrelated(IdlStruct, typename='somebody_elses::Type'):
    number: uint16


KNOWN = {
    'std_msgs/msg/String': String,
    'sensor_msgs/msg/Image': Image,
    'nav_msgs/msg/OccupancyGrid': OccupancyGrid,
    'vision_msgs/msg/Detection2DArray': Detection2DArray,
}
