"""Settings of all tests."""

import os
import shutil
import tempfile
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

# The time of an example depends on the machine, so no example fails because it is slow.
settings.register_profile('project', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('project')

# Results of engine trials must not come from other runs, nor get into the cache of the user.
CACHE = tempfile.mkdtemp(prefix='stream_infer_test_cache_')
os.environ['XDG_CACHE_HOME'] = CACHE


def pytest_unconfigure(config):
    shutil.rmtree(CACHE, ignore_errors=True)


def pytest_collection_modifyitems(items):
    """Divide the tests among processes (`pytest -n`). A file stays together, as its fixtures are expensive.

    Tests that run a file inside ROS come first and separately, because they take longest.
    """
    items.sort(key=lambda item: 'inside_ros' not in item.name)
    for item in items:
        group = item.name if 'inside_ros' in item.name else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_terminal_summary(terminalreporter):
    """Print how many tests passed inside each ROS, because pytest counts each file of them as one test."""
    passed = Counter()
    for report in terminalreporter.stats.get('passed', []):
        for ros, number in (value for name, value in report.user_properties if name == 'passed inside'):
            passed[ros] += number
    if passed:
        terminalreporter.section('tests inside ROS 2')
    for ros, number in sorted(passed.items()):
        terminalreporter.line(f'{ros}: {number} passed')
