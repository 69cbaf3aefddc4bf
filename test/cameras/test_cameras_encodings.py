"""Conversion of all encodings, on images with known colours."""

import cv2
import numpy as np
import pytest

from stream_infer_ros.cameras import (
    ENCODINGS,
    EncodingInfo,
    compressed_size,
    decode_compressed,
    encoding_info,
    encodings,
    to_colour,
)
from stream_infer_ros.errors import EncodingError

RED, GREEN, BLUE, GREY = (200, 30, 10), (20, 180, 40), (15, 25, 220), (90, 90, 90)
H, W = 8, 16


def picture() -> np.ndarray:
    """(8, 16, 3) RGB: red and green above, blue and grey below; quarters of 4 x 8 pixels."""
    rgb = np.empty((H, W, 3), np.uint8)
    rgb[:4, :8], rgb[:4, 8:], rgb[4:, :8], rgb[4:, 8:] = RED, GREEN, BLUE, GREY
    return rgb


def centres(rgb: np.ndarray) -> list[list[int]]:
    """Colours at the middle of the quarters, where no neighbour bleeds in."""
    return [rgb[v, u].astype(int).tolist() for v in (1, 5) for u in (3, 11)]


def yuv(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 by ITU-R BT.601, limited range, written out here so as not to lean on cv2."""
    r, g, b = np.moveaxis(rgb.astype(float), -1, 0)
    y = 16 + 0.257 * r + 0.504 * g + 0.098 * b
    u = 128 - 0.148 * r - 0.291 * g + 0.439 * b
    v = 128 + 0.439 * r - 0.368 * g - 0.071 * b
    return np.rint(np.stack([y, u, v], -1)).astype(np.uint8)


def packed(rgb: np.ndarray, luma: int) -> np.ndarray:
    """4:2:2 with luma in byte 0 (YUYV) or 1 (UYVY)."""
    full = yuv(rgb)
    array = np.empty((H, W, 2), np.uint8)
    array[..., luma] = full[..., 0]
    array[:, 0::2, 1 - luma] = full[:, 0::2, 1]
    array[:, 1::2, 1 - luma] = full[:, 0::2, 2]
    return array


def planar(rgb: np.ndarray, first: int) -> np.ndarray:
    """4:2:0 with interleaved chroma beginning with U (NV12: first=1) or V (NV21: first=2)."""
    full = yuv(rgb)
    array = np.empty((H * 3 // 2, W), np.uint8)
    array[:H] = full[..., 0]
    array[H:, 0::2] = full[0::2, 0::2, first]
    array[H:, 1::2] = full[0::2, 0::2, 3 - first]
    return array


def bayer(rgb: np.ndarray, pattern: str) -> np.ndarray:
    array = np.empty((H, W), np.uint8)
    for at, colour in enumerate(pattern):
        rows, columns = slice(at // 2, None, 2), slice(at % 2, None, 2)
        array[rows, columns] = rgb[rows, columns, 'rgb'.index(colour)]
    return array


COLOURED = {
    'rgb8': lambda p: p,
    'bgr8': lambda p: p[..., ::-1].copy(),
    '8UC3': lambda p: p[..., ::-1].copy(),
    'rgba8': lambda p: np.dstack([p, np.full((H, W), 7, np.uint8)]),
    'bgra8': lambda p: np.dstack([p[..., ::-1], np.full((H, W), 7, np.uint8)]),
    'yuv422': lambda p: packed(p, luma=1),
    'uyvy': lambda p: packed(p, luma=1),
    'yuv422_yuy2': lambda p: packed(p, luma=0),
    'yuyv': lambda p: packed(p, luma=0),
    'nv12': lambda p: planar(p, first=1),
    'nv21': lambda p: planar(p, first=2),
    **{f'bayer_{p}8': lambda rgb, p=p: bayer(rgb, p) for p in ('rggb', 'bggr', 'gbrg', 'grbg')},
}
GREY_ONLY = {'mono8', 'mono16', '16UC1', '32FC1'}


def test_every_encoding_is_tested_here() -> None:
    assert {*COLOURED, *GREY_ONLY} == set(ENCODINGS)


@pytest.mark.parametrize('encoding', COLOURED)
def test_colours_come_out_in_the_order_asked_for(encoding: str) -> None:
    image = COLOURED[encoding](picture())
    assert image.shape == encoding_info(encoding).array_shape(H, W)
    expected = [list(c) for c in (RED, GREEN, BLUE, GREY)]
    np.testing.assert_allclose(centres(to_colour(image, encoding, 'rgb')), expected, atol=3)
    bgr = [c[::-1] for c in expected]
    np.testing.assert_allclose(centres(to_colour(image, encoding, 'bgr')), bgr, atol=3)


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_padded_rows_and_read_only_memory_and_out(encoding: str) -> None:
    info = encoding_info(encoding)
    rows, _, *channels = info.array_shape(H, W)
    padded = np.zeros((rows, W + 6, *channels), info.dtype)
    padded[:, :W] = np.random.default_rng(0).integers(0, 200, (rows, W, *channels))
    padded.flags.writeable = False
    image, before = padded[:, :W], padded.copy()
    plain = to_colour(np.ascontiguousarray(image), encoding)
    np.testing.assert_array_equal(to_colour(image, encoding), plain)
    batch = np.zeros((2, H, W, 3), np.uint8)
    assert to_colour(image, encoding, 'rgb', out=batch[1]).base is batch
    np.testing.assert_array_equal(batch[1], plain)
    assert not batch[0].any()
    np.testing.assert_array_equal(padded, before)


def test_what_already_is_right_is_not_copied() -> None:
    rgb = picture()
    assert to_colour(rgb, 'rgb8', 'rgb') is rgb
    assert to_colour(rgb, 'bgr8', 'bgr') is rgb


def grey_levels(values: list[float], encoding: str, dtype: str) -> list[int]:
    colour = to_colour(np.array([values], dtype), encoding)
    assert (colour == colour[..., :1]).all()
    return colour[0, :, 0].tolist()


def test_grey_scales() -> None:
    assert grey_levels([0, 1, 255], 'mono8', 'u1') == [0, 1, 255]
    # mono16: full scale to full scale, rounded (cv_bridge)
    sixteen = [0, 128, 129, 257, 65535, 32768]
    assert grey_levels(sixteen, 'mono16', '<u2') == [0, 0, 1, 1, 255, 128]
    assert grey_levels(sixteen, 'mono16', '>u2') == [0, 0, 1, 1, 255, 128]
    # depth: 0 to 10 m, unknown is black
    assert grey_levels([0, 2000, 10000, 60000], '16UC1', '<u2') == [0, 51, 255, 255]
    assert grey_levels([0, 2000, 10000, 60000], '16UC1', '>u2') == [0, 51, 255, 255]
    metres = [np.nan, -np.inf, -1.0, 0.0, 2.0, 10.0, 60.0, np.inf]
    assert grey_levels(metres, '32FC1', '<f4') == [0, 0, 0, 0, 51, 255, 255, 255]
    assert grey_levels(metres, '32FC1', '>f4') == [0, 0, 0, 0, 51, 255, 255, 255]


def test_layout_facts_for_the_wire() -> None:
    assert encoding_info('rgba8').row_bytes(640) == 2560
    assert encoding_info('mono16').row_bytes(640) == 1280
    assert encoding_info('nv12').row_bytes(640) == 640
    assert encoding_info('nv12').array_shape(480, 640) == (720, 640)
    assert encoding_info('yuv422').array_shape(480, 640) == (480, 640, 2)


@pytest.mark.parametrize(('encoding', 'size'), [('nv12', (7, 16)), ('nv21', (8, 15)), ('yuv422', (8, 15))])
def test_odd_sizes_where_chroma_is_shared(encoding: str, size: tuple[int, int]) -> None:
    with pytest.raises(EncodingError, match='even size'):
        encoding_info(encoding).array_shape(*size)


@pytest.mark.parametrize(
    ('encoding', 'shape', 'dtype'),
    [
        ('rgb8', (8, 16), 'u1'),
        ('rgb8', (8, 16, 4), 'u1'),
        ('rgb8', (8, 16, 3), 'u2'),
        ('mono8', (8, 16, 1), 'u1'),
        ('mono16', (8, 16), 'u1'),
        ('32FC1', (8, 16), 'f8'),
        ('nv12', (8, 16), 'u1'),
        ('nv12', (12, 15), 'u1'),
        ('yuv422', (8, 15, 2), 'u1'),
        ('bgr8', (0, 16, 3), 'u1'),
        ('jpeg', (8, 16), 'u1'),
    ],
)
def test_arrays_that_do_not_fit_are_refused(encoding: str, shape: tuple[int, ...], dtype: str) -> None:
    with pytest.raises(EncodingError):
        to_colour(np.zeros(shape, dtype), encoding)


def test_unknown_encoding_names_the_known_ones() -> None:
    with pytest.raises(EncodingError, match=r"'yuv444'.*rgb8, bgr8.*jpeg, png"):
        to_colour(np.zeros((8, 16, 3), np.uint8), 'yuv444')


def test_out_of_the_wrong_size_is_refused() -> None:
    for encoding in ('rgb8', 'bgr8', 'nv12'):
        image = np.zeros(encoding_info(encoding).array_shape(H, W), np.uint8)
        with pytest.raises(EncodingError, match='expected out as'):
            to_colour(image, encoding, 'rgb', out=np.zeros((H, W + 2, 3), np.uint8))


def file_of(kind: str, rgb: np.ndarray) -> np.ndarray:
    extension = {'jpeg': '.jpg', 'png': '.png'}[kind]
    return cv2.imencode(extension, rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])[1].ravel()


def enlarged() -> np.ndarray:
    return picture().repeat(8, axis=0).repeat(8, axis=1)


@pytest.mark.parametrize('kind', ['jpeg', 'png'])
def test_compressed_files(kind: str) -> None:
    file, rgb = file_of(kind, enlarged()), enlarged()
    assert compressed_size(file, kind) == rgb.shape[:2]
    assert np.abs(to_colour(file, kind, 'rgb').astype(int) - rgb).mean() < 2
    out = np.zeros_like(rgb)
    assert to_colour(file, kind, 'bgr', out=out) is out
    assert np.abs(out[..., ::-1].astype(int) - rgb).mean() < 2


@pytest.mark.parametrize('kind', ['jpeg', 'png'])
def test_zero_padding_after_a_file_is_no_fault(kind: str) -> None:
    file = np.concatenate([file_of(kind, enlarged()), np.zeros(1000, np.uint8)])
    assert to_colour(file, kind).shape == enlarged().shape


def test_a_jpeg_can_be_had_smaller_for_less() -> None:
    file = file_of('jpeg', enlarged()[:61, :127])
    small = decode_compressed(file, 'jpeg', 'rgb', reduce=2)
    assert small.shape == (31, 64, 3)
    np.testing.assert_allclose([small[15, 15], small[15, 47]], [RED, GREEN], atol=8)


@pytest.mark.parametrize('kind', ['jpeg', 'png'])
def test_a_file_cut_short_anywhere_is_refused(kind: str) -> None:
    file = file_of(kind, enlarged())
    for length in {*range(0, len(file), 37), len(file) - 1}:
        with pytest.raises(EncodingError):
            to_colour(file[:length].copy(), kind)


def test_corrupt_files_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    png = file_of('png', enlarged())
    png[len(png) // 2] ^= 0x55
    with pytest.raises(EncodingError, match='corrupt'):
        to_colour(png, 'png')
    jpeg = file_of('jpeg', enlarged())
    jpeg[20:400] = 0
    with pytest.raises(EncodingError):
        to_colour(jpeg, 'jpeg')
    with pytest.raises(EncodingError, match='expected a jpeg file'):
        to_colour(png, 'jpeg')
    capfd.readouterr()  # the codecs print their own complaints


def test_a_small_file_cannot_claim_a_huge_picture() -> None:
    png = file_of('png', enlarged())
    png[16:24] = np.frombuffer((100_000).to_bytes(4, 'big') * 2, np.uint8)
    with pytest.raises(EncodingError, match='100000x100000'):
        to_colour(png, 'png')


def test_an_orientation_tag_does_not_turn_the_picture() -> None:
    rgb = enlarged()[:48]
    exif = b'Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0'
    segment = b'\xff\xe1' + (len(exif) + 2).to_bytes(2, 'big') + exif
    file = file_of('jpeg', rgb).tobytes()
    tagged = np.frombuffer(file[:2] + segment + file[2:], np.uint8)
    assert cv2.imdecode(tagged, cv2.IMREAD_COLOR).shape == (128, 48, 3)  # OpenCV does by default
    assert to_colour(tagged, 'jpeg').shape == (48, 128, 3)


def test_an_encoding_that_somebody_else_knows_goes_through_them(monkeypatch):
    """The seam that a ROS node hangs its cv_bridge into."""
    green = EncodingInfo(
        np.dtype(np.uint16),
        1,
        None,
        None,
        convert=lambda image, order: np.full((*image.shape, 3), 7, np.uint8),
    )
    monkeypatch.setattr(encodings, 'FALLBACKS', [lambda name: None, {'green16': green}.get])
    image = np.zeros((H, W), np.uint16)
    out = np.empty((H, W, 3), np.uint8)
    assert to_colour(image, 'green16', 'rgb', out) is out
    assert np.all(out == 7)
    with pytest.raises(EncodingError, match=r'\(H, W\) uint16'):
        to_colour(image.astype(np.uint8), 'green16')
    with pytest.raises(EncodingError, match="'red16' is not supported"):
        to_colour(image, 'red16')
    monkeypatch.setattr(encodings, 'FALLBACKS', [lambda name: green])
    assert encoding_info('rgb8') is ENCODINGS['rgb8'], 'what we know ourselves asks nobody'
