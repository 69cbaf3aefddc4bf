"""Images: all encodings, padded rows, byte order, no copies, and invalid messages."""

from pathlib import Path

import message_samples as samples
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rosbags.highlevel import AnyReader
from rosbags_messages import STAMP_NS, header, new, read, write

from stream_infer_ros.cameras.encodings import ENCODINGS, encoding_info, to_colour
from stream_infer_ros.errors import EncodingError, MessageError
from stream_infer_ros.messages.compressed_image import decode_compressed_image, encode_compressed_image
from stream_infer_ros.messages.image import decode_image, encode_image

# Those the package promises; more may be known.
PROMISED = [
    *('rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8', 'mono16'),
    *('bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8'),
    *('yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv', 'nv12', 'nv21', '8UC3', '16UC1', '32FC1'),
]
WIDE = [name for name in PROMISED if ENCODINGS[name].dtype.itemsize > 1]


def picture(encoding, height=4, width=6):
    info = encoding_info(encoding)
    shape = info.array_shape(height, width)
    count = int(np.prod(shape))
    return (np.arange(count) * 7 % 251).astype(info.dtype).reshape(shape)


def message(encoding='rgb8', height=4, width=6, step=None, data=None, is_bigendian=0):
    """By rosbags, as a driver might fill it in."""
    info = encoding_info(encoding if encoding in ENCODINGS else 'rgb8')
    step = info.row_bytes(width) if step is None else step
    rows = height * info.rows_per_two // 2
    data = np.zeros(min(rows * step, 10_000), np.uint8) if data is None else data
    return write(
        new(
            'sensor_msgs/msg/Image',
            header=header(),
            height=height,
            width=width,
            encoding=encoding,
            is_bigendian=is_bigendian,
            step=step,
            data=data,
        )
    )


@pytest.mark.parametrize('encoding', PROMISED)
def test_every_encoding_both_ways(encoding):
    image = picture(encoding)
    cdr = encode_image(STAMP_NS, 'cam', image, encoding)
    theirs = read(cdr, 'sensor_msgs/msg/Image')
    assert (theirs.height, theirs.width, theirs.encoding) == (4, 6, encoding)
    assert theirs.data.tobytes() == image.tobytes()
    assert write(theirs) == cdr
    ours = decode_image(cdr)
    assert (ours.stamp_ns, ours.frame_id, ours.encoding) == (STAMP_NS, 'cam', encoding)
    np.testing.assert_array_equal(ours.image, image)
    assert to_colour(ours.image, ours.encoding).shape == (4, 6, 3)


@pytest.mark.parametrize('encoding', PROMISED)
def test_padded_rows_are_skipped(encoding):
    image = picture(encoding)
    rows = image.reshape(image.shape[0], -1).view(np.uint8)
    padded = np.pad(rows, ((0, 0), (0, 5 * image.itemsize)), constant_values=255)
    cdr = message(encoding, step=padded.shape[1], data=padded.ravel())
    got = decode_image(cdr)
    np.testing.assert_array_equal(got.image, image)
    np.testing.assert_array_equal(to_colour(got.image, encoding), to_colour(image, encoding))


@pytest.mark.parametrize('encoding', WIDE)
@pytest.mark.parametrize('big_endian_message', [False, True])
def test_samples_keep_their_own_byte_order(encoding, big_endian_message):
    """is_bigendian speaks of the pixels, the encapsulation of all else."""
    image = picture(encoding)
    swapped = image.astype(image.dtype.newbyteorder('>'))
    cdr = encode_image(5, 'cam', swapped, encoding)
    theirs = read(cdr, 'sensor_msgs/msg/Image')
    assert (theirs.is_bigendian, theirs.data.tobytes()) == (1, swapped.tobytes())
    got = decode_image(write(theirs, big_endian_message)).image
    assert got.dtype == swapped.dtype
    np.testing.assert_array_equal(got, image)
    np.testing.assert_array_equal(to_colour(got, encoding), to_colour(image, encoding))


@pytest.mark.parametrize('encoding', PROMISED)
def test_reading_makes_no_copy_and_cannot_write(encoding):
    cdr = bytearray(encode_image(5, 'cam', picture(encoding), encoding))
    got = decode_image(cdr).image
    assert np.shares_memory(got, np.frombuffer(cdr, np.uint8))
    with pytest.raises(ValueError, match='read-only'):
        got[0, 0] = 1


def test_an_image_outlives_the_name_of_its_message():
    got = decode_image(encode_image(5, 'cam', samples.PIXELS, 'rgb8')).image
    np.testing.assert_array_equal(got, samples.PIXELS)


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 9),
    st.sampled_from(['rgb8', 'mono8', '16UC1', '32FC1']),
)
def test_any_size_and_pitch(height, width, padding, encoding):
    image = picture(encoding, height, width)
    rows = np.pad(image.reshape(height, -1).view(np.uint8), ((0, 0), (0, padding * image.itemsize)))
    got = decode_image(message(encoding, height, width, rows.shape[1], rows.ravel())).image
    np.testing.assert_array_equal(got, image)


def test_a_recording_of_a_real_camera_is_read():
    recording = Path(__file__).resolve().parents[3] / 'shared' / 'bags' / 'amber_soccer_goal'
    if not recording.is_dir():
        pytest.skip(f'{recording} is not there')
    with AnyReader([recording]) as reader:
        frames = [(raw, stamp_ns) for _, stamp_ns, raw in reader.messages()]
    assert len(frames) == 2
    for raw, stamp_ns in frames:
        ours = decode_image(raw)
        assert (ours.stamp_ns, ours.frame_id, ours.image.shape) == (stamp_ns, 'camera', (480, 640, 3))
        theirs = read(raw, 'sensor_msgs/msg/Image')
        assert ours.image.tobytes() == theirs.data.tobytes()


def test_an_array_with_gaps_is_written_without():
    wide = np.arange(4 * 10 * 3, dtype=np.uint8).reshape(4, 10, 3)
    for part in (wide[:, 2:8], wide[:, ::-1], wide[::2], wide[:, :, ::-1]):
        np.testing.assert_array_equal(decode_image(encode_image(5, 'cam', part, 'rgb8')).image, part)


@pytest.mark.parametrize(
    ('fields', 'complaint'),
    [
        ({'height': 0}, 'at least one pixel, got 6 x 0'),
        ({'width': 0}, 'at least one pixel, got 0 x 4'),
        ({'step': 17}, 'step of at least 18 bytes'),
        ({'step': 0}, 'step of at least 18 bytes'),
        ({'step': 19, 'data': np.zeros(72, np.uint8)}, 'expected 4 rows of 19 bytes'),
        ({'data': np.zeros(71, np.uint8)}, '4 rows of 18 bytes'),
        ({'data': np.zeros(73, np.uint8)}, '4 rows of 18 bytes'),
        ({'data': np.zeros(0, np.uint8)}, 'got 0 bytes'),
        ({'height': 2**32 - 1, 'step': 2**32 - 1}, 'rows of 4294967295 bytes'),
        ({'width': 2**32 - 1, 'step': 2**32 - 1}, 'step of at least 12884901885'),
        ({'width': 2**32 - 1, 'height': 2**32 - 1, 'step': 0}, 'step of at least'),
        ({'encoding': 'rgb16'}, "'rgb16' is not supported"),
        ({'encoding': ''}, 'is not supported'),
        ({'encoding': '16UC1', 'step': 13}, 'whole number of 2-byte samples'),
        ({'encoding': '32FC1', 'step': 26}, 'whole number of 4-byte samples'),
        ({'encoding': 'nv12', 'height': 3, 'data': np.zeros(27, np.uint8)}, 'even size'),
        ({'encoding': 'nv21', 'width': 5, 'data': np.zeros(30, np.uint8)}, 'even size'),
        ({'encoding': 'yuyv', 'width': 5}, 'even size'),
        ({'encoding': 'nv12', 'data': np.zeros(24, np.uint8)}, '6 rows of 6 bytes'),
    ],
)
def test_sizes_that_disagree_are_refused(fields, complaint):
    with pytest.raises(EncodingError, match=complaint):
        decode_image(message(**fields))


@pytest.mark.parametrize(
    ('array', 'encoding'),
    [
        (np.zeros((4, 6), np.uint8), 'rgb8'),
        (np.zeros((4, 6, 4), np.uint8), 'rgb8'),
        (np.zeros((4, 6, 3), np.float32), 'rgb8'),
        (np.zeros((4, 6, 1), np.uint8), 'mono8'),
        (np.zeros((4, 6), np.uint8), 'mono16'),
        (np.zeros((4, 6), np.float64), '32FC1'),
        (np.zeros((4, 5, 2), np.uint8), 'yuyv'),
        (np.zeros((7, 6), np.uint8), 'nv12'),
        (np.zeros((6, 5), np.uint8), 'nv12'),
        (np.zeros((0, 6, 3), np.uint8), 'rgb8'),
        (np.zeros(18, np.uint8), 'rgb8'),
        (np.zeros((4, 6, 3), np.uint8), 'hsv8'),
    ],
)
def test_an_array_that_does_not_fit_its_encoding_is_not_written(array, encoding):
    with pytest.raises(EncodingError):
        encode_image(5, 'cam', array, encoding)


@pytest.mark.parametrize('stamp_ns', [-(2**31) * 10**9 - 1, 2**31 * 10**9])
def test_a_stamp_beyond_int32_seconds_is_not_written(stamp_ns):
    with pytest.raises(MessageError, match='int32 seconds'):
        encode_image(stamp_ns, 'cam', samples.PIXELS, 'rgb8')


@pytest.mark.parametrize(
    'declared',
    ['jpeg', 'jpg', 'JPEG', 'png', '', 'rgb8; jpeg compressed bgr8', 'mono8; jpeg compressed ', 'image/jpeg'],
)
def test_the_file_itself_says_what_it_is(declared):
    cdr = encode_compressed_image(5, 'cam', samples.JPEG, declared)
    got = decode_compressed_image(cdr)
    assert got.encoding == 'jpeg'
    assert got.image.tobytes() == samples.JPEG
    assert np.shares_memory(got.image, np.frombuffer(cdr, np.uint8))


@pytest.mark.parametrize(
    ('data', 'declared', 'complaint'),
    [
        (b'', 'jpeg', '0 bytes'),
        (b'RIFF....WEBP', 'webp', "format 'webp'"),
        (bytes(12) + b'\x89PNG\r\n\x1a\n', '16UC1; compressedDepth png', 'use the raw depth image'),
    ],
)
def test_another_file_is_refused_with_its_format(data, declared, complaint):
    with pytest.raises(EncodingError, match=complaint):
        decode_compressed_image(encode_compressed_image(5, 'cam', data, declared))
