"""The description of the machine, and the tables and bounds of a benchmark.

A benchmark makes a `Results`, adds tables and checks as it goes (they are printed at once), and ends with
`finish()`, which writes `--json FILE` and gives the exit code. `report.py` draws the tables of
docs/reference/performance.md from such files, `suite.py` runs all benchmarks.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = {
    'numpy': ('numpy',),
    'opencv': ('opencv-python-headless', 'opencv-python'),
    'openvino': ('openvino',),
    'onnxruntime': ('onnxruntime', 'onnxruntime-gpu'),
    'cyclonedds': ('cyclonedds',),
    'rosbags': ('rosbags',),
}
# A benchmark beside others measures the others too.
BUSY = 0.5
WIDTH = 80

Cell = str | int | float | None


def describe() -> dict[str, Any]:
    """The machine, its software, and how busy it is."""
    return {
        'cpu': _cpu_model(),
        'cores': usable_cores(),
        'memory_gb': round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9, 1),
        'os': _system(),
        'python': platform.python_version(),
        'packages': {name: _version(names) for name, names in PACKAGES.items()},
        'ros': os.environ.get('ROS_DISTRO'),
        'load': round(os.getloadavg()[0], 2),
        'date': time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime()),
    }


def usable_cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def use_cores(cores: int) -> None:
    """Limit this process and its children to a number of cores."""
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def resident_mb() -> float:
    """Return the memory of this process, MB."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6


def threads_cpu_ns() -> Counter[str]:
    """Return the CPU time of each thread of this process, by name; native threads by their library."""
    ours = {thread.native_id: thread.name for thread in threading.enumerate()}
    own = Path('/proc/self/comm').read_text()
    spent: Counter[str] = Counter()
    for task in Path('/proc/self/task').iterdir():
        try:
            ns = int((task / 'schedstat').read_text().split()[0])
            called = (task / 'comm').read_text()
        except OSError:  # it has just ended
            continue
        # Threads of inference runtimes have the name of the process; threads of middlewares have other names.
        native = 'engine, its threads' if called == own else f'middleware, {called.strip()}'
        spent[ours.get(int(task.name), native).removeprefix('stream_infer ')] += ns
    return spent


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument('--json', type=Path, metavar='FILE', help='write all figures, and the machine')
    made.add_argument('--quick', action='store_true', help='shorter: rough figures')
    return made


class Table:
    """A table with numbers aligned to the right. Column titles name the unit: 'wall, ms'."""

    def __init__(self, title: str, columns: Sequence[str], note: str = '') -> None:
        self.title, self.columns, self.note = title, tuple(columns), note
        self.rows: list[tuple[Cell, ...]] = []

    def row(self, *cells: Cell) -> None:
        """Add a row with one cell per column, None for no value."""
        if len(cells) != len(self.columns):
            raise ValueError(f'expected {len(self.columns)} cells for {self.title!r}, got {len(cells)}')
        self.rows.append(cells)

    def texts(self) -> list[list[str]]:
        """Return titles and rows as text."""
        return [list(self.columns), *([shown(cell) for cell in row] for row in self.rows)]

    def __str__(self) -> str:
        texts = self.texts()
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        right = self.to_the_right()
        lines = [self.title]
        for row in texts:
            cells = zip(row, widths, right, strict=True)
            told = [text.rjust(width) if number else text.ljust(width) for text, width, number in cells]
            lines.append(('  ' + '  '.join(told)).rstrip())
        return '\n'.join([*lines, *([f'  {self.note}'] if self.note else [])])

    def to_the_right(self) -> list[bool]:
        """Return True for each column of numbers."""
        return [
            any(isinstance(row[i], int | float) for row in self.rows) and i > 0
            for i in range(len(self.columns))
        ]


class Results:
    """The results of one benchmark.

    Args:
        name: of the benchmark; docs/reference/performance.md is ordered by it.
        title: a heading.
        options: from `parser`.
    """

    def __init__(self, name: str, title: str, options: argparse.Namespace) -> None:
        self._path: Path | None = options.json
        self._told: dict[str, Any] = {'benchmark': name, 'title': title, 'machine': describe()}
        self._told |= {'quick': options.quick, 'command': ' '.join([Path(sys.argv[0]).name, *sys.argv[1:]])}
        self._tables: list[Table] = []
        self._checks: list[dict[str, Any]] = []
        self._figures: dict[str, Any] = {}
        self._missing: list[str] = []
        if self._told['machine']['load'] > BUSY * usable_cores():
            print(f'the machine is busy (load {self._told["machine"]["load"]}): trust ratios, not times')

    def show(self, table: Table) -> None:
        """Print a complete table, and keep it."""
        self._tables.append(table)
        print(f'{table}\n', flush=True)

    def medians(self, title: str, medians_ms: Mapping[str, float], unit: str = 'ms', note: str = '') -> None:
        """Show times of alternatives, with their ratio to the first one."""
        table = Table(title, ('', unit, 'x floor'), note)
        floor = next(iter(medians_ms.values()))
        for name, taken in medians_ms.items():
            table.row(name, taken, taken / floor)
        self.show(table)

    def figures(self, **values: Any) -> None:
        """Keep values that are in no table."""
        self._figures |= values

    def check(self, what: str, value: float | None, limit: float, unit: str = '', most: bool = True) -> None:
        """Print and keep the result of a bound: at most `limit`, or at least; None: not measured."""
        held = None if value is None else (value <= limit if most else value >= limit)
        self._checks.append(
            {'what': what, 'value': value, 'limit': limit, 'unit': unit, 'most': most, 'held': held}
        )
        print(check_words(self._checks[-1]), flush=True)

    def missing(self, what: str) -> None:
        """Note a part that could not be measured."""
        self._missing.append(what)
        print(f'not measured: {what}\n', flush=True)

    def finish(self) -> int:
        """Write the file. Return 1 if a bound does not hold."""
        self._told |= {
            'tables': [
                {'title': t.title, 'columns': t.columns, 'rows': t.rows, 'note': t.note} for t in self._tables
            ],
            'checks': self._checks,
            'figures': self._figures,
            'missing': self._missing,
        }
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(finite(self._told), indent=1) + '\n', encoding='utf-8')
        return int(any(check['held'] is False for check in self._checks))


def check_words(check: Mapping[str, Any]) -> str:
    """Return one line with the bound and the measured value."""
    word = {True: 'holds', False: 'BROKEN', None: 'not measured'}[check['held']]
    side = 'at most' if check['most'] else 'at least'
    unit = f' {check["unit"]}' if check['unit'] else ''
    value = shown(check['value']) if check['value'] is not None else '-'
    return f'{word}: {check["what"]}: {value}{unit} ({side} {shown(check["limit"])})'


def shown(cell: Cell) -> str:
    """Return a value with about three digits."""
    if cell is None:
        return '-'
    if not isinstance(cell, float):
        return str(cell)
    if not math.isfinite(cell):
        return '-'
    size = abs(cell)
    return (
        f'{cell:.0f}'
        if size >= 100
        else f'{cell:.1f}'
        if size >= 10
        else f'{cell:.2f}'
        if size >= 0.1 or not size
        else f'{cell:.4f}'
    )


def finite(value: Any) -> Any:
    """Replace infinity and NaN with null: JSON has neither."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _version(names: Sequence[str]) -> str | None:
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def _cpu_model() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    told = dict(line.split('\t: ', 1) for line in lines if '\t: ' in line)
    flags = told.get('flags', '').split()
    name = told.get('model name', '') or platform.machine()
    # The vector units determine the speed of a network.
    units = [
        label
        for flag, label in (('avx2', 'AVX2'), ('avx512f', 'AVX-512'), ('amx_bf16', 'AMX'))
        if flag in flags
    ]
    return ' '.join(name.split()) + (f' ({", ".join(units)})' if units else '')


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()['PRETTY_NAME']
    except OSError:
        name = platform.system()
    return f'{name}, {platform.system()} {platform.release()}'
