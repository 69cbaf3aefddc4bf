"""The events of a child process, and the message about a child that reports none."""

import subprocess
import sys

import pytest

from stream_infer_ros.capacity.child_events import ChildEvents
from stream_infer_ros.errors import GraphError


@pytest.fixture
def child():
    made = []

    def start(script):
        made.append(
            subprocess.Popen(
                [sys.executable, '-c', script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        return ChildEvents(made[-1], 'the child')

    yield start
    for process in made:
        process.kill()
        process.wait()
        process.stdin.close()


def test_what_is_told_can_be_asked_for_in_any_order_and_again(child):
    told = child("""print('{"ready": true}\\n{"first": [1], "second": null}')""")
    assert told.wait('second', 30.0) is None
    assert told.wait('ready', 30.0) is True
    assert told.wait('first', 30.0) == told.wait('first', 0.0) == [1]


def test_words_that_are_no_json_are_passed_on(child, capfd):
    assert child("""print('a library speaks\\n{"ready": 1}')""").wait('ready', 30.0) == 1
    assert 'a library speaks' in capfd.readouterr().err


def test_a_child_that_ends_without_is_told_with_its_exit_code(child):
    with pytest.raises(GraphError, match=r"expected the child to report 'ready' .*exit code 7"):
        child('import sys; sys.exit(7)').wait('ready', 30.0)


def test_whoever_is_asked_meanwhile_may_raise(child):
    def failed(_wait_s):
        raise GraphError('the pipeline failed')

    with pytest.raises(GraphError, match='the pipeline failed'):
        child('input()').wait('ready', 30.0, failed)
