"""A middleware that is not installed is missed with words that help."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ('kind', 'package', 'words'),
    [
        ('dds', 'cyclonedds', ['pip install cyclonedds', 'graph.kind zenoh']),
        ('zenoh', 'zenoh', ['pip install eclipse-zenoh']),
        ('zenoh', 'xxhash', ['pip install eclipse-zenoh xxhash']),
    ],
)
def test_what_is_missing_and_what_to_take_instead_is_told(kind, package, words):
    script = f"""
import sys
sys.modules['{package}'] = None
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import make_graph
try:
    make_graph(GraphConfig(kind='{kind}', loopback=True))
except GraphError as error:
    print(error)
"""
    told = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    ).stdout
    for word in words:
        assert word in told
