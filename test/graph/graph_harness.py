"""One way to drive each adapter against a peer: what the conformance suite is written in.

`script` says what the peer will publish, `start` makes our graph, `play` lets the peer publish it,
`peer_listens` and `peer_got` are the other direction. For `dds` and `zenoh` the peer is another process, for
`bag` it is a recording.
"""

import base64
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from loopback import LOOPBACK

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import BagGraph, MemoryBus, MemoryGraph, make_graph
from stream_infer_ros.graph.recording import RecordingGraph

PATIENCE_S = 60.0  # nothing waits as long unless the machine is swamped
# Own domain per session; above 101 the ports of a domain lie among those the kernel hands out.
DOMAIN_ID = 1 + os.getpid() % 100
# What an adapter, and its peer, is made of.
NEEDS = {'dds': 'cyclonedds', 'zenoh': 'zenoh', 'rclpy': 'rclpy'}
# Where a peer finds the first one: DDS discovers by itself.
MEETING = {'dds': (), 'zenoh': (f'tcp/127.0.0.1:{17400 + DOMAIN_ID}',)}


def eventually(predicate, what='the condition'):
    """Wait until it holds; for what discovery tells, which has no event."""
    end = time.monotonic() + PATIENCE_S
    tick = threading.Event()
    while not predicate():
        assert time.monotonic() < end, f'{what} did not come about within {PATIENCE_S} s'
        tick.wait(0.005)


class Inbox:
    """An on_message that collects; wait for a number of messages."""

    def __init__(self):
        self.messages, self.stamps = [], []
        self._changed = threading.Condition()

    def __call__(self, cdr, received_ns):
        with self._changed:
            self.messages.append(bytes(cdr))
            self.stamps.append(received_ns)
            self._changed.notify_all()

    def wait(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.messages) >= count, PATIENCE_S), (
                f'{len(self.messages)} of {count} messages came within {PATIENCE_S} s'
            )
            return list(self.messages)


def same(received, sent):
    """Equal but for the up to three bytes of padding the wire may add."""
    return len(received) == len(sent) and all(
        got[: len(cdr)] == cdr and len(got) - len(cdr) < 4 and not any(got[len(cdr) :])
        for got, cdr in zip(received, sent, strict=True)
    )


class Harness:
    # Whether one participant may have a volatile and a transient_local reader of one topic.
    keeps_durabilities_apart = True
    resolves_names = False  # a ROS node completes 'words' to '/words'

    def __init__(self, tmp_path):
        self.tmp_path = tmp_path
        self.scripted = []  # (topic, type, qos, payloads)
        self.graph = None
        self.closing = []

    def script(self, topic, type_name, qos, payloads):
        self.scripted.append((topic, type_name, qos, list(payloads)))

    def close(self):
        if self.graph is not None:
            self.graph.close()
        for graph in self.closing:
            graph.close()


class MemoryHarness(Harness):
    joins_late = True

    def start(self):
        bus = MemoryBus()
        self.graph, self.peer = MemoryGraph(bus), MemoryGraph(bus)
        self.closing.append(self.peer)
        self.publishers = [self.peer.advertise(topic, kind, qos) for topic, kind, qos, _ in self.scripted]
        self.inboxes = {}
        return self.graph

    def play(self, readers=1):
        for publisher, (_, _, _, payloads) in zip(self.publishers, self.scripted, strict=True):
            for payload in payloads:
                publisher.publish(payload)

    def peer_listens(self, topic, type_name, qos):
        self.inboxes[topic] = Inbox()
        self.peer.subscribe(topic, type_name, qos, self.inboxes[topic])

    def meet(self, publisher, topic):
        pass

    def peer_got(self, topic, count):
        return self.inboxes[topic].wait(count)


class RecordingHarness(MemoryHarness):
    """A live graph with a recorder on it has to behave like the graph alone."""

    def start(self):
        self.graph = RecordingGraph(super().start(), self.tmp_path / 'kept')
        return self.graph


class BagHarness(Harness):
    joins_late = False  # a recording is played to those who are there
    suffix = ''

    def start(self):
        source = self.tmp_path / f'in{self.suffix}'
        self.target = self.tmp_path / f'out{self.suffix}'
        ticks = iter(range(1_000_000_000, 2_000_000_000, 1000))
        recorder = BagGraph(write=source, clock_ns=lambda: next(ticks))
        for topic, kind, qos, payloads in self.scripted:
            publisher = recorder.advertise(topic, kind, qos)
            for payload in payloads:
                publisher.publish(payload)
        recorder.close()
        self.graph = BagGraph(source, self.target)
        return self.graph

    def play(self, readers=1):
        self.graph.play()

    def peer_listens(self, topic, type_name, qos):
        self.listening = type_name

    def meet(self, publisher, topic):
        pass

    def peer_got(self, topic, count):
        self.graph.close()
        written = BagGraph(self.target)
        self.closing.append(written)
        inbox = Inbox()
        written.subscribe(topic, self.listening, qos=None, on_message=inbox)
        written.play()
        return inbox.messages


class SqliteHarness(BagHarness):
    suffix = '.db3'


class PeerProcess:
    """The process of <kind>_peer.py; every method of its Peer can be called here."""

    def __init__(self, domain_id=DOMAIN_ID, kind='dds', endpoints=()):
        # Looked for, not imported: beside rclpy this process holds a Cyclone of ROS's already.
        if importlib.util.find_spec(NEEDS[kind]) is None:
            pytest.skip(f'the peer needs {NEEDS[kind]}, which is not installed')
        # A program of its own, that gets its configuration as any cyclonedds program does.
        script = Path(__file__).with_name(f'{kind}_peer.py')
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(domain_id), *endpoints],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, 'CYCLONEDDS_URI': LOOPBACK},
        )
        assert json.loads(self.process.stdout.readline()) == 'ready'

    def __getattr__(self, do):
        def ask(**arguments):
            self.process.stdin.write(json.dumps({'do': do, **arguments}) + '\n')
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())

        return ask

    def kill(self):
        self.process.kill()
        self.end()

    def end(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)
        self.process.stdout.close()


class DdsHarness(Harness):
    joins_late = True
    kind = 'dds'
    peer = None  # one process for the session: starting one costs more than a test

    def start(self):
        own = type(self)
        if own.peer is None:
            own.peer = PeerProcess(kind=self.kind)
        self.graph = make_graph(on_loopback(self.kind))
        for topic, kind, qos, _ in self.scripted:
            self.talk(topic, kind, qos)
        return self.graph

    def talk(self, topic, kind, qos):
        self.peer.talk(topic=topic, type=kind, qos=asdict(qos))

    def play(self, readers=1):
        for topic, _, _, payloads in self.scripted:
            if readers:
                assert self.peer.matched(topic=topic, readers=readers)
            # Both sides must know each other: a writer that knows its reader may still be unknown to it.
            self.await_topic(topic)
            self.peer.send(topic=topic, payloads=[base64.b64encode(p).decode() for p in payloads])

    def await_topic(self, topic):
        if not getattr(self.graph, '_closed', False):
            eventually(lambda: topic in {info.name for info in self.graph.topics()}, f'{topic} in topics()')

    def peer_listens(self, topic, type_name, qos):
        self.peer.listen(topic=topic, type=type_name, qos=asdict(qos))

    def meet(self, publisher, topic):
        eventually(lambda: publisher.subscribers() == 1, f'one subscriber of {topic}')
        assert self.peer.matched(topic=topic)

    def peer_got(self, topic, count):
        return [base64.b64decode(payload) for payload in self.peer.received(topic=topic, count=count)]

    def close(self):
        super().close()
        if self.graph is not None:
            self.peer.reset()


class ZenohHarness(DdsHarness):
    kind = 'zenoh'
    peer = None


def on_loopback(kind, **changes):
    """The settings of a graph of the tests."""
    return GraphConfig(**{'kind': kind, 'domain_id': DOMAIN_ID, 'loopback': True, **changes})


HARNESSES = {
    'memory': MemoryHarness,
    'dds': DdsHarness,
    'zenoh': ZenohHarness,
    'bag': BagHarness,
    'bag-sqlite3': SqliteHarness,
    'recording': RecordingHarness,
}
