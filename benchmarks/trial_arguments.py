"""Options that benchmarks with trials share, in the same words."""

from __future__ import annotations

import argparse
from typing import Any

SHARED: dict[str, dict[str, Any]] = {
    '--rate': {
        'type': float,
        'default': 10.0,
        'metavar': 'HZ',
        'help': 'images a second of each camera (10)',
    },
    '--bound-ms': {'type': float, 'default': 100.0, 'metavar': 'MS', 'help': 'latency bound (100)'},
    '--graph': {
        'choices': ('dds', 'ros', 'memory', 'zenoh'),
        'default': 'dds',
        'help': 'middleware under the pipeline and the cameras (dds)',
    },
    '--engine': {'default': 'auto', 'help': 'inference engine (auto)'},
}


def add(made: argparse.ArgumentParser, *names: str, **changes: Any) -> None:
    """Add these of SHARED; `changes` are for all of them."""
    for name in names:
        made.add_argument(name, **SHARED[name] | changes)
