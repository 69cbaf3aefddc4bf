"""Run the examples in the docstrings of the package."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import stream_infer_ros

PACKAGE = Path(stream_infer_ros.__file__).parent
# Modules that import ROS cannot be imported here. The examples of api.py need a recording and a graph;
# test_api.py runs them.
ELSEWHERE = ('nodes', 'graph/ros', 'api.py')


def modules_with_examples():
    for path in sorted(PACKAGE.rglob('*.py')):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith(ELSEWHERE) and '>>> ' in path.read_text():
            yield '.'.join(['stream_infer_ros', *Path(name).with_suffix('').parts])


@pytest.mark.parametrize('name', modules_with_examples())
def test_examples_give_what_they_show(name):
    result = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
