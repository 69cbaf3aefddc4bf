"""Run the benchmarks one after another, and print which bounds hold: `make bench`.

    python benchmarks/suite.py                the short ones, with rough figures, in some minutes
    python benchmarks/suite.py --all          all of them at full length, in an hour
    python benchmarks/suite.py sync codec     these two at full length

Each writes RESULTS/<name>.json (benchmarks/results). `python benchmarks/report.py` draws the tables of
docs/reference/performance.md from these files.
A benchmark that needs something that is not installed says so and is skipped.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import Table, check_words, describe

HERE = Path(__file__).resolve().parent
RESULTS = HERE / 'results'
PATIENCE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A script, its arguments without --json, and whether `make bench` runs it."""

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    quick: bool = True


BENCHMARKS = (
    Benchmark('sync', 'sync.py'),
    Benchmark('codec', 'codec.py'),
    Benchmark('letterbox', 'letterbox.py'),
    Benchmark('inference', 'inference.py'),
    Benchmark('map', 'map.py'),
    Benchmark('engines', 'engines.py'),
    Benchmark('graph', 'graph.py'),
    Benchmark('flood', 'flood.py'),
    Benchmark('world', 'world.py'),
    Benchmark('overhead', 'overhead.py'),
    Benchmark('rclpy_cost', 'rclpy_cost.py'),
    Benchmark('kserve', 'kserve.py'),
    Benchmark('middleware', 'middleware.py', quick=False),
    Benchmark('streams', 'streams.py', quick=False),
    Benchmark('independent', 'streams.py', ('--independent',), quick=False),
    Benchmark('overload', 'overload.py', quick=False),
    Benchmark('soak', 'overload.py', ('--soak',), quick=False),
    Benchmark('scaling', 'scaling.py', ('--peer',), quick=False),
    Benchmark('served_streams', 'served_streams.py', quick=False),
)


def main() -> int:
    options = _arguments()
    known = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    quick = not (options.all or options.names)
    chosen = [known[name] for name in options.names] if options.names else list(BENCHMARKS)
    ran = {
        one.name: run(one, options.results, quick or options.quick)
        for one in chosen
        if one.quick or not quick
    }
    print(_machine_words())
    print(summary(ran))
    broken = [name for name, told in ran.items() if told['code']]
    if quick:
        left = [one.name for one in chosen if not one.quick]
        print(f'not in the quick round: {", ".join(left)}; say make bench BENCH_ARGS=--all')
    # Short runs are not precise enough for bounds: in a quick round, only a benchmark that did not run fails.
    return int(any(told['failed'] for told in ran.values()) or (bool(broken) and not quick))


def run(benchmark: Benchmark, folder: Path, quick: bool) -> dict[str, Any]:
    """Run one. Return its results, exit code and duration; `failed` is True if it wrote no results."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{benchmark.name}.json'
    path.unlink(missing_ok=True)
    command = [sys.executable, str(HERE / benchmark.script), *benchmark.arguments, '--json', str(path)]
    command += ['--quick'] if quick else []
    print(f'--- {benchmark.name}', flush=True)
    start_s = time.monotonic()
    environment = os.environ | {
        'PYTHONPATH': ':'.join(filter(None, [str(HERE.parent), os.environ.get('PYTHONPATH')]))
    }
    try:
        code = subprocess.run(command, check=False, timeout=PATIENCE_S, env=environment).returncode
    except subprocess.TimeoutExpired:
        print(f'{benchmark.name} was not done within {PATIENCE_S:.0f} s')
        code = 1
    told = json.loads(path.read_text(encoding='utf-8')) if path.exists() else {'checks': [], 'missing': []}
    return told | {'code': code, 'took_s': time.monotonic() - start_s, 'failed': not path.exists()}


def summary(ran: dict[str, dict[str, Any]]) -> str:
    """Return a table of all benchmarks, and the bounds that do not hold."""
    table = Table('benchmarks', ('', 'took, s', 'bounds held', 'not measured'))
    for name, told in ran.items():
        held = sum(check['held'] is True for check in told['checks'])
        judged = sum(check['held'] is not None for check in told['checks'])
        words = 'FAILED' if told['failed'] else f'{held} of {judged}' if judged else '-'
        table.row(name, round(told['took_s']), words, _short(told['missing']))
    broken = [
        f'  {name}: {check_words(check)}'
        for name, told in ran.items()
        for check in told['checks']
        if check['held'] is False
    ]
    return '\n'.join([str(table), *(['broken:', *broken] if broken else [])])


def _short(missing: Sequence[str]) -> str:
    text = '; '.join(one.split(':')[0].split(' (')[0] for one in missing)
    return text if len(text) <= 40 else f'{text[:37]}...'


def _machine_words() -> str:
    told = describe()
    packages = ', '.join(f'{name} {number or "-"}' for name, number in told['packages'].items())
    return (
        f'--- on {told["cores"]} cores of {told["cpu"]}, {told["memory_gb"]} GB, {told["os"]}, Python '
        f'{told["python"]}\n{packages}\n'
    )


def _arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [benchmark.name for benchmark in BENCHMARKS]
    made.add_argument('names', nargs='*', metavar='NAME', help=f'of {", ".join(names)}')
    made.add_argument('--all', action='store_true', help='all of them, at full length')
    made.add_argument('--quick', action='store_true', help='short, also with NAMEs or --all')
    made.add_argument('--results', type=Path, default=RESULTS, metavar='DIR', help='(benchmarks/results)')
    options = made.parse_args()
    unknown = sorted(set(options.names) - set(names))
    if unknown:
        made.error(f'expected names of {", ".join(names)}, got {", ".join(unknown)}')
    return options


if __name__ == '__main__':
    sys.exit(main())
