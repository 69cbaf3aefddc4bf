"""Conversion of all encodings, on images with known colours."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.cameras import (
    ENCODINGS,
    compressed_size,
    decode_compressed,
    encoding_info,
    to_colour,
)
from stream_infer_ros.cameras.compressed import COMPRESSED, MAX_PIXELS
from stream_infer_ros.cameras.encodings import known_name
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


def full_chroma(rgb: np.ndarray) -> np.ndarray:
    """4:4:4 with all rows of luma first, then interleaved chroma (NV24)."""
    full = yuv(rgb)
    return np.concatenate([full[..., 0], full[..., 1:].reshape(2 * H, W)])


def wide(array: np.ndarray) -> np.ndarray:
    """The same samples with 16 bits."""
    return array.astype(np.uint16) * 257


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
    '8UC4': lambda p: np.dstack([p[..., ::-1], np.full((H, W), 7, np.uint8)]),
    'rgb16': wide,
    'bgr16': lambda p: wide(p[..., ::-1]),
    'rgba16': lambda p: wide(np.dstack([p, np.full((H, W), 7, np.uint8)])),
    'bgra16': lambda p: wide(np.dstack([p[..., ::-1], np.full((H, W), 7, np.uint8)])),
    'nv24': full_chroma,
    'yuv422': lambda p: packed(p, luma=1),
    'uyvy': lambda p: packed(p, luma=1),
    'yuv422_yuy2': lambda p: packed(p, luma=0),
    'yuyv': lambda p: packed(p, luma=0),
    'nv12': lambda p: planar(p, first=1),
    'nv21': lambda p: planar(p, first=2),
    **{f'bayer_{p}8': lambda rgb, p=p: bayer(rgb, p) for p in ('rggb', 'bggr', 'gbrg', 'grbg')},
    **{f'bayer_{p}16': lambda rgb, p=p: wide(bayer(rgb, p)) for p in ('rggb', 'bggr', 'gbrg', 'grbg')},
}
GREY_ONLY = {'mono8', '8UC1', 'mono16', '16UC1', '32FC1'}


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
    assert grey_levels([0, 1, 255], '8UC1', 'u1') == [0, 1, 255]
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


BEHIND = {
    'a little': b'\0',
    'zeros': bytes(100_000),
    'stale bytes': b'\x5a\x13' * 500,
    'half a marker': b'\0\xff',
    'an end marker': b'\x13' * 9 + b'\xff\xd9',
    'the rest of a JPEG': file_of('jpeg', enlarged())[333:].tobytes(),
    'a JPEG': file_of('jpeg', enlarged()).tobytes(),
    'a PNG': file_of('png', enlarged()).tobytes(),
}


@pytest.mark.parametrize('kind', ['jpeg', 'png'])
@pytest.mark.parametrize('behind', BEHIND)
def test_bytes_behind_a_file_are_no_fault(kind: str, behind: str, capfd: pytest.CaptureFixture[str]) -> None:
    file = file_of(kind, enlarged())
    longer = np.concatenate([file, np.frombuffer(BEHIND[behind], np.uint8)])
    capfd.readouterr()
    np.testing.assert_array_equal(to_colour(longer, kind), to_colour(file, kind))
    assert capfd.readouterr().err == '', 'the decoder got more than the file'


@pytest.mark.parametrize('kind', ['jpeg', 'png'])
@pytest.mark.parametrize('behind', ['zeros', 'stale bytes', 'a JPEG'])
def test_a_file_cut_short_before_such_bytes_is_refused(kind: str, behind: str) -> None:
    file = file_of(kind, enlarged())
    for length in (len(file) // 2, len(file) - 30, len(file) - 1):
        cut = file[:length].tobytes() + BEHIND[behind]
        with pytest.raises(EncodingError):
            to_colour(np.frombuffer(cut, np.uint8), kind)


def with_segment(file: np.ndarray, content: bytes) -> np.ndarray:
    """The JPEG with an EXIF segment (APP1) of this content at its start."""
    segment = b'\xff\xe1' + (len(content) + 2).to_bytes(2, 'big') + content
    return np.frombuffer(file[:2].tobytes() + segment + file[2:].tobytes(), np.uint8)


@pytest.mark.parametrize(
    'options',
    [
        [],
        [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
        [cv2.IMWRITE_JPEG_RST_INTERVAL, 1],
        [cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_QUALITY, 100],
    ],
    ids=['baseline', 'progressive', 'restart markers', 'optimised'],
)
def test_the_end_of_every_kind_of_jpeg_is_found(options: list[int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (97, 131, 3), np.uint8)
    plain = cv2.imencode('.jpg', noise, options)[1].reshape(-1)
    thumbnail = cv2.imencode('.jpg', noise[:24, :32])[1].tobytes()
    for file in (plain, with_segment(plain, b'Exif\0\0' + thumbnail), with_segment(plain, b'\xff\xd9' * 20)):
        padded = np.concatenate([file, np.frombuffer(BEHIND['a JPEG'], np.uint8)])
        assert compressed_size(padded, 'jpeg') == (97, 131)
        np.testing.assert_array_equal(to_colour(padded, 'jpeg'), to_colour(plain, 'jpeg'))
        for length in range(4, len(file) - 1, 97):
            with pytest.raises(EncodingError):
                to_colour(np.concatenate([file[:length], np.zeros(200_000, np.uint8)]), 'jpeg')


def test_fill_bytes_and_markers_without_length_are_skipped_as_the_decoder_does() -> None:
    file = file_of('jpeg', enlarged()).tobytes()
    for between in (b'\xff\xff', b'\xff\x01', b'\xff\xff\xff\x01'):
        odd = np.frombuffer(file[:2] + between + file[2:], np.uint8)
        np.testing.assert_array_equal(
            to_colour(odd, 'jpeg'), to_colour(np.frombuffer(file, np.uint8), 'jpeg')
        )


@pytest.mark.parametrize('marker', [b'\xff\x01', b'\xff\xfe\0\2', b'\xff\xda\0\2'])
@pytest.mark.parametrize('place', ['header', 'data'])
def test_a_flood_of_markers_is_refused(marker: bytes, place: str) -> None:
    file = file_of('jpeg', enlarged()).tobytes()
    at = 2 if place == 'header' else len(file) - 2
    flooded = np.frombuffer(file[:at] + marker * 100_000 + file[at:], np.uint8)
    with pytest.raises(EncodingError, match=r'too many markers|frame header'):
        decode_compressed(flooded, 'jpeg')


NOISY_FILES = {
    kind: cv2.imencode(suffix, np.random.default_rng(2).integers(0, 256, (24, 40, 3), np.uint8))[1].reshape(
        -1
    )
    for kind, suffix in {'jpeg': '.jpg', 'png': '.png'}.items()
}


@given(st.sampled_from(['jpeg', 'png']), st.binary(max_size=400))
def test_any_bytes_may_follow_a_file(kind: str, behind: bytes) -> None:
    file = NOISY_FILES[kind]
    longer = np.concatenate([file, np.frombuffer(behind, np.uint8)])
    np.testing.assert_array_equal(decode_compressed(longer, kind), decode_compressed(file, kind))


@given(st.sampled_from(sorted(COMPRESSED)), st.data())
def test_damaged_files_are_refused_or_decoded_in_their_size(encoding: str, data: st.DataObject) -> None:
    file = NOISY_FILES[COMPRESSED[encoding].codec].copy()
    for _ in range(data.draw(st.integers(1, 5))):
        file[data.draw(st.integers(0, min(len(file), 700) - 1))] = data.draw(st.integers(0, 255))
    cut = file[: data.draw(st.integers(0, len(file)))] if data.draw(st.booleans()) else file
    try:
        size = compressed_size(cut, encoding)
        assert size[0] * size[1] <= MAX_PIXELS
        if size[0] * size[1] <= 1 << 20:  # a larger claim takes long to decode
            assert decode_compressed(cut, encoding).shape[:2] == size
    except EncodingError:
        pass


@given(st.text(max_size=30))
def test_any_name_is_known_or_refused_by_name(name: str) -> None:
    try:
        assert known_name(name) in ENCODINGS
    except EncodingError as error:
        assert repr(name) in str(error)  # noqa: PT017


def test_a_jpeg_with_two_sizes_is_refused() -> None:
    file = file_of('jpeg', enlarged()).tobytes()
    at = file.index(b'\xff\xc0')
    header = file[at : at + 19]
    huge = header[:5] + b'\x4e\x20\x4e\x20' + header[9:]
    before_the_data = file[: at + 19] + huge + file[at + 19 :]
    behind_the_data = file[:-2] + huge + file[-2:]
    for two in (before_the_data, behind_the_data):
        with pytest.raises(EncodingError, match='frame header'):
            decode_compressed(np.frombuffer(two, np.uint8), 'jpeg')


def test_a_jpeg_can_be_had_smaller_for_less() -> None:
    file = file_of('jpeg', enlarged()[:61, :127])
    small = decode_compressed(file, 'jpeg', reduce=2)[..., ::-1]
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


@pytest.mark.parametrize(
    ('written', 'name'),
    [
        ('RGB8', 'rgb8'),
        ('bgr8 ', 'bgr8'),
        ('Mono8', 'mono8'),
        ('mono8\0', 'mono8'),
        ('8uc1', '8UC1'),
        ('8UC', 'mono8'),
        ('16uc1', '16UC1'),
        ('YUV422_YUY2', 'yuv422_yuy2'),
        ('yuyv422', 'yuyv'),
        ('UYVY', 'uyvy'),
        ('NV12', 'nv12'),
        ('bayer_rggb8 ', 'bayer_rggb8'),
        ('BAYER_GBRG8', 'bayer_gbrg8'),
        ('BayerRG8', 'bayer_rggb8'),
        ('BayerGB16', 'bayer_gbrg16'),
        ('Y16', 'mono16'),
        ('R8G8B8', 'rgb8'),
    ],
)
def test_other_spellings_of_a_name(written: str, name: str) -> None:
    assert known_name(written) == name


@pytest.mark.parametrize('bits', [8, 16, 32])
@pytest.mark.parametrize('count', [1, 2, 3, 4])
def test_signed_numbers_are_no_picture(bits: int, count: int) -> None:
    with pytest.raises(
        EncodingError, match=f"'{bits}SC{count}'.*{count} channels? of signed numbers of {bits}"
    ):
        known_name(f'{bits}SC{count}')


@pytest.mark.parametrize(
    'name', ['8UC2', '16UC2', '16UC3', '16UC4', '32FC2', '32FC3', '64FC1', '32UC1', '8UC12']
)
def test_numbers_without_a_meaning_are_no_picture(name: str) -> None:
    with pytest.raises(EncodingError, match=f"'{name}'.*which is not a picture"):
        known_name(name)


@pytest.mark.parametrize('kind', ['jpeg', 'png'])
@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_a_bayer_pattern_within_a_file(kind: str, pattern: str) -> None:
    flat = np.full((H, W, 3), RED, np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, 100] if kind == 'jpeg' else []
    suffix = {'jpeg': '.jpg', 'png': '.png'}[kind]
    file = cv2.imencode(suffix, bayer(flat, pattern), options)[1].reshape(-1)
    colour = to_colour(file, f'bayer_{pattern}; {kind}', 'rgb')
    np.testing.assert_allclose(centres(colour), [list(RED)] * 4, atol=6)
    if kind == 'png':
        sixteen = cv2.imencode('.png', wide(bayer(flat, pattern)))[1].reshape(-1)
        np.testing.assert_array_equal(to_colour(sixteen, f'bayer_{pattern}; png', 'rgb'), colour)
    with pytest.raises(EncodingError, match='has one channel; the file has 3'):
        to_colour(file_of(kind, enlarged()), f'bayer_{pattern}; {kind}')


def test_distances_in_a_png_look_as_they_do_raw() -> None:
    millimetres = np.array([[0, 2000, 10000, 60000]], np.uint16)
    file = cv2.imencode('.png', millimetres)[1].reshape(-1)
    assert to_colour(file, '16UC1; png')[0, :, 0].tolist() == [0, 51, 255, 255]
    grey = cv2.imencode('.png', np.array([[0, 9, 255]], np.uint8))[1].reshape(-1)
    assert to_colour(grey, '16UC1; png')[0, :, 0].tolist() == [0, 9, 255]
