"""Any byte string is either decoded or refused, without a crash, a read past its end or much memory."""

import contextlib
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from message_samples import CODECS, PIXELS, TRANSFORMS, detections
from rosbags_messages import STAMP_NS, read

from stream_infer_ros.errors import CalibrationError, MessageError
from stream_infer_ros.messages.detection2d_array import decode_detection2d_array, encode_detection2d_array
from stream_infer_ros.messages.image import decode_image, encode_image
from stream_infer_ros.messages.tf import decode_tf, encode_tf

# A lens of absurd coefficients overflows while it is looked at; whether it is of use is not our matter here.
pytestmark = pytest.mark.filterwarnings('ignore:overflow encountered:RuntimeWarning')

IDS = [codec.type_name for codec in CODECS]
every_codec = pytest.mark.parametrize('codec', CODECS, ids=IDS)

# A well-formed CameraInfo that does not describe a camera raises an error of another type.
REFUSALS = (MessageError, CalibrationError)
LENGTHS = [0, 1, 2, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1]


def check(codec, data):
    """Refused as it should be, or parsed: then rosbags, which reads no more than is there, says the same."""
    try:
        value = codec.decode(data)
    except REFUSALS:
        return
    codec.agree(value, read(data, codec.type_name))


@every_codec
def test_a_message_cut_anywhere_is_refused(codec):
    for size in range(len(codec.sample)):
        with pytest.raises(MessageError):
            codec.decode(codec.sample[:size])


@every_codec
@pytest.mark.parametrize('extra', [4, 8, 1000])
def test_a_message_that_goes_on_is_refused(codec, extra):
    with pytest.raises(MessageError, match=r'got \d+ more bytes'):
        codec.decode(codec.sample + bytes(extra))


@every_codec
def test_a_flipped_bit_anywhere_is_parsed_or_refused(codec):
    for position in range(len(codec.sample)):
        for bit in {0, position * 5 % 8, 7}:
            data = bytearray(codec.sample)
            data[position] ^= 1 << bit
            check(codec, bytes(data))


@every_codec
def test_a_lie_in_any_length_is_parsed_or_refused(codec):
    for position in range(4, len(codec.sample) - 3, 4):  # lengths are aligned to four bytes
        for length in (*LENGTHS, len(codec.sample)):
            data = bytearray(codec.sample)
            data[position : position + 4] = struct.pack('<I', length)
            check(codec, bytes(data))


@every_codec
def test_a_read_never_leaves_its_message(codec):
    """The same bytes amid others: what lies around them changes nothing."""
    for size in range(0, len(codec.sample), 7):
        room = np.frombuffer(b'\xaa' * 64 + codec.sample + b'\xbb' * 64, np.uint8)
        with pytest.raises(MessageError):
            codec.decode(memoryview(room[64 : 64 + size]))
    codec.agree(codec.decode(memoryview(room[64:-64])), read(codec.sample, codec.type_name))


@every_codec
@settings(max_examples=100)
@given(st.data())
def test_mutated_messages_are_parsed_or_refused(codec, data):
    message = bytearray(codec.sample)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(message)))
        stop = data.draw(st.integers(start, min(len(message), start + 16)))
        message[start:stop] = data.draw(st.binary(max_size=16))
    check(codec, bytes(message))


@every_codec
@settings(max_examples=100)
@given(st.binary(max_size=300))
@example(b'')
@example(b'\x00\x01')
def test_random_bytes_are_parsed_or_refused(codec, data):
    check(codec, data)
    check(codec, b'\x00\x01\x00\x00' + data)
    check(codec, b'\x00\x00\x00\x00' + data)


@every_codec
@pytest.mark.parametrize('identifier', ['0002', '0003', '0006', '0007', '000a', '0100', 'ffff'])
def test_other_encapsulations_are_refused_by_name(codec, identifier):
    with pytest.raises(MessageError, match='begins with 00 00 or 00 01'):
        codec.decode(bytes.fromhex(identifier) + codec.sample[2:])


def test_a_strided_buffer_is_refused():
    with pytest.raises(MessageError, match='contiguous'):
        decode_tf(memoryview(bytes(24))[::2])


def peak_bytes(decode, data):
    """Most memory that was in use at once while decoding, beyond what was before."""
    with contextlib.suppress(*REFUSALS):
        decode(data)  # whatever is made once is made now
    tracemalloc.start()
    try:
        value = decode(data)
    except REFUSALS as error:
        value = error
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del value
    return peak


SMALL = 131_072  # objects, tracebacks, what an error message says, a lens' table


@every_codec
def test_a_length_that_lies_allocates_nothing(codec):
    for position in range(4, len(codec.sample) - 3, 4):
        for length in (2**32 - 1, 2**31 - 1, 2**24):
            data = bytearray(codec.sample)
            data[position : position + 4] = struct.pack('<I', length)
            assert peak_bytes(codec.decode, bytes(data)) < SMALL


def test_a_large_image_is_not_copied():
    data = encode_image(STAMP_NS, 'cam', np.zeros((1080, 1920, 3), np.uint8), 'rgb8')
    assert peak_bytes(decode_image, data) < SMALL


@every_codec
@pytest.mark.parametrize('filler', [b'\x00', b'\xff', b'a', b'\x01\x00\x00\x00'])
def test_a_megabyte_of_anything_stays_small(codec, filler):
    """A decoder needs no more memory than the size of the message, whatever the message contains."""
    for size in (8, 16, len(codec.sample) // 8 * 4, len(codec.sample)):
        data = codec.sample[:size] + filler * (2**20 // len(filler))
        assert peak_bytes(codec.decode, data) < len(data) + SMALL


def test_a_long_string_is_refused_before_it_is_read():
    # One wide character would make Python keep every character in four bytes.
    text = ('a' * 2**20 + '\U0001f600').encode() + b'\0'
    data = b'\x00\x01\x00\x00' + bytes(8) + struct.pack('<I', len(text)) + text
    with pytest.raises(MessageError, match='at most 65536 bytes'):
        decode_image(data)
    assert peak_bytes(decode_image, data) < SMALL


@pytest.mark.parametrize(
    ('decode', 'data'),
    [
        (decode_tf, encode_tf(TRANSFORMS * 500)),
        (decode_detection2d_array, encode_detection2d_array(5, 'cam', detections(500))),
    ],
    ids=['tf', 'detections'],
)
def test_lists_grow_with_what_is_there(decode, data):
    """Python objects take more room than their bytes on the wire; by a constant factor, not by a claim."""
    assert peak_bytes(decode, data) < 20 * len(data) + SMALL
    assert peak_bytes(decode, data[:-4]) < 20 * len(data) + SMALL


def test_a_count_is_checked_against_the_least_that_it_could_take():
    # 1000 transforms of at least 74 bytes cannot be in 20,000 bytes, whatever they hold.
    data = b'\x00\x01\x00\x00' + struct.pack('<I', 1000) + bytes(20_000)
    with pytest.raises(MessageError, match='sequence of 1000 items'):
        decode_tf(data)


def test_an_error_says_type_place_and_remedy():
    data = encode_image(STAMP_NS, 'cam', PIXELS, 'rgb8')
    with pytest.raises(MessageError, match=r'sensor_msgs/msg/Image: expected 72 bytes at byte 48 of 110'):
        decode_image(data[:-10])
