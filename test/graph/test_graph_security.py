"""If ROS 2 requests security, a graph without security refuses to join, or warns."""

import pytest

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import make_graph
from stream_infer_ros.graph.security import demand, hint


@pytest.fixture
def asked(monkeypatch):
    """Return a function that sets SROS2's variables; None: not set."""

    def ask(enable, strategy):
        for name, value in {'ROS_SECURITY_ENABLE': enable, 'ROS_SECURITY_STRATEGY': strategy}.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    return ask


@pytest.mark.parametrize('kind', ['dds', 'zenoh'])
def test_an_unsecured_graph_is_refused_where_security_is_enforced(asked, kind):
    asked('true', 'Enforce')
    with pytest.raises(GraphError, match=f'graph.kind {kind} would join unsecured: .*stream_infer_node'):
        make_graph(GraphConfig(kind=kind, loopback=True))


def test_what_stays_in_the_process_needs_no_security(asked):
    asked('true', 'Enforce')
    make_graph(GraphConfig(kind='memory')).close()


def test_where_security_is_not_enforced_an_unsecured_graph_joins_and_warns(asked, caplog):
    asked('true', None)
    make_graph(GraphConfig(kind='dds', loopback=True, domain_id=3)).close()
    (said,) = [record.getMessage() for record in caplog.records]
    assert 'joins unsecured' in said


@pytest.mark.parametrize(
    ('enable', 'strategy', 'expected'),
    [
        (None, None, 'none'),
        (None, 'Enforce', 'none'),
        ('True', 'Enforce', 'none'),  # rcl accepts only 'true'
        ('true', None, 'permissive'),
        ('true', 'enforce', 'permissive'),
        ('true', 'Enforce', 'enforced'),
    ],
)
def test_the_variables_mean_what_they_mean_to_rcl(enable, strategy, expected):
    values = {'ROS_SECURITY_ENABLE': enable, 'ROS_SECURITY_STRATEGY': strategy}
    environ = {name: value for name, value in values.items() if value is not None}
    assert demand(environ) == expected
    assert bool(hint(environ)) == (expected != 'none')
