"""A stranger on the domain: bare cyclonedds in a process of its own, none of our code; stdin says what to do.

One JSON object a line in, one a line out. Message types are written out by hand, as a user of cyclonedds does
from the .msg files; raw CDR goes through overridden hooks of the binding.
"""

import base64
import json
import sys
import threading
import time
import types
from dataclasses import asdict, dataclass

from cyclonedds.builtin import BuiltinDataReader, BuiltinTopicDcpsPublication, BuiltinTopicDcpsSubscription
from cyclonedds.core import Policy, Qos
from cyclonedds.domain import DomainParticipant
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
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

PATIENCE_S = 60.0  # nothing waits as long unless the machine is swamped


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


def raw(typed):
    """The same type on the wire, but its samples are plain CDR bytes in `cdr`."""

    def body(namespace):
        namespace['__annotations__'].update(typed.__annotations__)
        namespace['__init__'] = lambda self, cdr: setattr(self, 'cdr', cdr)
        namespace['serialize'] = lambda self, **_: self.cdr
        namespace['deserialize'] = classmethod(lambda cls, cdr, **_: cls(cdr))
        namespace['deserialize_key'] = classmethod(lambda cls, key, **_: None)

    return types.new_class(typed.__name__, (IdlStruct,), {'typename': typed.__idl_typename__}, body)


def qos_of(spec):
    keep = Policy.History.KeepLast(spec['depth'])
    reliable = Policy.Reliability.Reliable(5_000_000_000)
    latched = spec['durability'] == 'transient_local'
    return Qos(
        reliable if spec['reliability'] == 'reliable' else Policy.Reliability.BestEffort,
        Policy.Durability.TransientLocal if latched else Policy.Durability.Volatile,
        Policy.DurabilityService(0, keep, -1, -1, -1),
        keep,
        Policy.DataRepresentation(use_cdrv0_representation=True),
    )


def eventually(predicate):
    """Wait until it holds; discovery has no event to wait on across processes."""
    end = time.monotonic() + PATIENCE_S
    tick = threading.Event()
    while not predicate():
        if time.monotonic() > end:
            return False
        tick.wait(0.005)
    return True


class Peer:
    def __init__(self, domain):
        self.participant = DomainParticipant(domain)
        self.readers, self.writers, self.got = {}, {}, {}
        self.streams = []  # (thread, event that ends it)

    def reset(self):
        """Leave every topic."""
        for thread, end in self.streams:
            end.set()
            thread.join()
        self.readers, self.writers, self.got, self.streams = {}, {}, {}, []

    def topic(self, name, typed, typename):
        return Topic(self.participant, 'rt' + name, KNOWN[typename] if typed else raw(KNOWN[typename]))

    def talk(self, topic, type, qos):
        made = self.topic(topic, False, type)
        self.writers[topic] = (DataWriter(self.participant, made, qos=qos_of(qos)), made.data_type)

    def listen(self, topic, type, qos, typed=False):
        self.readers[topic] = DataReader(self.participant, self.topic(topic, typed, type), qos=qos_of(qos))
        self.got[topic] = []

    def matched(self, topic, readers=1):
        """Wait for that many subscribers of ours, or for a publisher of what we listen to."""
        # The counts of the status: the binding's lists fail when somebody joins while they are made.
        if topic in self.writers:
            return eventually(
                lambda: self.writers[topic][0].get_publication_matched_status().current_count >= readers
            )
        return eventually(lambda: self.readers[topic].get_subscription_matched_status().current_count >= 1)

    def send(self, topic, payloads):
        writer, wire = self.writers[topic]
        for payload in payloads:
            writer.write(wire(base64.b64decode(payload)))

    def stream(self, topic, payload, period_s):
        """Send again and again, in the background, until `reset`."""
        writer, wire = self.writers[topic]
        sample = wire(base64.b64decode(payload))
        end = threading.Event()

        def run(writer):
            while not end.wait(period_s):
                writer.write(sample)

        self.streams.append((threading.Thread(target=run, args=(writer,), daemon=True), end))
        self.streams[-1][0].start()

    def take(self, topic, count):
        got = self.got[topic]

        def enough():
            samples = self.readers[topic].take(N=50)
            got.extend(sample for sample in samples if sample.sample_info.valid_data)
            return len(got) >= count

        eventually(enough)
        return got

    def received(self, topic, count):
        return [base64.b64encode(sample.cdr).decode() for sample in self.take(topic, count)]

    def read(self, topic, count):
        return [asdict(sample) for sample in self.take(topic, count)]

    def nodes(self, count):
        """[namespace, name, how many readers, how many writers] of each ROS node, once there are `count`."""
        latched = {'reliability': 'reliable', 'durability': 'transient_local', 'depth': 1}
        topic = Topic(self.participant, 'ros_discovery_info', ParticipantEntitiesInfo)
        reader = DataReader(self.participant, topic, qos=qos_of({**latched, 'depth': 20}))
        latest = {}

        def nodes():
            return [node for info in latest.values() for node in info.node_entities_info_seq]

        def enough():
            for sample in reader.take(N=50):
                if sample.sample_info.valid_data:
                    latest[bytes(sample.gid.data)] = sample
            return len(nodes()) == count

        eventually(enough)
        return [
            [n.node_namespace, n.node_name, len(n.reader_gid_seq), len(n.writer_gid_seq)] for n in nodes()
        ]

    def endpoints(self, topic):
        """[type name, user data] of every publication and subscription of a topic, once there is one."""
        found = []
        readers = [
            BuiltinDataReader(self.participant, builtin)
            for builtin in (BuiltinTopicDcpsPublication, BuiltinTopicDcpsSubscription)
        ]

        def look():
            found.extend(
                [end.type_name, bytes(end.qos[Policy.Userdata].data).decode()]
                for reader in readers
                for end in reader.take(N=100)
                if end.topic_name == 'rt' + topic
            )
            return found

        eventually(look)
        return found

    def wanted(self, topic):
        """The reliability of each subscription of a topic."""
        reader = BuiltinDataReader(self.participant, BuiltinTopicDcpsSubscription)
        ends = [end for end in reader.take(N=100) if end.topic_name == 'rt' + topic]
        asked = [end.qos[Policy.Reliability] for end in ends if end.qos]
        return ['best_effort' if kind == Policy.Reliability.BestEffort else 'reliable' for kind in asked]

    def unrelated(self):
        """Publish what is not ROS at all."""
        topic = Topic(self.participant, 'not_ros', Unrelated)
        self.writers['unrelated'] = (DataWriter(self.participant, topic), Unrelated)


def main():
    peer = Peer(int(sys.argv[1]))
    print(json.dumps('ready'), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(peer, request.pop('do'))(**request)), flush=True)


if __name__ == '__main__':
    main()
