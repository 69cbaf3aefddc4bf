"""One ROS prefix: a check that it is up to date, and its build."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tools.ros_prefix.compiler import compile_package, why_no_compiler
from tools.ros_prefix.definitions import definitions, packages
from tools.ros_prefix.generator import Generator
from tools.ros_prefix.unavailable import Unavailable
from tools.ros_prefix.wheels import install_wheels, why_no_wheels

__all__ = ['DISTRIBUTIONS', 'Prefix', 'Unavailable']

DISTRIBUTIONS = ('jazzy', 'kilted')
# The wheels contain a .pth file that starts Python a second time to set LD_LIBRARY_PATH. The last variable
# tells it that this was already done.
SETUP = """\
# Makes this shell use ROS 2 {distribution}, built from PyPI wheels.
_here="$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)"
export ROS_DISTRO={distribution} ROS_VERSION=2 ROS_PYTHON_VERSION=3 RMW_IMPLEMENTATION=rmw_fastrtps_cpp
export AMENT_PREFIX_PATH="$_here" PATH="$_here/bin:$PATH"
export PYTHONPATH="$_here/{site_packages}${{PYTHONPATH:+:$PYTHONPATH}}"
_libraries="$_here/lib$(printf ':%s' "$_here/{site_packages}"/ros_*.libs)"
export LD_LIBRARY_PATH="$_libraries${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1
unset _here _libraries
"""
# Imports and serialises every generated message, and creates a publisher: the middleware checks its type.
CHECK = """\
import importlib, sys
import rclpy
from rclpy.serialization import deserialize_message, serialize_message
rclpy.init()
node = rclpy.create_node('check')
for name in sys.argv[1:]:
    package, _, message = name.split('/')
    kind = getattr(importlib.import_module(package + '.msg'), message)
    assert deserialize_message(serialize_message(kind()), kind) == kind()
    node.create_publisher(kind, 'topic_of_' + message, 1)
"""


@dataclass(frozen=True)
class Prefix:
    """The prefix of one distribution, in the folder `into`."""

    distribution: str
    into: Path

    @property
    def folder(self) -> Path:
        return self.into.resolve() / self.distribution

    @property
    def why_not(self) -> Path:
        """Text file with the reason why the last build failed; absent after a success."""
        return self.folder.with_name(f'{self.distribution}.why_not.txt')

    def is_complete(self) -> bool:
        """True if the prefix was built by this version of the tool and Python, from the same definitions."""
        key = self.folder / 'key.txt'
        return key.is_file() and key.read_text() == self._key()

    def build(self) -> dict[str, float]:
        """Rebuild the prefix; return the seconds that each step took.

        Raises:
            Unavailable: the machine lacks something, or a step failed. `why_not` also holds the reason.
        """
        self.into.mkdir(parents=True, exist_ok=True)
        partial = self.folder.with_name(f'{self.distribution}.partial')
        shutil.rmtree(partial, ignore_errors=True)
        try:
            if reason := why_no_wheels() or why_no_compiler():
                raise Unavailable(reason)
            steps = self._build_in(partial)
        except Unavailable as error:
            self.why_not.write_text(f'{error}\n')
            shutil.rmtree(partial, ignore_errors=True)
            raise
        shutil.rmtree(self.folder, ignore_errors=True)
        partial.rename(self.folder)
        self.why_not.unlink(missing_ok=True)
        return steps

    def _build_in(self, folder: Path) -> dict[str, float]:
        clock, steps = time.monotonic, {}
        start_s = clock()
        site_packages = install_wheels(self.distribution, folder)
        steps['wheels'], start_s = clock() - start_s, clock()
        sys.path.insert(0, str(site_packages))
        generated = folder / 'generated'
        generator = Generator(folder, generated)
        for package, texts in packages(definitions()).items():
            generator.generate(package, texts)
        steps['generated'], start_s = clock() - start_s, clock()
        for package in packages(definitions()):
            compile_package(package, folder, site_packages, generated)
        shutil.rmtree(generated)
        steps['compiled'], start_s = clock() - start_s, clock()
        setup = SETUP.format(distribution=self.distribution, site_packages=site_packages.relative_to(folder))
        (folder / 'setup.bash').write_text(setup)
        self._check(folder)
        steps['checked'] = clock() - start_s
        (folder / 'key.txt').write_text(self._key())
        return steps

    def _check(self, folder: Path) -> None:
        script = f'source {folder}/setup.bash && ROS_AUTOMATIC_DISCOVERY_RANGE=OFF exec "$@"'
        command = ['bash', '-c', script, 'check', sys.executable, '-c', CHECK, *definitions()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f'the messages that were built do not work: {done.stderr[-2000:]}')

    def _key(self) -> str:
        """Return a hash of everything that the prefix is made from, except the wheels."""
        parts = [sys.version, sys.executable, self.distribution, repr(sorted(definitions().items()))]
        parts += [path.read_text() for path in sorted(Path(__file__).parent.glob('*.py'))]
        return hashlib.sha256('\0'.join(parts).encode()).hexdigest()
