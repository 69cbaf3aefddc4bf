"""A peer on the domain: plain cyclonedds in a separate process, without our code (see peer_program.py).

Its message types are dds_types.py; raw CDR goes through overridden hooks of the binding.
"""

import base64
import sys
import threading
import types
from dataclasses import asdict

from cyclonedds.builtin import BuiltinDataReader, BuiltinTopicDcpsPublication, BuiltinTopicDcpsSubscription
from cyclonedds.core import Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from dds_types import KNOWN, ParticipantEntitiesInfo, Unrelated
from peer_program import eventually, obey


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

    def described(self, topic):
        """Return for each endpoint of a DDS topic whether it announces a description of its type."""
        found = []
        readers = [
            BuiltinDataReader(self.participant, builtin)
            for builtin in (BuiltinTopicDcpsPublication, BuiltinTopicDcpsSubscription)
        ]

        def look():
            ends = [end for reader in readers for end in reader.take(N=100)]
            found.extend(end.type_id is not None for end in ends if end.topic_name == topic)
            return found

        eventually(look)
        return found

    def wanted(self, topic):
        """Reliability and durability of each subscription of a topic."""
        reader = BuiltinDataReader(self.participant, BuiltinTopicDcpsSubscription)
        ends = [end for end in reader.take(N=100) if end.topic_name == 'rt' + topic]
        asked = [(end.qos[Policy.Reliability], end.qos[Policy.Durability]) for end in ends if end.qos]
        return [
            'best_effort' if reliability == Policy.Reliability.BestEffort else 'reliable'
            for reliability, _ in asked
        ] + ['transient_local' for _, durability in asked if durability != Policy.Durability.Volatile]

    def unrelated(self):
        """Publish what is not ROS at all."""
        topic = Topic(self.participant, 'not_ros', Unrelated)
        self.writers['unrelated'] = (DataWriter(self.participant, topic), Unrelated)


def main():
    obey(Peer(int(sys.argv[1])))


if __name__ == '__main__':
    main()
