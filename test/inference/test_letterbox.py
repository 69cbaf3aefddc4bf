"""Geometry of the letterbox, and where pixels really land."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_pixels import to_network

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.errors import EncodingError
from stream_infer_ros.inference.batch import PADDING, write_letterboxed
from stream_infer_ros.inference.letterbox import Letterbox, fit

SIZES = st.integers(1, 4000)
NETWORKS = st.sampled_from([(320, 240), (416, 416), (640, 384)])
FITS = ['letterbox', 'corner', 'stretch']
COMMON = [(640, 480), (1920, 1080), (1280, 720), (641, 479), (320, 240), (160, 120), (512, 600), (97, 31)]


def frame(image: np.ndarray, encoding: str = 'rgb8') -> Frame:
    return Frame('front', 0, 0, image, encoding, 'front_optical')


def smooth_picture(width: int, height: int, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(width * height)
    coarse = rng.integers(0, 256, (height // 16 + 2, width // 16 + 2, channels), np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return picture.reshape(height, width, channels)


@given(SIZES, SIZES, NETWORKS, st.sampled_from(FITS), st.integers(0, 2**32 - 1))
def test_pixels_there_and_back(width, height, network, how, seed):
    letterbox = fit(width, height, *network, how)
    uv = np.random.default_rng(seed).uniform(-50.0, 4050.0, (20, 2)).astype(np.float32)
    np.testing.assert_allclose(letterbox.to_source(to_network(letterbox, uv)), uv, rtol=1e-5, atol=0.02)


@given(SIZES, SIZES, NETWORKS)
def test_the_image_fills_the_network_in_one_direction_and_is_centred(width, height, network):
    letterbox = fit(width, height, *network)
    inside = letterbox.resized_width, letterbox.resized_height
    assert all(1 <= size <= limit for size, limit in zip(inside, network, strict=True))
    assert inside[0] == network[0] or inside[1] == network[1]
    for pad, size, limit in zip((letterbox.pad_u, letterbox.pad_v), inside, network, strict=True):
        assert pad == (limit - size) // 2
    # The corners of the image are the corners of its part of the network's input.
    corners = np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]], np.float32)
    near = np.array([letterbox.pad_u, letterbox.pad_v]) - 0.5
    np.testing.assert_allclose(to_network(letterbox, corners), [near, near + inside], atol=1e-3)


@given(SIZES, SIZES, NETWORKS, st.sampled_from(FITS))
def test_pictures_not_centred_begin_at_the_corner(width, height, network, how):
    letterbox, centred = fit(width, height, *network, how), fit(width, height, *network)
    if how != 'letterbox':
        assert (letterbox.pad_u, letterbox.pad_v) == (0, 0)
    if how == 'stretch':
        assert (letterbox.resized_width, letterbox.resized_height) == network
    else:
        assert (letterbox.scale_u, letterbox.scale_v) == (centred.scale_u, centred.scale_v)


@given(SIZES, SIZES, NETWORKS, st.sampled_from(FITS), st.integers(0, 2**32 - 1))
def test_boxes_in_the_image_survive_the_network_whatever_the_fit(width, height, network, how, seed):
    corners = np.random.default_rng(seed).uniform(-0.5, 1.0, (20, 2, 2)).clip(0.0, 1.0)
    boxes = (np.sort(corners, axis=1) * [width, height] - 0.5).astype(np.float32)
    letterbox = fit(width, height, *network, how)
    inside = to_network(letterbox, boxes)
    assert (inside > -0.501).all()
    assert (inside < np.array(network) - 0.499).all()
    source = letterbox.boxes_to_source(inside.reshape(-1, 4))
    np.testing.assert_allclose(source, boxes.reshape(-1, 4), rtol=1e-5, atol=0.005)


@given(SIZES, SIZES, NETWORKS, st.sampled_from(FITS), st.integers(0, 2**32 - 1))
def test_boxes_end_at_the_image_whatever_the_letterbox(width, height, network, how, seed):
    boxes = np.random.default_rng(seed).uniform(-1000.0, 1000.0, (20, 4)).astype(np.float32)
    source = fit(width, height, *network, how).boxes_to_source(boxes)
    assert source.shape == (20, 4)
    assert (source >= -0.5).all()
    assert (source[:, [0, 2]] <= width - 0.5).all()
    assert (source[:, [1, 3]] <= height - 0.5).all()


def test_an_image_without_pixels_is_refused():
    with pytest.raises(EncodingError, match='0x480'):
        fit(0, 480, 320, 240)


@pytest.mark.parametrize(('width', 'height'), COMMON)
@pytest.mark.parametrize('network', [(320, 240), (416, 416)])
@pytest.mark.parametrize('how', FITS)
def test_a_rectangle_lands_where_to_network_says(width, height, network, how):
    letterbox = fit(width, height, *network, how)
    left, top, right, bottom = width // 4, height // 3, width * 3 // 4, height * 5 // 6
    image = np.zeros((height, width, 3), np.uint8)
    image[top : bottom + 1, left : right + 1] = 255
    slot = np.zeros((network[1], network[0], 3), np.uint8)
    assert write_letterboxed(frame(image), slot, 'rgb', how=how, fill=0) == letterbox
    # Outer edges of the rectangle, half a pixel beyond its first and last pixels, by coverage.
    light = slot[..., 0] / 255.0
    centre_u, centre_v = to_network(letterbox, np.array([(left + right) / 2, (top + bottom) / 2], np.float32))
    across, down = light[round(float(centre_v))], light[:, round(float(centre_u))]
    edges = to_network(
        letterbox, np.array([[left - 0.5, top - 0.5], [right + 0.5, bottom + 0.5]], np.float32)
    )
    size = edges[1] - edges[0]
    assert across.sum() == pytest.approx(size[0], abs=0.6)
    assert down.sum() == pytest.approx(size[1], abs=0.6)
    middle_u = (across * np.arange(len(across))).sum() / across.sum()
    middle_v = (down * np.arange(len(down))).sum() / down.sum()
    # Bilinear sampling places an edge to within half a source pixel at worst, and the middle better.
    assert middle_u == pytest.approx(edges[:, 0].mean(), abs=0.3)
    assert middle_v == pytest.approx(edges[:, 1].mean(), abs=0.3)


@pytest.mark.parametrize(('width', 'height'), [(641, 479), (1920, 1080), (512, 600), (1001, 333), (640, 480)])
def test_waves_lie_where_to_source_says(width, height):
    """Sharper than the rectangle: a wave's phase tells of a shift of hundredths of a pixel, or a stretch."""
    period = 60.0 * width / 320.0

    def wave(position: np.ndarray) -> np.ndarray:
        return 127.5 + 120.0 * np.sin(position * 2.0 * np.pi / period)

    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.round(wave(np.arange(width)))
    image[..., 1] = np.round(wave(np.arange(height)))[:, None]
    slot = np.zeros((240, 320, 3), np.uint8)
    letterbox = write_letterboxed(frame(image), slot, 'rgb')
    middle = to_network(letterbox, np.array([width / 2, height / 2], np.float32)).astype(int)
    for axis, pad, resized in (
        (0, letterbox.pad_u, letterbox.resized_width),
        (1, letterbox.pad_v, letterbox.resized_height),
    ):
        across = np.zeros((resized, 2), np.float32)
        across[:, axis] = np.arange(resized) + pad
        source = letterbox.to_source(across)[2:-2, axis]
        line = slot[middle[1], :, axis] if axis == 0 else slot[:, middle[0], axis]
        error = line[pad : pad + resized][2:-2] - wave(source)
        slope = np.gradient(wave(source), source)
        offset = (source - source.mean()) / (source[-1] - source[0])
        shift, stretch = np.linalg.lstsq(np.stack([slope, slope * offset], axis=1), error, rcond=None)[0]
        scale = width / letterbox.resized_width
        assert abs(shift) < 0.02 * scale
        assert abs(stretch) < 0.06 * scale


@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8', '8UC3', 'rgba8', 'bgra8', 'mono8'])
@pytest.mark.parametrize('colour', ['rgb', 'bgr'])
def test_channels_come_out_in_the_order_asked_for(encoding, colour):
    rgb = smooth_picture(640, 480)
    if encoding == 'mono8':
        image = rgb[..., 0]
        rgb = np.repeat(image[..., None], 3, axis=2)
    elif encoding.endswith('a8'):
        image = np.dstack([rgb if encoding == 'rgba8' else rgb[..., ::-1], np.full((480, 640), 9, np.uint8)])
    else:
        image = rgb if encoding == 'rgb8' else rgb[..., ::-1]
    slot = np.zeros((240, 320, 3), np.uint8)
    write_letterboxed(frame(np.ascontiguousarray(image), encoding), slot, colour)
    expected = cv2.resize(rgb, (320, 240))
    np.testing.assert_array_equal(slot, expected if colour == 'rgb' else expected[..., ::-1])


def test_rows_with_padding_and_memory_of_the_message_are_read_in_place():
    whole = np.frombuffer(smooth_picture(700, 480).tobytes(), np.uint8).reshape(480, 700, 3)
    image = whole[:, :640]
    assert not image.flags.writeable
    assert not image.flags.c_contiguous
    slot = np.zeros((240, 320, 3), np.uint8)
    write_letterboxed(frame(image), slot, 'rgb')
    np.testing.assert_array_equal(slot, cv2.resize(np.ascontiguousarray(image), (320, 240)))


def test_the_slot_is_written_in_place_and_its_neighbours_are_not():
    batch = np.full((3, 240, 320, 3), 77, np.uint8)
    letterbox = write_letterboxed(frame(np.zeros((1080, 1920, 3), np.uint8)), batch[1], 'bgr')
    assert (batch[[0, 2]] == 77).all()
    bottom = letterbox.pad_v + letterbox.resized_height
    assert (batch[1, letterbox.pad_v : bottom] == 0).all()
    assert (batch[1, : letterbox.pad_v] == PADDING).all()
    assert (batch[1, bottom:] == PADDING).all()


def test_padding_known_to_be_there_is_left_alone():
    slot = np.full((240, 320, 3), 5, np.uint8)
    image = np.zeros((100, 100, 3), np.uint8)
    letterbox = write_letterboxed(frame(image), slot, 'rgb')
    slot[:, 0] = 6
    write_letterboxed(frame(image), slot, 'rgb', padded=letterbox)
    assert (slot[:, 0] == 6).all()
    write_letterboxed(frame(image), slot, 'rgb', padded=Letterbox(1, 1, 1.0, 1.0, 0, 0))
    assert (slot[:, 0] == PADDING).all()


def jpeg(image: np.ndarray) -> np.ndarray:
    return cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].ravel()


@pytest.mark.parametrize(
    ('width', 'height'), [(640, 480), (1280, 960), (1282, 961), (641, 481), (300, 200), (1920, 1080)]
)
@pytest.mark.parametrize('colour', ['rgb', 'bgr'])
def test_jpeg_gives_the_picture_of_the_full_decode(width, height, colour):
    bgr = smooth_picture(width, height)
    file = jpeg(bgr)
    slot, expected = np.zeros((2, 240, 320, 3), np.uint8)
    letterbox = write_letterboxed(frame(file, 'jpeg'), slot, colour)
    assert (letterbox.source_width, letterbox.source_height) == (width, height)
    full = cv2.imdecode(file, cv2.IMREAD_COLOR)
    write_letterboxed(frame(full, 'bgr8'), expected, colour)
    difference = np.abs(slot.astype(int) - expected)
    # The reduced picture is the smoother one; but a shift of half a pixel would show in either direction.
    assert difference.mean() < 2.0
    inside = expected[..., 0].astype(float)
    slope = np.gradient(inside, axis=1), np.gradient(inside, axis=0)
    for along in slope:
        shift = ((slot[..., 0] - inside) * along).sum() / (along**2).sum()
        assert abs(shift) < 0.02


def test_jpeg_orientation_in_exif_does_not_turn_the_picture():
    file = jpeg(smooth_picture(640, 480)).tobytes()
    # Orientation 6: turned by 90 degrees.
    tiff = b'II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0'
    exif = b'Exif\0\0' + tiff
    turned = file[:2] + b'\xff\xe1' + (len(exif) + 2).to_bytes(2, 'big') + exif + file[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape[:2] == (640, 480)
    slot, expected = np.zeros((2, 240, 320, 3), np.uint8)
    letterbox = write_letterboxed(frame(np.frombuffer(turned, np.uint8), 'jpeg'), slot, 'bgr')
    assert (letterbox.source_width, letterbox.source_height) == (640, 480)
    write_letterboxed(frame(np.frombuffer(file, np.uint8), 'jpeg'), expected, 'bgr')
    np.testing.assert_array_equal(slot, expected)


@given(st.data())
def test_a_damaged_jpeg_is_refused_or_read_never_worse(data):
    file = bytearray(jpeg(smooth_picture(64, 48)).tobytes())
    if data.draw(st.booleans()):
        file = file[: data.draw(st.integers(0, len(file) - 1))]
        certainly_refused = True
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            file[data.draw(st.integers(0, min(200, len(file) - 1)))] = data.draw(st.integers(0, 255))
        certainly_refused = False
    slot = np.zeros((240, 320, 3), np.uint8)
    try:
        write_letterboxed(frame(np.frombuffer(bytes(file), np.uint8), 'jpeg'), slot, 'rgb')
    except EncodingError:
        return
    assert not certainly_refused
