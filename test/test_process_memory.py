"""Freed memory that malloc keeps for the next images."""

import os
import platform
import subprocess
import sys

import pytest

# Count the page faults of images that are allocated and freed as by the middleware, after a warm-up.
FAULTS = """
import resource, sys
from stream_infer_ros.process_memory import keep_freed_memory
kept = keep_freed_memory() if sys.argv[1] == 'keep' else False
def images():
    for _ in range(20):
        held = [bytes(921_600) for _ in range(8)]
        del held
images()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
images()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how, **environment):
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(('MALLOC_', 'GLIBC_'))
    }
    done = subprocess.run(
        [sys.executable, '-c', FAULTS, how],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    kept, count = done.stdout.split()
    return kept == 'True', int(count)


@pytest.mark.skipif(
    platform.libc_ver()[0] != 'glibc', reason='no glibc: not tested that freed images are kept'
)
def test_the_memory_of_freed_images_serves_the_next_ones():
    kept, count = faults('keep')
    assert kept
    assert count < 100, 'one image alone is 225 pages'
    assert faults('leave')[1] > 10 * max(count, 100)


def test_an_environment_that_configures_malloc_is_respected():
    assert faults('keep', MALLOC_TRIM_THRESHOLD_='1000000')[0] is False
