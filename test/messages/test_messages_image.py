"""Images: all encodings, padded rows, byte order, no copies, and invalid messages."""

from pathlib import Path

import cv2
import message_samples as samples
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rosbags.highlevel import AnyReader
from rosbags_messages import STAMP_NS, header, new, read, write

from stream_infer_ros.cameras.compressed import COMPRESSED
from stream_infer_ros.cameras.encodings import ENCODINGS, encoding_info, to_colour
from stream_infer_ros.errors import EncodingError, MessageError
from stream_infer_ros.messages.compressed_image import (
    decode_compressed_image,
    encode_compressed_image,
    file_encoding,
)
from stream_infer_ros.messages.image import decode_image, encode_image

# Those the package promises; more may be known.
PROMISED = [
    *('rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8', 'mono16'),
    *('bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8'),
    *('yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv', 'nv12', 'nv21', 'nv24', '8UC3', '16UC1', '32FC1'),
    *('8UC1', '8UC4', 'rgb16', 'bgr16', 'rgba16', 'bgra16', 'bayer_rggb16', 'bayer_grbg16'),
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
        ({'encoding': 'rgb10'}, "'rgb10' is not supported"),
        ({'encoding': '32FC3'}, '3 channels of floating-point numbers'),
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


@pytest.mark.parametrize(('written', 'name'), [('RGB8', 'rgb8'), ('bgr8 ', 'bgr8'), ('8UC3', '8UC3')])
def test_another_spelling_becomes_the_usual_name(written, name):
    got = decode_image(message(written, step=18, data=np.arange(72, dtype=np.uint8)))
    assert got.encoding == name
    assert got.image.shape == (4, 6, 3)


@pytest.mark.parametrize('encoding', PROMISED)
def test_the_last_row_need_not_be_padded(encoding):
    image = picture(encoding)
    rows = image.reshape(image.shape[0], -1).view(np.uint8)
    padded = np.pad(rows, ((0, 0), (0, 5 * image.itemsize)), constant_values=255)
    data = padded.ravel()[: -5 * image.itemsize]
    got = decode_image(message(encoding, step=padded.shape[1], data=data))
    np.testing.assert_array_equal(got.image, image)
    np.testing.assert_array_equal(to_colour(got.image, encoding), to_colour(image, encoding))
    with pytest.raises(EncodingError, match='rows of'):
        decode_image(message(encoding, step=padded.shape[1], data=data[:-1]))


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


RGB = np.full((32, 48, 3), (200, 30, 20), np.uint8)
BAYER_OF_RGB = np.array([[200, 30], [30, 20]], np.uint8).repeat(16 * 24).reshape(2, 2, 16, 24)
RGGB = np.ascontiguousarray(BAYER_OF_RGB.transpose(2, 0, 3, 1)).reshape(32, 48)


def file_of(array, codec):
    options = [cv2.IMWRITE_JPEG_QUALITY, 98] if codec == 'jpeg' else []
    return cv2.imencode({'jpeg': '.jpg', 'png': '.png'}[codec], array, options)[1].tobytes()


def colour_of(array, codec, declared):
    message = decode_compressed_image(encode_compressed_image(5, 'cam', file_of(array, codec), declared))
    return to_colour(message.image, message.encoding)[8:-8, 8:-8].mean((0, 1))


@pytest.mark.parametrize('codec', ['jpeg', 'png'])
@pytest.mark.parametrize(
    ('array', 'declared'),
    [
        (RGB[..., ::-1], 'rgb8; {} compressed bgr8'),
        (RGB[..., ::-1], 'bgr8; {} compressed bgr8'),
        (RGB[..., ::-1], 'bgra8; {} compressed bgr8'),
        (RGB[..., ::-1], 'bgra8; {} compressed'),
        (RGB[..., ::-1], 'rgb8; {} compressed '),
        (RGB[..., ::-1], 'rgb16; {} compressed bgr16'),
        (RGB[..., ::-1], 'yuv422_yuy2; {} compressed bgr8'),
        (RGB[..., ::-1], '8UC3; {} compressed '),
        (RGB[..., ::-1], 'bayer_rggb8; {} compressed bgr8'),
        (RGB[..., ::-1], '{}'),
        (RGB[..., ::-1], ''),
        (RGB, 'rgb8; {} compressed rgb8'),
        (RGB, 'bgr8; {} compressed rgb8'),
        (RGB, 'RGB8;{} compressed RGB8'),
        (RGGB, 'bayer_rggb8; {} compressed '),
        (RGGB, 'bayer_rggb8; {} compressed bayer_rggb8'),
        (RGGB, 'bayer_rggb16; {} compressed '),
        (RGGB, 'BAYER_RGGB8;{}'),
        (RGGB, 'bayer_rggb8'),
        (RGGB[:, ::-1], 'bayer_grbg8; {} compressed '),
        (RGGB[::-1], 'bayer_gbrg8; {} compressed '),
        (RGGB[::-1, ::-1], 'bayer_bggr8; {} compressed '),
    ],
)
def test_the_format_field_decides_what_the_pixels_mean(array, declared, codec):
    """As the subscriber of compressed_image_transport reads it."""
    colour = colour_of(np.ascontiguousarray(array), codec, declared.format(codec))
    np.testing.assert_allclose(colour, (200, 30, 20), atol=6)


@pytest.mark.parametrize(
    'declared', ['mono8; png compressed ', 'mono16; png compressed ', '8UC1; png', 'png']
)
def test_grey_files_stay_grey(declared):
    eight = np.full((32, 48), 100, np.uint8)
    np.testing.assert_allclose(colour_of(eight, 'png', declared), 100, atol=1)
    np.testing.assert_allclose(colour_of(eight.astype(np.uint16) * 257, 'png', declared), 100, atol=1)
    np.testing.assert_allclose(colour_of(eight, 'jpeg', declared.replace('png', 'jpeg')), 100, atol=1)


@pytest.mark.parametrize('name', [*ENCODINGS, 'YUYV', 'Mono8 '])
@pytest.mark.parametrize('target', ['', 'bgr8', 'rgb8', 'mono8'])
@pytest.mark.parametrize('codec', ['jpeg', 'png'])
def test_every_encoding_before_compression_is_decoded_or_refused(name, target, codec):
    grey = np.full((32, 48), 100, np.uint8)
    declared = f'{name}; {codec} compressed {target}'
    if not target and name in ({'16UC1', '32FC1'} if codec == 'jpeg' else {'32FC1'}):
        with pytest.raises(EncodingError, match=f'{name} means'):
            colour_of(grey, codec, declared)
    else:
        np.testing.assert_allclose(colour_of(grey, codec, declared), 100, atol=1)


@given(
    st.sampled_from(['jpeg', 'png']),
    st.text(max_size=20) | st.sampled_from(['', *ENCODINGS]),
    st.text(max_size=12) | st.sampled_from(['; jpeg compressed ', ';png', '; compressedDepth ', ';']),
    st.text(max_size=12) | st.sampled_from(['', 'rgb8', 'bgr16', *ENCODINGS]),
)
def test_any_format_has_a_meaning_or_is_refused(codec, name, between, target):
    declared = name + between + target
    try:
        encoding = file_encoding(codec, declared)
    except EncodingError as error:
        assert repr(declared) in str(error)  # noqa: PT017
    else:
        assert COMPRESSED[encoding].codec == codec


@pytest.mark.parametrize(
    ('declared', 'complaint'),
    [
        ('16UC1; compressedDepth png', 'transport compressedDepth'),
        ('32FC1; compressedDepth', 'transport compressedDepth'),
        ('16UC1; compressedDepth rvl', 'use the raw depth image'),
        ('32FC1; png compressed ', '32FC1 means 1 channel of floating-point numbers'),
        ('16UC1; jpeg compressed ', '16UC1 means 1 channel of unsigned numbers of 16 bits'),
        ('16SC1; png compressed ', 'signed numbers'),
        ('64FC1; jpeg', 'floating-point numbers of 64 bits'),
        ('bayer_xtrans8; jpeg compressed ', 'one of the patterns bayer_rggb'),
    ],
)
def test_files_of_numbers_are_refused(declared, complaint):
    cdr = encode_compressed_image(5, 'cam', samples.JPEG, declared)
    with pytest.raises(EncodingError, match=complaint):
        decode_compressed_image(cdr)


@pytest.mark.parametrize(
    ('data', 'declared', 'complaint'),
    [
        (b'', 'jpeg', '0 bytes'),
        (b'RIFF....WEBP', 'webp', "kind WebP, 12 bytes of format 'webp'"),
        (b'II*\0' + bytes(9), 'rgb8; tiff compressed ', 'kind TIFF'),
        (b'\0\0\0\x0cjP  \r\n', 'jp2', 'kind JPEG 2000'),
        (b'\0\0\0\x1cftypavif', 'avif', 'kind AVIF'),
        (b'\0\0\0\1gd', 'h264', 'decode the video first'),
        (b'\x28\xb5\x2f\xfd', 'zstd', 'kind zstd'),
        (b'abcdefgh', 'x' * 500, "begin with .61 62 .*'x{80}'"),
        (bytes(12) + b'\x89PNG\r\n\x1a\n', '16UC1; compressedDepth png', 'use the raw depth image'),
    ],
)
def test_another_file_is_refused_with_its_format(data, declared, complaint):
    with pytest.raises(EncodingError, match=complaint):
        decode_compressed_image(encode_compressed_image(5, 'cam', data, declared))
