"""A peer on the ROS graph: an rclpy node in a separate process, without our code (see peer_program.py)."""

import base64
import sys
from importlib import import_module

import rclpy
from peer_program import eventually, obey
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

SPIN_S = 0.1


def qos_of(spec):
    reliable = spec['reliability'] == 'reliable'
    latched = spec['durability'] == 'transient_local'
    return QoSProfile(
        depth=spec['depth'],
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def class_of(type_name):
    package, _, name = type_name.split('/')
    return getattr(import_module(f'{package}.msg'), name)


class Peer:
    def __init__(self, domain_id):
        rclpy.init(domain_id=domain_id)
        self.node = rclpy.create_node('peer')
        self.publishers, self.subscriptions, self.got = {}, {}, {}

    def reset(self):
        """Leave every topic."""
        for publisher in self.publishers.values():
            self.node.destroy_publisher(publisher)
        for subscription in self.subscriptions.values():
            self.node.destroy_subscription(subscription)
        self.publishers, self.subscriptions, self.got = {}, {}, {}

    def talk(self, topic, type, qos):
        self.publishers[topic] = self.node.create_publisher(class_of(type), topic, qos_of(qos))

    def listen(self, topic, type, qos):
        self.got[topic] = got = []
        self.subscriptions[topic] = self.node.create_subscription(
            class_of(type), topic, got.append, qos_of(qos), raw=True
        )

    def matched(self, topic, readers=1):
        """Wait for that many subscribers to our topics, or for a publisher of a topic we subscribe to."""
        if topic in self.publishers:
            return eventually(lambda: self.publishers[topic].get_subscription_count() >= readers)
        return eventually(lambda: self.node.count_publishers(topic) >= 1)

    def send(self, topic, payloads):
        for payload in payloads:
            self.publishers[topic].publish(base64.b64decode(payload))

    def received(self, topic, count):
        got = self.got[topic]

        def enough():
            if len(got) < count:
                rclpy.spin_once(self.node, timeout_sec=SPIN_S)
            return len(got) >= count

        eventually(enough)
        return [base64.b64encode(message).decode() for message in got]


def main():
    obey(Peer(int(sys.argv[1])))


if __name__ == '__main__':
    main()
