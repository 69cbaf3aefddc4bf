"""A problem on /diagnostics is logged once when it begins, and once when it is over."""

from stream_infer_ros.messages.diagnostics import DiagnosticLevel, DiagnosticStatus
from stream_infer_ros.pipeline.health.state_log import BEGUN_AFTER, OVER_AFTER, PROBLEM, StateLog

OK, WARN, ERROR, STALE = DiagnosticLevel


def status(level, message='', problem='', part='camera front'):
    return DiagnosticStatus(level, f'robot1/stream_infer: {part}', message, values={PROBLEM: problem})


def logged(log, *periods):
    """Return (level, text) of all lines from these periods; a period is one status or a list."""
    found = []
    for period in periods:
        found += log.lines(period if isinstance(period, list) else [period])
    return [tuple(line) for line in found]


def silent(seconds):
    return status(ERROR, f'silent for {seconds} s', 'silent')


def test_a_problem_is_logged_when_it_begins_and_when_it_is_over_and_not_in_between():
    fine = status(OK, 'streaming')
    periods = [fine, *map(silent, range(1, 30)), *[fine] * (OVER_AFTER + 3)]
    assert logged(StateLog(), *periods) == [
        (ERROR, f'camera front: silent for {BEGUN_AFTER} s'),
        (OK, 'camera front: resolved: streaming'),
    ]


def test_a_state_that_comes_and_goes_is_logged_once():
    fine = status(OK, 'p99 99 ms', part='pipeline')
    over = status(WARN, 'p99 101 ms', 'over_bound', part='pipeline')
    assert logged(StateLog(), *[fine, over] * 20) == []
    assert logged(StateLog(), *[over, over, fine] * 20) == [(WARN, 'pipeline: p99 101 ms')]


def test_another_problem_of_the_same_level_is_logged():
    calibration = status(WARN, 'no calibration', 'no_camera_info')
    transform = status(WARN, 'no transform', 'no_transform')
    assert logged(StateLog(), *[calibration] * 5, *[transform] * 5) == [
        (WARN, 'camera front: no calibration'),
        (WARN, 'camera front: no transform'),
    ]


def test_a_second_problem_that_comes_and_goes_is_logged_once():
    over = status(WARN, 'over the bound', 'over_bound')
    both = status(WARN, 'over the bound; overload', 'over_bound, overload')
    assert logged(StateLog(), *([over] * 3 + [both] * 3) * 5) == [
        (WARN, 'camera front: over the bound'),
        (WARN, 'camera front: over the bound; overload'),
    ]


def test_what_is_not_known_yet_is_no_problem():
    assert logged(StateLog(), *[status(STALE, 'no image yet')] * 9, *[status(OK, 'streaming')] * 9) == []


def test_a_status_that_is_gone_is_over():
    qos = status(ERROR, 'incompatible', part='qos /front/image_raw')
    assert logged(StateLog(), *[[qos]] * 3, *[[]] * OVER_AFTER) == [
        (ERROR, 'qos /front/image_raw: incompatible'),
        (OK, 'qos /front/image_raw: resolved: no longer reported'),
    ]


def test_what_all_cameras_say_is_one_line():
    names = ('front', 'left', 'rear')
    period = [status(WARN, 'no odom', 'no_transform', f'camera {name}') for name in names]
    assert logged(StateLog(), *[period] * 4) == [(WARN, 'cameras front, left, rear: no odom')]
