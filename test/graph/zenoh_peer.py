"""A stranger on the domain: bare eclipse-zenoh in a process of its own, none of our code.

It does by hand what rmw_zenoh_cpp does (its liveliness_utils.cpp, rmw_publisher_data.cpp and
rmw_subscription_data.cpp, of Jazzy and of Rolling): type hashes as ROS 2 tells them, advanced publishers and
subscribers throughout. What it is told, and by whom: peer_program.py.
"""

import base64
import itertools
import json
import struct
import sys
import threading
import time

import xxhash
import zenoh
from peer_program import eventually, obey
from zenoh import ext

# `ros2 topic info -v` of a Jazzy.
HASHES = {
    'std_msgs/msg/String': 'RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18',
    'sensor_msgs/msg/Image': 'RIHS01_d31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47',
}


def settings(domain, endpoints):
    config = zenoh.Config()
    listen = ['tcp/127.0.0.1:0'] if endpoints else [f'tcp/127.0.0.1:{17400 + domain}']
    for path, value in {
        'mode': 'peer',
        'listen/endpoints': listen,
        'connect/endpoints': endpoints,
        'scouting/multicast/enabled': False,
        'timestamping/enabled': True,
        'transport/link/tx/queue/congestion_control/drop/wait_before_drop': 100_000,
        'transport/link/tx/queue/congestion_control/drop/max_wait_before_drop_fragments': 100_000,
    }.items():
        config.insert_json5(path, json.dumps(value))
    return config


class Peer:
    def __init__(self, domain, endpoints):
        self.domain = domain
        self.session = zenoh.open(settings(domain, endpoints))
        self.ids = itertools.count(1)
        self.tokens = {}
        self.declared, self.writers, self.got, self.streams = [], {}, {}, []
        self.changed = threading.Lock()
        self.liveliness = self.session.liveliness()
        self.watch = self.liveliness.declare_subscriber(f'@ros2_lv/{domain}/**', self.on_token, history=True)
        self.node = self.token(0, 'NN')
        self.declared_node = self.liveliness.declare_token(self.node)

    def on_token(self, sample):
        with self.changed:
            if sample.kind == zenoh.SampleKind.PUT:
                self.tokens[str(sample.key_expr)] = True
            else:
                self.tokens.pop(str(sample.key_expr), None)

    def token(self, entity, kind):
        return f'@ros2_lv/{self.domain}/{self.session.zid()}/0/{entity}/{kind}/%/%/stranger'

    def reset(self):
        for thread, end in self.streams:
            end.set()
            thread.join()
        for entity in self.declared:
            entity.undeclare()
        self.declared, self.writers, self.got, self.streams = [], {}, {}, []

    def end(self, kind, topic, type, qos, type_hash):
        package, _, name = type.split('/')
        dds_type = f'{package}::msg::dds_::{name}_'
        described = type_hash or HASHES[type]
        profile = '2' if qos['reliability'] == 'best_effort' else ''
        profile += ':1:,' if qos['durability'] == 'transient_local' else '::,'
        profile += f'{qos["depth"]}:,:,:,,'
        start = self.token(next(self.ids), kind)
        token = f'{start}/{topic.replace("/", "%")}/{dds_type}/{described}/{profile}'
        return f'{self.domain}/{topic.strip("/")}/{dds_type}/{described}', token

    def talk(self, topic, type, qos, type_hash='', named_attachment=False):
        key, token = self.end('MP', topic, type, qos, type_hash)
        options = {}
        if qos['durability'] == 'transient_local':
            options = {'publisher_detection': True, 'cache': ext.CacheConfig(max_samples=qos['depth'])}
            if qos['reliability'] == 'reliable':
                options['sample_miss_detection'] = ext.MissDetectionConfig(
                    heartbeat=None, sporadic_heartbeat=0.5
                )
        publisher = ext.declare_advanced_publisher(
            self.session,
            key,
            congestion_control=zenoh.CongestionControl.DROP,
            reliability=zenoh.Reliability.BEST_EFFORT
            if qos['reliability'] == 'best_effort'
            else zenoh.Reliability.RELIABLE,
            **options,
        )
        digest = xxhash.xxh3_128(token.encode()).intdigest()
        gid = struct.pack('<QQ', digest & (2**64 - 1), digest >> 64)
        self.writers[topic] = [publisher, gid, 0, named_attachment]
        self.declared += [self.liveliness.declare_token(token), publisher]

    def listen(self, topic, type, qos, type_hash=''):
        key, token = self.end('MS', topic, type, qos, type_hash)
        options = {}
        if qos['durability'] == 'transient_local':
            options = {
                'subscriber_detection': True,
                'history': ext.HistoryConfig(detect_late_publishers=True, max_samples=qos['depth']),
            }
            if qos['reliability'] == 'reliable':
                options['recovery'] = ext.RecoveryConfig(periodic_queries=None, heartbeat=True)
        got = self.got[topic] = []
        subscriber = ext.declare_advanced_subscriber(self.session, key, got.append, **options)
        self.declared += [self.liveliness.declare_token(token), subscriber]

    def ends(self, kind, topic):
        with self.changed:
            parts = [token.split('/') for token in self.tokens]
        return [part for part in parts if part[5] == kind and part[9] == topic.replace('/', '%')]

    def matched(self, topic, readers=1):
        """Whether those who should hear us do."""
        kind = 'MS' if topic in self.writers else 'MP'
        return eventually(lambda: len(self.ends(kind, topic)) >= readers)

    def publish(self, topic, payload, skip=0):
        writer = self.writers[topic]
        publisher, gid, _, named = writer
        writer[2] += 1 + skip
        now = time.time_ns()
        if named:  # Jazzy's 0.2.0 to 0.2.3
            attachment = b''.join(
                bytes([len(name)]) + name + value
                for name, value in (
                    (b'sequence_number', struct.pack('<q', writer[2])),
                    (b'source_timestamp', struct.pack('<q', now)),
                    (b'source_gid', b'\x10' + gid),
                )
            )
        else:
            attachment = struct.pack('<qq', writer[2], now) + b'\x10' + gid
        publisher.put(payload, attachment=attachment)

    def send(self, topic, payloads, skip=0):
        """`skip` leaves so many sequence numbers out before each."""
        for payload in payloads:
            self.publish(topic, base64.b64decode(payload), skip)

    def stream(self, topic, payload, period_s):
        end = threading.Event()
        cdr = base64.b64decode(payload)

        def run():
            while not end.wait(period_s):
                self.publish(topic, cdr)

        thread = threading.Thread(target=run)
        thread.start()
        self.streams.append((thread, end))

    def received(self, topic, count):
        got = self.got[topic]
        eventually(lambda: len(got) >= count)
        return [base64.b64encode(sample.payload.to_bytes()).decode() for sample in list(got)]

    def attachments(self, topic, count):
        got = self.got[topic]
        eventually(lambda: len(got) >= count)
        return [base64.b64encode(sample.attachment.to_bytes()).decode() for sample in list(got)]

    def in_shared_memory(self, topic, count):
        """For each message whether it came without a copy over a socket."""
        got = self.got[topic]
        eventually(lambda: len(got) >= count)
        return [sample.payload.as_shm() is not None for sample in list(got)]

    def others(self, kind):
        """The tokens of one kind that are not ours."""
        with self.changed:
            tokens = list(self.tokens)
        mine = str(self.session.zid())
        return [token for token in tokens if token.split('/')[5] == kind and token.split('/')[2] != mine]

    def seen(self, kind, count):
        """The tokens of others of one kind, once there are `count`."""
        eventually(lambda: len(self.others(kind)) == count)
        return self.others(kind)

    def nodes(self, count):
        """[namespace, name, how many readers, how many writers] of each ROS node, once there are `count`."""
        found = []
        for token in self.seen('NN', count):
            namespace, name = owner = token.split('/')[7:9]
            ends = [[end.split('/')[7:9] for end in self.others(kind)].count(owner) for kind in ('MS', 'MP')]
            found.append([namespace.replace('%', '/'), name, *ends])
        return found


def main():
    peer = Peer(int(sys.argv[1]), sys.argv[2:])
    obey(peer)
    peer.reset()
    peer.session.close()


if __name__ == '__main__':
    main()
