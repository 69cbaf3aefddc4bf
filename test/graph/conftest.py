"""A graph here and a stranger in another process; which middleware, a module says by its fixture `kind`."""

import pytest
from graph_harness import MEETING, PeerProcess, on_loopback

from stream_infer_ros.graph import make_graph


@pytest.fixture(scope='module')
def stranger(kind):
    """One for a module: starting it costs more than a test."""
    made = PeerProcess(kind=kind)
    yield made
    made.end()


@pytest.fixture
def peer(stranger):
    """The stranger, on no topic yet."""
    yield stranger
    stranger.reset()


@pytest.fixture
def newcomers(kind, stranger):
    """Starts further strangers, who meet the first; a test may kill them."""
    made = []

    def start():
        made.append(PeerProcess(kind=kind, endpoints=MEETING[kind]))
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            one.end()


@pytest.fixture
def graphs(kind):
    """Makes graphs that are closed in the end."""
    made = []

    def make(**changes):
        made.append(make_graph(on_loopback(kind, **changes)))
        return made[-1]

    yield make
    for graph in made:
        graph.close()


@pytest.fixture
def graph(graphs):
    return graphs()
