"""Our decoding is that of cv_bridge for every encoding both know, and what only it knows goes through it."""

import numpy as np
import pytest

from stream_infer_ros.nodes.cv_bridge_encodings import why_unusable

if (why_not := why_unusable()) is not None:
    pytest.skip(f'our decoding was not compared with that of cv_bridge: {why_not}', allow_module_level=True)

from cv_bridge import CvBridge, CvBridgeError
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from stream_infer_ros.cameras import ENCODINGS, FALLBACKS, Frame, encoding_info, to_colour
from stream_infer_ros.errors import EncodingError
from stream_infer_ros.inference.batch import Batch
from stream_infer_ros.messages.cdr_writer import CdrWriter
from stream_infer_ros.messages.image import decode_image
from stream_infer_ros.nodes.cv_bridge_encodings import known_to_cv_bridge
from stream_infer_ros.nodes.ros_parts import offer_ros_parts

HEIGHT, WIDTH = 12, 16
# What every cv_bridge since Humble's makes colours of; depth and unnamed channels it leaves alone, and newer
# names ('uyvy', 'nv12') not each one knows.
AGREED = {'rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8', 'mono16', 'yuv422', 'yuv422_yuy2'} | {
    f'bayer_{pattern}8' for pattern in ('rggb', 'bggr', 'gbrg', 'grbg')
}
ONLY_CV_BRIDGE = ['rgb16', 'bgr16', 'rgba16', 'bgra16', 'bayer_rggb16', 'bayer_grbg16']


@pytest.fixture
def with_cv_bridge():
    offer_ros_parts()
    yield
    FALLBACKS.remove(known_to_cv_bridge)


def noise(dtype, shape) -> np.ndarray:
    most = np.iinfo(dtype).max
    return np.random.default_rng(3).integers(0, most, shape, endpoint=True, dtype=dtype)


def image_cdr(encoding: str, pixels: np.ndarray, padding: int = 0) -> bytes:
    """An Image as a driver would write it, without asking our own tables; rows padded by so many pixels."""
    wide = np.concatenate([pixels, noise(pixels.dtype, (HEIGHT, padding, *pixels.shape[2:]))], axis=1)
    writer = CdrWriter('sensor_msgs/msg/Image')
    writer.header(1_700_000_000_000_000_000, 'camera')
    writer.uint32(HEIGHT)
    writer.uint32(WIDTH)
    writer.string(encoding)
    writer.uint8(0)
    writer.uint32(wide.nbytes // HEIGHT)
    return bytes(writer.finish_with_bytes(np.ascontiguousarray(wide).data))


def cv_bridge_colour(cdr: bytes, order: str) -> np.ndarray:
    return CvBridge().imgmsg_to_cv2(deserialize_message(cdr, Image), f'{order}8')


def knows_colour(encoding: str) -> bool:
    message = Image(height=2, width=2, encoding=encoding, step=16, data=bytes(32))
    try:
        CvBridge().imgmsg_to_cv2(message, 'rgb8')
    except (CvBridgeError, TypeError):
        return False
    return True


BOTH = [encoding for encoding in ENCODINGS if knows_colour(encoding)]


def test_both_know_at_least_these():
    assert set(BOTH) >= AGREED


@pytest.mark.parametrize('padding', [0, 4])
@pytest.mark.parametrize('order', ['rgb', 'bgr'])
@pytest.mark.parametrize('encoding', BOTH)
def test_our_colours_are_those_of_cv_bridge(encoding, order, padding):
    info = encoding_info(encoding)
    cdr = image_cdr(encoding, noise(info.dtype, info.array_shape(HEIGHT, WIDTH)), padding)
    ours = to_colour(decode_image(cdr).image, encoding, order)
    np.testing.assert_array_equal(ours, cv_bridge_colour(cdr, order))


@pytest.mark.parametrize('order', ['rgb', 'bgr'])
@pytest.mark.parametrize('encoding', ONLY_CV_BRIDGE)
def test_what_only_cv_bridge_knows_goes_through_it(with_cv_bridge, encoding, order):
    depth, channels = CvBridge().encoding_to_dtype_with_channels(encoding)
    shape = (HEIGHT, WIDTH, channels) if channels > 1 else (HEIGHT, WIDTH)
    cdr = image_cdr(encoding, noise(np.dtype(depth), shape), padding=2)
    message = decode_image(cdr)
    np.testing.assert_array_equal(to_colour(message.image, encoding, order), cv_bridge_colour(cdr, order))
    batch = Batch(1, 24, 32, order)
    batch.write(Frame('front', message.stamp_ns, message.stamp_ns, message.image, encoding, 'camera'))
    assert batch.images[0].std() > 0


def test_its_big_endian_images_are_read_as_such(with_cv_bridge):
    pixels = noise(np.dtype(np.uint16), (HEIGHT, WIDTH, 3))
    np.testing.assert_array_equal(
        to_colour(pixels.astype('>u2'), 'rgb16', 'rgb'), to_colour(pixels, 'rgb16', 'rgb')
    )


@pytest.mark.parametrize('encoding', ['64FC1', '16UC3', 'no_such_thing', ''])
def test_what_neither_knows_is_refused_by_name(with_cv_bridge, encoding):
    with pytest.raises(EncodingError, match=repr(encoding)):
        encoding_info(encoding)


def test_without_the_offer_nothing_changes():
    for encoding in ONLY_CV_BRIDGE:
        with pytest.raises(EncodingError, match='not supported'):
            encoding_info(encoding)


def test_offered_twice_it_is_asked_once(with_cv_bridge):
    offer_ros_parts()
    assert FALLBACKS.count(known_to_cv_bridge) == 1
