"""Messages that come and are refused: everything that describes inputs says so, with number and reason."""

from io import StringIO

import numpy as np
import pytest
from rich.console import Console
from test_pipeline_end_to_end import Driven, config
from yard import EPOCH_NS, SMALL, Yard

from stream_infer_ros.cameras import RigidTransform, StampedTransform
from stream_infer_ros.graph import RELIABLE, TF
from stream_infer_ros.messages.camera_info import encode_camera_info
from stream_infer_ros.messages.cdr_writer import CdrWriter
from stream_infer_ros.messages.compressed_image import encode_compressed_image
from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.messages.image import encode_image
from stream_infer_ros.messages.tf import encode_tf
from stream_infer_ros.pipeline.inputs.input_log import LONGEST_REASON, TopicLog
from stream_infer_ros.report.live_table import live_table

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
PERIOD_NS = 100_000_000
PICTURE = np.zeros((SMALL.height, SMALL.width, 3), np.uint8)


def image(encoding='rgb8', size=(120, 160), step=480, n_bytes=None):
    """Return the function that makes an Image of these values, whether or not they fit."""

    def made(stamp_ns):
        writer = CdrWriter(IMAGE)
        writer.header(stamp_ns, 'cam0_optical_frame')
        for number in size:
            writer.uint32(number)
        writer.string(encoding)
        writer.uint8(0)
        writer.uint32(step)
        data = np.zeros(size[0] * step if n_bytes is None else n_bytes, np.uint8)
        return writer.finish_with_bytes(data.data)

    return made


REFUSED = {
    'step 0': (image(step=0), 'step'),
    'encoding': (image(encoding='rgb9'), 'rgb9'),
    'no pixels': (image(size=(0, 0)), 'at least one pixel'),
    'data missing': (image(n_bytes=1000), 'rows of 480 bytes'),
    'cut short': (lambda stamp_ns: image()(stamp_ns)[:200], 'cut short'),
    'another type': (lambda stamp_ns: encode_tf([]), 'bytes'),
}


class Refusing:
    """A pipeline whose camera cam0 sends what a test makes."""

    def __init__(self, **settings) -> None:
        self.yard = Yard()
        self.made = Driven(self.yard, config(cameras=['cam0'], **settings))
        self.assembly = self.made.assembly
        self._publishers = {}

    def send(self, topic, type_name, make, count=5, qos=RELIABLE):
        if topic not in self._publishers:
            self._publishers[topic] = self.yard.cameras.advertise(topic, type_name, qos)
        for _ in range(count):
            self.yard.clock.now_ns += PERIOD_NS
            self._publishers[topic].publish(make(self.yard.clock.now_ns))
        self.made.tick(self.yard.clock.now_ns + 2 * PERIOD_NS)

    def status(self, part='camera cam0'):
        statuses = self.assembly.health.diagnostics.statuses(self.yard.clock.now_ns)
        return next(status for status in statuses if status.name == f'stream_infer: {part}')

    def descriptions(self):
        now_ns = self.yard.clock.now_ns
        table = StringIO()
        console = Console(file=table, width=2000)
        console.print(live_table(self.assembly, now_ns, 1.0))
        return {
            '/diagnostics': self.status().message,
            'explain_sync': str(self.assembly.health.explain_sync(now_ns)),
            'live table': table.getvalue(),
        }


@pytest.fixture
def refusing():
    made = []

    def make(**settings):
        made.append(Refusing(**settings))
        return made[-1]

    yield make
    for one in made:
        one.made.network.close()
        assert not one.yard.graph.callback_failures()


@pytest.mark.parametrize('case', REFUSED)
def test_a_camera_whose_images_are_all_refused(refusing, case):
    make, reason = REFUSED[case]
    refused = refusing()
    refused.send('/cam0/image_raw', IMAGE, make)
    for where, words in refused.descriptions().items():
        assert '5 messages came on /cam0/image_raw, all refused: ' in words, where
        assert reason in words, where
        assert 'no image' not in words, where
    status = refused.status()
    assert status.level is DiagnosticLevel.WARN
    values = [status.values[key] for key in ('images', 'received', 'refused')]
    assert values == ['0', '5', '5']
    assert reason in status.values['refused.last']
    assert reason in refused.assembly.health.cameras.none_usable()


def test_pixels_that_are_all_corrupt(refusing):
    refused = refusing(camera={'cam0': {'compressed': True}})
    corrupt = np.frombuffer(b'\xff\xd8\xff\xe0 broken \xff\xd9', np.uint8)
    topic = '/cam0/image_raw/compressed'
    refused.send(topic, COMPRESSED, lambda ns: encode_compressed_image(ns, 'cam0', corrupt, 'jpeg'))
    for where, words in refused.descriptions().items():
        assert f'5 messages came on {topic}, all refused: ' in words, where
    assert refused.status().values['images'] == '0'
    assert refused.assembly.health.cameras.none_usable()


def test_a_camera_that_begins_to_send_what_is_refused_is_not_silent(refusing):
    refused = refusing()
    refused.send('/cam0/image_raw', IMAGE, image())
    assert refused.status().message.startswith('expected calibration')
    refused.send('/cam0/image_raw', IMAGE, image(step=0), count=30)
    for where, words in refused.descriptions().items():
        assert '35 messages came on /cam0/image_raw, 30 refused, the last because: ' in words, where
        assert 'silent' not in words.replace('silent for', ''), where
    assert refused.status().level is DiagnosticLevel.ERROR
    assert 'no usable image for 3 s' in refused.status().message
    refused.send('/cam0/image_raw', IMAGE, image())
    assert 'refused' not in refused.status().message
    assert refused.status().values['refused'] == '30'


def test_a_calibration_that_is_refused_is_not_missing(refusing):
    refused = refusing()
    model = SMALL.rig()[0].model
    good = encode_camera_info(EPOCH_NS, 'cam0', model)
    refused.send('/cam0/camera_info', 'sensor_msgs/msg/CameraInfo', lambda _: good[:-30], count=3)
    refused.send('/cam0/image_raw', IMAGE, image())
    words = refused.status().message
    assert '3 messages came on /cam0/camera_info, all refused: sensor_msgs/msg/CameraInfo' in words
    assert 'none came' not in words
    refused.send('/cam0/camera_info', 'sensor_msgs/msg/CameraInfo', lambda _: good, count=1)
    refused.send('/cam0/image_raw', IMAGE, image())
    assert 'camera_info' not in refused.status().message


def test_transforms_that_are_refused_are_not_missing(refusing):
    refused = refusing()
    refused.send('/cam0/image_raw', IMAGE, image())
    level = RigidTransform.identity()
    nameless = lambda ns: encode_tf([StampedTransform(ns, 'odom', '', level)])  # noqa: E731
    refused.send('/tf', 'tf2_msgs/msg/TFMessage', nameless, qos=TF)
    for words in (refused.status('pipeline').message, refused.assembly.steps.read.refusals()['/tf']):
        assert '5 messages came on /tf, all with a refused transform: ' in words
        assert "'odom' -> ''" in words


def test_results_carry_refusals(refusing):
    refused = refusing()
    refused.send('/cam0/image_raw', IMAGE, image(step=0), count=1)
    refused.send('/cam0/image_raw', IMAGE, image(), count=1)
    (result,) = refused.made.results
    assert result.refusals.keys() == {'/cam0/image_raw'}
    assert '2 messages came on /cam0/image_raw, 1 refused' in result.refusals['/cam0/image_raw']


def test_reasons_are_one_printable_line_of_bounded_length():
    log = TopicLog('/t')
    for reason in ('a\nb\x1b[31m\x00', 'x' * 10_000, '\u202e' * 900):
        log.receive(1)
        log.refuse(reason)
        assert log.reason.isprintable()
        assert len(log.reason) <= LONGEST_REASON
        assert '\x1b' not in log.refusals


def test_an_encoding_with_control_characters_is_escaped(refusing):
    refused = refusing()
    refused.send('/cam0/image_raw', IMAGE, image(encoding='rgb8\x1b[2J\n' * 50))
    for where in ('/diagnostics', 'explain_sync'):
        assert '\x1b' not in refused.descriptions()[where], where
    assert len(refused.status().message) < 500


def test_good_images_have_no_words(refusing):
    refused = refusing(map={'enabled': False})
    refused.send('/cam0/image_raw', IMAGE, lambda ns: encode_image(ns, 'cam0', PICTURE, 'rgb8'))
    assert refused.status().message == 'streaming'
    assert refused.assembly.health.cameras.none_usable() == ''
    assert 'refused.last' not in refused.status().values
