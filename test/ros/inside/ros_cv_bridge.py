"""Our decoding is that of cv_bridge for every encoding that both know."""

import subprocess
import sys

import numpy as np
import pytest

# In another process, because a cv_bridge that was built for NumPy 1 crashes with NumPy 2.
if subprocess.run([sys.executable, '-c', 'import cv_bridge.boost.cv_bridge_boost'], check=False).returncode:
    pytest.skip('there is no cv_bridge that works here', allow_module_level=True)

from cv_bridge import CvBridge, CvBridgeError
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from stream_infer_ros.cameras import ENCODINGS, Frame, encoding_info, to_colour
from stream_infer_ros.inference.batch import Batch
from stream_infer_ros.messages.cdr_writer import CdrWriter
from stream_infer_ros.messages.image import decode_image

HEIGHT, WIDTH = 12, 16
# What every cv_bridge since Humble's makes colours of; depth and unnamed channels it leaves alone, and newer
# names ('uyvy', 'nv12') not each one knows.
AGREED = {'rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8', 'mono16', 'yuv422', 'yuv422_yuy2'} | {
    *('rgb16', 'bgr16', 'rgba16', 'bgra16'),
    *(f'bayer_{pattern}{bits}' for pattern in ('rggb', 'bggr', 'gbrg', 'grbg') for bits in (8, 16)),
}


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
@pytest.mark.parametrize('encoding', sorted(AGREED))
def test_its_images_reach_the_network(encoding, order):
    info = encoding_info(encoding)
    message = decode_image(image_cdr(encoding, noise(info.dtype, info.array_shape(HEIGHT, WIDTH)), padding=2))
    batch = Batch(1, HEIGHT, WIDTH, order)
    batch.write(Frame('front', message.stamp_ns, message.stamp_ns, message.image, encoding, 'camera'))
    np.testing.assert_array_equal(batch.images[0], to_colour(message.image, encoding, order))
