"""Command line that builds missing and outdated prefixes in parallel."""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.ros_prefix.prefix import DISTRIBUTIONS, Prefix, Unavailable


def main() -> int:
    """Build the given prefixes; return 1 if one could not be built.

    The reason is printed, and stored in a text file beside the prefix.
    """
    parser = argparse.ArgumentParser(
        prog='python -m tools.ros_prefix', description='ROS 2 prefixes from wheels'
    )
    parser.add_argument('distribution', nargs='+', choices=DISTRIBUTIONS)
    parser.add_argument('--into', type=Path, default=Path(sys.prefix) / 'ros', help='folder of the prefixes')
    arguments = parser.parse_args()
    prefixes = [Prefix(name, arguments.into) for name in arguments.distribution]
    missing = [prefix for prefix in prefixes if not prefix.is_complete()]
    if len(missing) <= 1:
        return max(map(build, missing), default=0)
    with ThreadPoolExecutor() as pool:
        # One process each, because the generators of different distributions are modules of the same names.
        return max(pool.map(build_in_child, missing))


def build_in_child(prefix: Prefix) -> int:
    command = [sys.executable, '-m', 'tools.ros_prefix', prefix.distribution, '--into', str(prefix.into)]
    return subprocess.run(command, check=False).returncode


def build(prefix: Prefix) -> int:
    try:
        steps = prefix.build()
    except Unavailable as reason:
        print(f'ROS 2 {prefix.distribution} from wheels: {reason}', file=sys.stderr)
        return 1
    told = ', '.join(f'{step} {seconds:.0f} s' for step, seconds in steps.items())
    print(f'ROS 2 {prefix.distribution} from wheels: {told}; in {prefix.folder}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
