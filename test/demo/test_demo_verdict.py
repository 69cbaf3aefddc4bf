"""The verdict on a demo run, as a function of its figures."""

import pytest

from stream_infer_ros.demo.load import Load
from stream_infer_ros.demo.verdict import Criterion, SetFigures, judge

MS = 1_000_000
LOAD = Load(6, 10.0)
PUBLISHED, PARTIAL, LATENCY = Criterion.PUBLISHED, Criterion.PARTIAL, Criterion.LATENCY


def figures(published=300, partial=0, late=0, expected=300):
    """`late` of the published sets took 150 ms, the others 50 ms."""
    return SetFigures(expected, published, partial, [150 * MS] * late + [50 * MS] * (published - late))


@pytest.mark.parametrize(
    ('sets', 'failed'),
    [
        (figures(), []),
        (figures(published=301), []),
        (figures(late=3), []),
        (figures(late=4), [LATENCY]),
        (figures(partial=6), []),
        (figures(partial=7), [PARTIAL]),
        (figures(published=297), []),
        # Missing sets count as late, and late sets are not missing.
        (figures(published=296), [LATENCY]),
        (figures(published=298, late=2), [LATENCY]),
        (figures(published=294), [LATENCY]),
        (figures(published=293), [PUBLISHED, LATENCY]),
        (figures(published=269, partial=40), [PUBLISHED, PARTIAL, LATENCY]),
        (figures(published=1), [PUBLISHED, LATENCY]),
        (figures(published=0), [PUBLISHED, LATENCY]),
        (figures(published=1, expected=1), []),
    ],
)
def test_each_criterion_fails_exactly_below_its_limit(sets, failed):
    verdict = judge(LOAD, sets, 100.0)
    assert [failure.criterion for failure in verdict.failures] == failed
    assert verdict.passed == (not failed)


def test_percentiles_are_over_the_expected_sets():
    sets = SetFigures(100, 98, 0, [k * MS for k in range(1, 99)])
    assert (sets.latency_ms(0.5), sets.latency_ms(0.98)) == (50.0, 98.0)
    assert sets.latency_ms(0.99) == float('inf')
    assert SetFigures(100, 100, 0, [k * MS for k in range(1, 101)]).latency_ms(0.99) == 99.0
    assert SetFigures(2, 4, 0, [MS, 2 * MS, 3 * MS, 4 * MS]).latency_ms(1.0) == 4.0


def test_the_message_names_the_figures_and_what_to_do():
    verdict = judge(LOAD, figures(published=269, partial=40, late=10), 100.0)
    first, published, partial, latency = verdict.lines()
    assert first.startswith('6 cameras at 10 Hz: 269 of 300 sets published (89.7%), 40 partial')
    assert 'OVER the bound of 100 ms' in first
    assert 'at least 98%' in published
    assert '--rate' in published
    assert '13.3% of the sets were partial' in partial
    assert '--cameras' in partial
    assert '10 sets were published after the bound of 100 ms and 31 were never' in latency
    assert judge(LOAD, figures(), 100.0).lines() == [
        '6 cameras at 10 Hz: 300 of 300 sets published (100.0%), 0 partial; '
        'p99 50 ms is inside the bound of 100 ms'
    ]
