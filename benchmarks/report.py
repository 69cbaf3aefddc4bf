"""Draw the tables of docs/reference/performance.md from results.

`python benchmarks/report.py --into docs/reference/performance.md` replaces only the part of the page between
`<!-- measured: begin -->` and `<!-- measured: end -->`. Without --into, a page is written to standard output.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from machine import Table, shown
from suite import BENCHMARKS, RESULTS

BEGIN, END = '<!-- measured: begin -->', '<!-- measured: end -->'
# What matters most to a reader comes first.
ORDER = (
    'streams',
    'overload',
    'soak',
    'overhead',
    'scaling',
    'sync',
    'codec',
    'letterbox',
    'inference',
    'map',
)
HEAD = """# Performance

Each table comes from one run of a benchmark (`make bench BENCH_ARGS=--all`): its rows can be compared.

## Measured tables

"""


def main() -> int:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument('results', type=Path, nargs='?', default=RESULTS, metavar='RESULTS_DIR')
    made.add_argument('--into', type=Path, metavar='FILE', help='replace the marked part of it')
    options = made.parse_args()
    told = read(options.results)
    if not told:
        made.error(f'expected *.json of benchmarks in {options.results}, found none; run make bench first')
    if options.into is None:
        sys.stdout.write(HEAD + markdown(told))
        return 0
    text = options.into.read_text(encoding='utf-8')
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        made.error(f'expected one {BEGIN} and one {END} in {options.into}; write them where the tables go')
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    options.into.write_text(f'{before}{BEGIN}\n{markdown(told)}{END}{after}', encoding='utf-8')
    return 0


def read(folder: Path) -> list[dict[str, Any]]:
    """Return the results of benchmarks, the most important first; other files are ignored."""
    names = [*ORDER, *(benchmark.name for benchmark in BENCHMARKS if benchmark.name not in ORDER)]
    found = []
    for path in sorted(folder.glob('*.json')):
        told = json.loads(path.read_text(encoding='utf-8'))
        if isinstance(told, dict) and told.get('benchmark') in names:
            found.append(told)
    return sorted(found, key=lambda told: names.index(told['benchmark']))


def markdown(told: Sequence[Mapping[str, Any]]) -> str:
    """Machine, bounds and tables of all of them."""
    parts = [_machine(told)]
    judged = [(one, check) for one in told for check in one['checks']]
    if judged:
        head = ['| benchmark | figure | measured | target | met |', '| --- | --- | --- | --- | --- |']
        parts.append('\n'.join([*head, *(_target(one['title'], check) for one, check in judged)]))
    for one in told:
        parts.append(f'### {one["title"]}\n\n`{one["command"]}`' + (' (short runs)' if one['quick'] else ''))
        parts += [_table(table) for table in one['tables']]
        parts += [f'Not measured: {what}.' for what in one['missing']]
    return '\n\n'.join(parts) + '\n'


def _machine(told: Sequence[Mapping[str, Any]]) -> str:
    machines = [one['machine'] for one in told]
    first = machines[0]
    packages = ', '.join(f'{name} {number}' for name, number in first['packages'].items() if number)
    loads = [machine['load'] for machine in machines]
    words = (
        f'Machine: {first["cpu"]}, {max(machine["cores"] for machine in machines)} cores, '
        f'{first["memory_gb"]} GB, {first["os"]}, Python {first["python"]}; {packages}. '
        f'Measured {first["date"]}; load before each benchmark {min(loads):.1f} to {max(loads):.1f}.'
    )
    if len({(machine['cpu'], machine['python']) for machine in machines}) > 1:
        words += ' **These results are of different machines.**'
    return words


def _target(title: str, check: Mapping[str, Any]) -> str:
    met = {True: 'yes', False: '**no**', None: 'not measured'}[check['held']]
    limit = f'{"at most" if check["most"] else "at least"} {shown(check["limit"])}'
    cells = (title, check['what'], f'{shown(check["value"])} {check["unit"]}'.strip(), limit, met)
    return '| ' + ' | '.join(map(_cell, cells)) + ' |'


def _table(told: Mapping[str, Any]) -> str:
    table = Table(told['title'], told['columns'], told['note'])
    for row in told['rows']:
        table.row(*row)
    texts, right = table.texts(), table.to_the_right()
    lines = ['| ' + ' | '.join(map(_cell, row)) + ' |' for row in texts]
    rule = '| ' + ' | '.join('---:' if number else '---' for number in right) + ' |'
    note = f'\n\n{table.note}' if table.note else ''
    return f'**{table.title}**\n\n' + '\n'.join([lines[0], rule, *lines[1:]]) + note


def _cell(text: str) -> str:
    return text.replace('|', r'\|')


if __name__ == '__main__':
    sys.exit(main())
