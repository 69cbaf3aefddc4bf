"""Missing inputs are reported, with the topics that are on the graph instead."""

import pytest
from test_pipeline_end_to_end import Driven
from yard import EPOCH_NS, Clock

from stream_infer_ros.config import parse_config
from stream_infer_ros.graph import RELIABLE, MemoryBus, MemoryGraph
from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.pipeline.health.input_watch import PATIENCE_NS
from stream_infer_ros.pipeline.health.state_log import PROBLEM
from stream_infer_ros.pipeline.inputs.camera_topics import COMPRESSED_IMAGE, IMAGE

TF_MESSAGE = 'tf2_msgs/msg/TFMessage'
SECOND_NS = 1_000_000_000


class Graphs:
    """Two ends of a bus on which nothing is published yet."""

    def __init__(self):
        bus, self.clock = MemoryBus(), Clock()
        self.graph, self.cameras = MemoryGraph(bus, self.clock), MemoryGraph(bus, self.clock)


@pytest.fixture
def run():
    """Return a function that makes a pipeline, and returns it with its statuses after some seconds."""
    made = []

    def make(graphs, **settings):
        config = parse_config({'engine': {'kind': 'fake'}, 'cameras': ['front'], **settings}, 'test')
        driven = Driven(graphs, config)
        made.append(driven)
        return driven

    yield make
    for driven in made:
        driven.network.close()


def statuses_after(driven, seconds):
    diagnostics = driven.assembly.health.diagnostics
    last = []
    for second in range(seconds + 1):
        last = diagnostics.publish_if_due(EPOCH_NS + second * SECOND_NS)
    return {status.name.partition(': ')[2]: status for status in last}


def test_a_camera_that_never_comes_is_named_with_the_topics_that_are_there(run):
    graphs = Graphs()
    graphs.cameras.advertise('/driver/image', IMAGE, RELIABLE)
    driven = run(graphs)
    patience_s = PATIENCE_NS // SECOND_NS
    early = statuses_after(driven, patience_s - 1)['camera front']
    assert early.level is DiagnosticLevel.STALE
    late = statuses_after(driven, patience_s + 1)['camera front']
    assert (late.level, late.values[PROBLEM]) == (DiagnosticLevel.WARN, 'no_image')
    for words in ('/front/image_raw', 'nobody publishes there', '/driver/image', 'camera.front.image_topic'):
        assert words in late.message


def test_a_topic_that_has_a_publisher_or_another_type_is_told_apart(run):
    graphs = Graphs()
    graphs.cameras.advertise('/front/image_raw', IMAGE, RELIABLE)
    driven = run(graphs, cameras=['front', 'left'])
    graphs.cameras.advertise('/left/image_raw', COMPRESSED_IMAGE, RELIABLE)
    told = statuses_after(driven, 7)
    assert 'though it has a publisher' in told['camera front'].message
    assert f'carries {COMPRESSED_IMAGE}, expected {IMAGE}' in told['camera left'].message


def test_messages_that_are_all_refused_are_not_called_absent(run):
    graphs = Graphs()
    driven = run(graphs)
    graphs.cameras.advertise('/front/image_raw', IMAGE, RELIABLE).publish(b'\x00\x01\x00\x00 none')
    front = statuses_after(driven, 7)['camera front']
    assert (front.level, front.values[PROBLEM]) == (DiagnosticLevel.WARN, 'refused')
    assert front.message.startswith('1 message came on /front/image_raw, ')


@pytest.mark.parametrize(
    ('topic', 'words'),
    [('/robot1/tf', 'set graph.tf_namespace to /robot1'), ('/else', 'robot_state_publisher')],
)
def test_transforms_in_another_namespace_are_noticed(run, topic, words):
    graphs = Graphs()
    driven = run(graphs)
    graphs.cameras.advertise(topic, TF_MESSAGE, RELIABLE)
    pipeline = statuses_after(driven, 7)['pipeline']
    assert 'transforms' in pipeline.values[PROBLEM]
    assert words in pipeline.message


def test_of_several_namespaces_that_of_the_node_is_proposed(run):
    graphs = Graphs()
    driven = run(graphs, graph={'namespace': '/robot2'})
    for robot in (1, 2, 3):
        graphs.cameras.advertise(f'/robot{robot}/tf', TF_MESSAGE, RELIABLE)
    message = statuses_after(driven, 7)['pipeline'].message
    assert (
        'there are some on /robot2/tf, /robot1/tf, /robot3/tf: set graph.tf_namespace to /robot2' in message
    )


@pytest.mark.parametrize(
    ('graph', 'published', 'read'),
    [
        ({}, ['/robot1/tf', '/robot1/tf_static'], '/'),
        ({'namespace': '/robot1'}, ['/robot1/tf', '/robot1/tf_static'], '/robot1'),
        ({'namespace': '/robot1'}, ['/robot1/tf_static'], '/robot1'),
        ({'namespace': '/robot1'}, ['/robot1/tf', '/robot2/tf'], '/robot1'),
        ({'namespace': '/fleet/robot1'}, ['/fleet/robot1/tf', '/fleet/tf'], '/fleet/robot1'),
        ({'namespace': '/robot1'}, ['/robot1/tf', '/tf'], '/'),
        ({'namespace': '/robot1'}, ['/robot1/tf', '/tf_static'], '/'),
        ({'namespace': '/robot1'}, ['/robot2/tf'], '/'),
        ({'namespace': '/robot1'}, [], '/'),
        ({'namespace': '/robot1', 'tf_namespace': '/'}, ['/robot1/tf'], '/'),
        ({'namespace': '/robot1', 'tf_namespace': '/robot2'}, ['/robot1/tf'], '/robot2'),
        ({'tf_namespace': '/robot2'}, ['/tf'], '/robot2'),
    ],
)
def test_transforms_of_the_own_namespace_are_used_if_there_are_no_others(run, graph, published, read):
    graphs = Graphs()
    for topic in published:
        graphs.cameras.advertise(topic, TF_MESSAGE, RELIABLE)
    topics = {topic for topic, type_name, _ in run(graphs, graph=graph).assembly.subscriptions()}
    outer = read.rstrip('/')
    assert {f'{outer}/tf', f'{outer}/tf_static'} <= topics
    assert len({topic for topic in topics if topic.endswith(('/tf', '/tf_static'))}) == 2


def test_transforms_outside_the_namespace_are_noticed(run):
    graphs = Graphs()
    driven = run(graphs, graph={'tf_namespace': '/robot1'})
    graphs.cameras.advertise('/tf', TF_MESSAGE, RELIABLE)
    message = statuses_after(driven, 7)['pipeline'].message
    assert 'no transform came on /robot1/tf or /robot1/tf_static, but there are some on /tf: set ' in message


def test_a_clock_that_jumps_is_no_waiting(run):
    driven = run(Graphs())
    diagnostics = driven.assembly.health.diagnostics
    diagnostics.publish_if_due(0)
    statuses = diagnostics.publish_if_due(EPOCH_NS)
    assert statuses[1].level is DiagnosticLevel.STALE


def test_a_camera_that_comes_after_the_search_is_told(run):
    graphs = Graphs()
    graphs.cameras.advertise('/front/image_raw', IMAGE, RELIABLE)
    driven = run(graphs, cameras=[])
    told = statuses_after(driven, 1)['image topics']
    assert told.level is DiagnosticLevel.OK
    graphs.cameras.advertise('/late/image_raw', IMAGE, RELIABLE)
    told = statuses_after(driven, 3)['image topics']
    assert told.level is DiagnosticLevel.WARN
    assert '/late/image_raw' in told.message
    assert 'restart' in told.message
    assert '/front/image_raw' not in told.message
