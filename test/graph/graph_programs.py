"""Programs of their own that use a graph, and what one of them says to the network."""

import base64
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from graph_harness import DOMAIN_ID, PATIENCE_S, same
from graph_messages import STRING, string

from stream_infer_ros.graph import RELIABLE

ROOT = Path(__file__).resolve().parents[2]


def run_python(script, **environ):
    """A program that ends by itself, and well."""
    return subprocess.run(
        [sys.executable, '-c', script],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': str(ROOT), **environ},
        timeout=PATIENCE_S,
        check=True,
    )


def calls_to_the_network(kind, peer, folder):
    """The system calls, as strace writes them, of a program that publishes one message to the peer."""
    if shutil.which('strace') is None:
        pytest.skip('strace, which sees every packet, is not installed')
    trace = folder / 'trace'
    script = f"""
import sys
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import make_graph, RELIABLE
graph = make_graph(GraphConfig(kind={kind!r}, domain_id={DOMAIN_ID}, loopback=True, node_name='watched'))
publisher = graph.advertise('/words', {STRING!r}, RELIABLE)
print('ready', flush=True)
sys.stdin.readline()
publisher.publish({string('hello')!r})
sys.stdin.readline()
graph.close()
"""
    peer.listen(topic='/words', type=STRING, qos=asdict(RELIABLE))
    watched = subprocess.Popen(
        ['strace', '-f', '-o', str(trace), '-e', 'trace=network', sys.executable, '-c', script],
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if watched.stdout.readline() != 'ready\n':
        pytest.skip(f'strace may not trace here: {watched.communicate()[1]}')
    assert peer.matched(topic='/words')
    watched.stdin.write('publish\n')
    watched.stdin.flush()
    assert same([base64.b64decode(m) for m in peer.received(topic='/words', count=1)], [string('hello')])
    watched.communicate('close\n', timeout=PATIENCE_S)
    return trace.read_text().splitlines()
