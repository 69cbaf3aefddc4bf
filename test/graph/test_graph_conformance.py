"""What every adapter promises, asked of each in the same words.

The peer of `dds` and of `zenoh` is another process.
"""

import logging

import pytest
from graph_harness import HARNESSES, NEEDS, DdsHarness, Inbox, ZenohHarness, eventually, same
from graph_messages import IMAGE, STRING, image, string

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import CAMERA_INPUT, LATCHED, RELIABLE, SENSOR_DATA, Qos, TopicInfo

DEEP = Qos(depth=200)


@pytest.fixture(scope='module', autouse=True)
def _end_the_peer():
    yield
    for harness in (DdsHarness, ZenohHarness):
        if harness.peer is not None:
            harness.peer.end()
            harness.peer = None


@pytest.fixture(params=HARNESSES)
def harness(request, tmp_path):
    if needed := NEEDS.get(request.param):
        pytest.importorskip(
            needed, reason=f'the {request.param} adapter needs {needed}, which is not installed'
        )
    made = HARNESSES[request.param](tmp_path)
    yield made
    made.close()


def test_messages_arrive_whole_and_in_order(harness):
    sent = [string(f'message {i}' + 'x' * i) for i in range(100)]  # every length modulo 4
    harness.script('/words', STRING, DEEP, sent)
    graph = harness.start()
    inbox = Inbox()
    graph.subscribe('/words', STRING, DEEP, inbox)
    harness.play()
    assert same(inbox.wait(100), sent)
    assert inbox.stamps == sorted(inbox.stamps)


def test_what_we_publish_arrives_whole_and_in_order(harness):
    sent = [string(f'message {i}' + 'x' * i) for i in range(100)]
    graph = harness.start()
    harness.peer_listens('/words', STRING, DEEP)
    publisher = graph.advertise('/words', STRING, DEEP)
    harness.meet(publisher, '/words')
    for payload in sent:
        publisher.publish(payload)
    assert same(harness.peer_got('/words', 100), sent)


@pytest.mark.parametrize('qos', [RELIABLE, Qos('best_available')], ids=lambda qos: qos.reliability)
def test_a_burst_of_six_large_images_comes_in_without_loss(harness, qos):
    sent = [image(i) for i in range(6)]
    harness.script('/camera/image_raw', IMAGE, RELIABLE, sent)
    graph = harness.start()
    inbox = Inbox()
    graph.subscribe('/camera/image_raw', IMAGE, qos, inbox)
    harness.play()
    assert same(inbox.wait(6), sent)
    assert graph.losses() == {}


@pytest.mark.parametrize('wanted', ['best_effort', 'best_available'])
@pytest.mark.parametrize('offered', ['best_effort', 'reliable'])
def test_best_effort_and_best_available_go_with_any_publisher(harness, wanted, offered):
    sent = [
        image(i, 48, 64) for i in range(6)
    ]  # small: a full socket buffer may cost best_effort any message
    harness.script('/camera/image_raw', IMAGE, Qos(offered), sent)
    graph = harness.start()
    inbox = Inbox()
    graph.subscribe('/camera/image_raw', IMAGE, Qos(wanted), inbox)
    harness.play()
    assert same(inbox.wait(6), sent)
    assert graph.qos_problems() == []


def test_a_burst_of_six_large_images_goes_out_without_loss(harness):
    sent = [image(i) for i in range(6)]
    graph = harness.start()
    harness.peer_listens('/camera/image_raw', IMAGE, RELIABLE)
    publisher = graph.advertise('/camera/image_raw', IMAGE, RELIABLE)
    harness.meet(publisher, '/camera/image_raw')
    for payload in sent:
        publisher.publish(payload)
    assert same(harness.peer_got('/camera/image_raw', 6), sent)
    assert graph.losses() == {}


@pytest.mark.parametrize('wrap', [bytes, bytearray, memoryview, lambda b: memoryview(bytearray(b))])
def test_any_buffer_can_be_published(harness, wrap):
    graph = harness.start()
    harness.peer_listens('/words', STRING, RELIABLE)
    publisher = graph.advertise('/words', STRING, RELIABLE)
    harness.meet(publisher, '/words')
    publisher.publish(wrap(string('odd')))
    publisher.publish(wrap(string('four')[:-1] + b'\0'))
    assert same(harness.peer_got('/words', 2), [string('odd'), string('four')])


@pytest.mark.parametrize('text', ['', 'Grüße, 東京 🤖', 'a' * 70_000])
def test_empty_long_and_foreign_text_come_through(harness, text):
    harness.script('/words', STRING, RELIABLE, [string(text)])
    graph = harness.start()
    inbox = Inbox()
    graph.subscribe('/words', STRING, RELIABLE, inbox)
    harness.play()
    assert same(inbox.wait(1), [string(text)])


def test_each_of_several_subscribers_gets_everything(harness):
    sent = [string(str(i)) for i in range(10)]
    harness.script('/words', STRING, DEEP, sent)
    harness.script('/others', STRING, DEEP, [string('other')])
    graph = harness.start()
    inboxes = [Inbox() for _ in range(3)]
    for inbox in inboxes:
        graph.subscribe('/words', STRING, DEEP, inbox)
    other = Inbox()
    for _ in range(3):
        graph.subscribe('/others', STRING, DEEP, other)
    harness.play(readers=3)
    for inbox in inboxes:
        assert same(inbox.wait(10), sent)
    assert same(other.wait(3), [string('other')] * 3)


def test_a_late_subscriber_gets_the_latched_messages(harness):
    if not harness.joins_late:
        pytest.skip('a recording has no late subscribers')
    sent = [string(str(i)) for i in range(8)]
    harness.script('/latched', STRING, Qos('reliable', 'transient_local', 3), sent)
    graph = harness.start()
    harness.play(readers=0)
    inbox, volatile, adaptive = Inbox(), Inbox(), Inbox()
    if harness.keeps_durabilities_apart:
        graph.subscribe('/latched', STRING, Qos('reliable', 'volatile', 10), volatile)
    graph.subscribe('/latched', STRING, Qos('reliable', 'transient_local', 10), inbox)
    graph.subscribe('/latched', STRING, CAMERA_INPUT, adaptive)
    assert same(inbox.wait(3), sent[-3:])
    assert same(adaptive.wait(3), sent[-3:])
    assert volatile.messages == []


def test_a_late_peer_gets_our_latched_messages(harness):
    if not harness.joins_late:
        pytest.skip('a recording is written from the start')
    graph = harness.start()
    publisher = graph.advertise('/map', STRING, LATCHED)
    for text in ('old', 'new'):
        publisher.publish(string(text))
    harness.peer_listens('/map', STRING, LATCHED)
    assert same(harness.peer_got('/map', 1), [string('new')])


def test_topics_of_the_peer_are_listed_by_name_and_type(harness):
    harness.script('/b/words', STRING, RELIABLE, [string('b')])
    harness.script('/a/image_raw', IMAGE, SENSOR_DATA, [image(1, 4, 4)])
    graph = harness.start()
    expected = [TopicInfo('/a/image_raw', IMAGE), TopicInfo('/b/words', STRING)]
    eventually(lambda: graph.topics() == expected, f'{expected} in topics()')


def test_a_publisher_counts_who_listens(harness):
    graph = harness.start()
    harness.peer_listens('/words', STRING, RELIABLE)
    publisher = graph.advertise('/words', STRING, RELIABLE)
    eventually(lambda: publisher.subscribers() == 1, 'one subscriber')
    graph.close()
    with pytest.raises(GraphError, match='closed'):
        publisher.publish(string('late'))


def test_the_clock_does_not_step_back(harness):
    harness.script('/words', STRING, DEEP, [string(str(i)) for i in range(20)])
    graph = harness.start()
    seen = [graph.now_ns()]
    inbox = Inbox()
    graph.subscribe(
        '/words', STRING, DEEP, lambda cdr, stamp: (seen.append(graph.now_ns()), inbox(cdr, stamp))
    )
    harness.play()
    inbox.wait(20)
    assert seen == sorted(seen)
    assert all(isinstance(now_ns, int) for now_ns in seen)


def test_one_subscriber_that_raises_is_told_and_stops_nobody(harness, caplog):
    sent = [string(str(i)) for i in range(5)]
    harness.script('/words', STRING, DEEP, sent)
    graph = harness.start()
    inbox = Inbox()

    def broken(_cdr, _stamp):
        raise ValueError('subscriber is broken')

    graph.subscribe('/words', STRING, DEEP, broken)
    graph.subscribe('/words', STRING, DEEP, inbox)
    with caplog.at_level(logging.ERROR):
        harness.play(readers=2)
        assert same(inbox.wait(5), sent)
        eventually(lambda: graph.callback_failures() == {'/words': 5}, 'five counted failures')
    assert len(caplog.records) == 1  # once, with the topic and where it came from
    assert '/words' in caplog.text
    assert 'subscriber is broken' in caplog.text


def test_closing_from_a_callback_ends_the_messages_there(harness):
    harness.script('/words', STRING, DEEP, [string(str(i)) for i in range(20)])
    graph = harness.start()
    inbox = Inbox()

    def three(cdr, stamp):
        if len(inbox.messages) == 2:
            graph.close()
        inbox(cdr, stamp)

    graph.subscribe('/words', STRING, DEEP, three)
    harness.play()
    inbox.wait(3)
    graph.close()
    assert len(inbox.messages) == 3


def test_close_is_final_and_may_be_repeated(harness):
    graph = harness.start()
    publisher = graph.advertise('/words', STRING, RELIABLE)
    graph.close()
    graph.close()
    with pytest.raises(GraphError, match=r'/words.*closed'):
        publisher.publish(string('x'))
    with pytest.raises(GraphError, match=r'/words.*closed'):
        graph.subscribe('/words', STRING, RELIABLE, Inbox())
    with pytest.raises(GraphError, match=r'/words.*closed'):
        graph.advertise('/words', STRING, RELIABLE)
    assert publisher.subscribers() in (0, 1)
    assert graph.qos_problems() == []
    assert graph.callback_failures() == {}
    assert graph.losses() == {}
    assert isinstance(graph.now_ns(), int)


@pytest.mark.parametrize(
    ('topic', 'type_name'),
    [
        ('words', STRING),
        ('/words/', STRING),
        ('/', STRING),
        ('', STRING),
        ('/wörds', STRING),
        ('/2words', STRING),
        ('/words', 'std_msgs/String'),
        ('/words', 'std_msgs/srv/Trigger'),
        ('/words', ''),
    ],
)
def test_names_that_ros_would_refuse_are_refused(harness, topic, type_name):
    graph = harness.start()
    if topic == 'words' and harness.resolves_names:
        graph.advertise(topic, type_name, RELIABLE)
        return
    with pytest.raises(GraphError, match='expected'):
        graph.advertise(topic, type_name, RELIABLE)
    with pytest.raises(GraphError, match='expected'):
        graph.subscribe(topic, type_name, RELIABLE, Inbox())


def test_another_type_on_the_same_topic_is_a_problem_that_is_told(harness):
    harness.script('/words', STRING, RELIABLE, [string('x')])
    graph = harness.start()
    graph.subscribe('/words', IMAGE, RELIABLE, Inbox())
    eventually(lambda: [p.policy for p in graph.qos_problems()] == ['type'], 'a problem of the type')
    (problem,) = graph.qos_problems()
    assert problem.topic == '/words'
    assert STRING in problem.remedy
    assert IMAGE in problem.remedy
