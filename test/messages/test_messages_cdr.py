"""CdrReader and CdrWriter, on a type with combinations of fields that our messages do not have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rosbags_messages import header, new, write

from stream_infer_ros.errors import MessageError
from stream_infer_ros.messages.cdr_reader import CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'sensor_msgs/msg/JointState'

doubles = st.lists(st.floats(allow_nan=False), max_size=3)


@given(st.text('ab', max_size=9), doubles, doubles, doubles, st.booleans())
def test_sequences_of_doubles_are_aligned_only_where_there_are_any(frame_id, one, two, three, big_endian):
    message = new(
        TYPE_NAME,
        header=header(5, frame_id),
        name=[],
        position=np.array(one, np.float64),
        velocity=np.array(two, np.float64),
        effort=np.array(three, np.float64),
    )
    writer = CdrWriter(TYPE_NAME)
    writer.header(5, frame_id)
    writer.uint32(0)
    for values in (one, two, three):
        writer.float64_sequence(values)
    assert writer.finish() == write(message)

    reader = CdrReader(write(message, big_endian), TYPE_NAME)
    assert reader.header() == (5, frame_id)
    assert reader.sequence_length(5) == 0
    for values in (one, two, three):
        assert reader.float64_sequence().tolist() == values
    reader.end()


@pytest.mark.parametrize('order', ['<', '>'])
def test_numbers_are_aligned_to_their_own_size_behind_the_encapsulation(order):
    body = np.zeros(1, np.dtype([('a', order + 'u1'), ('b', order + 'u4'), ('c', order + 'f4')], align=True))
    body['a'], body['b'], body['c'] = 1, 2, -3
    reader = CdrReader((b'\0\1\0\0' if order == '<' else b'\0\0\0\0') + body.tobytes(), 'x/msg/Y')
    assert (reader.uint8(), reader.uint32(), reader.float32()) == (1, 2, -3.0)
    reader.end()
    with pytest.raises(MessageError, match='expected 1 bytes at byte 16 of 16'):
        reader.uint8()


def test_padding_before_a_number_may_not_reach_over_the_end():
    reader = CdrReader(bytes.fromhex('00010000 01 00'), 'x/msg/Y')
    reader.uint8()
    with pytest.raises(MessageError, match='expected 4 bytes at byte 8 of 6'):
        reader.uint32()
