"""Encodings that only cv_bridge knows: 16-bit colour, Bayer patterns, and future ones.

cv_bridge is tried in a child process first, because its import can crash the process. A cv_bridge that was
built for NumPy 1 crashes with NumPy 2. `pip install` easily causes this: it installs a newer NumPy that takes
precedence over that of the distribution.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

import numpy as np

from stream_infer_ros.cameras.encodings import ENCODINGS, ColourImage, ColourOrder, EncodingInfo, Image
from stream_infer_ros.errors import EncodingError

LIMIT_S = 20.0
# OpenCV and NumPy are imported first, as in this process. Some incompatible versions can be imported, and
# crash at the first conversion.
TRIAL = """
import sys
sys.path[:] = sys.argv[1:]
import cv2
import numpy
from cv_bridge import CvBridge
from cv_bridge.boost.cv_bridge_boost import cvtColor2
cvtColor2(numpy.zeros((2, 2, 3), numpy.uint16), 'rgb16', 'rgb8')
"""


@cache
def known_to_cv_bridge(encoding: str) -> EncodingInfo | None:
    """Return layout and conversion of an encoding that cv_bridge can convert to colour; None if it cannot.

    For an encoding whose channels have no meaning ('16UC3', '64FC1') it knows only the layout: None.

    Raises:
        EncodingError: no working cv_bridge is installed.
    """
    reason = why_unusable()
    if reason is not None:
        raise EncodingError(
            f'image encoding {encoding!r} is not supported, and cv_bridge, which might know it, cannot be '
            f'used: {reason}; or let the driver publish one of: {", ".join(ENCODINGS)}'
        )
    from cv_bridge import CvBridge, CvBridgeError  # noqa: PLC0415

    try:
        depth, channels = CvBridge().encoding_to_dtype_with_channels(encoding)
        convert = _converter(encoding)
        info = EncodingInfo(np.dtype(depth), channels, None, None, convert=convert)
        convert(np.zeros(info.array_shape(2, 2), info.dtype), 'rgb')
    except (CvBridgeError, EncodingError):
        return None
    return info


def _converter(encoding: str) -> Callable[[Image, ColourOrder], ColourImage]:
    from cv_bridge.boost.cv_bridge_boost import cvtColor2  # noqa: PLC0415

    def convert(image: Image, order: ColourOrder) -> ColourImage:
        native = np.ascontiguousarray(image, image.dtype.newbyteorder('='))
        try:
            colour: ColourImage = cvtColor2(native, encoding, f'{order}8')
        except RuntimeError as error:
            raise EncodingError(
                f'{encoding} image of {image.shape[1]}x{image.shape[0]} pixels cannot be converted by '
                f'cv_bridge: {error}'
            ) from error
        return colour

    return convert


@cache
def why_unusable() -> str | None:
    """Say why cv_bridge cannot be used here and what to do about it; None if it can be used.

    The first call takes as long as the import, at most `LIMIT_S`. The result is cached.
    """
    if find_spec('cv_bridge') is None:
        return 'it is not installed: install ros-$ROS_DISTRO-cv-bridge'
    failure = _failure()
    return None if failure is None else f'{failure}; {_remedy()}'


def _failure() -> str | None:
    """Run a trial; return how it failed, or None if it succeeded."""
    command = [sys.executable, '-c', TRIAL, *sys.path]
    try:
        child = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors='replace',
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f'a trial in another process did not end within {LIMIT_S:g} s'
    if child.returncode < 0:
        return f'a trial crashed with {signal.Signals(-child.returncode).name}'
    if child.returncode > 0:
        lines = child.stderr.strip().splitlines() or [f'exit code {child.returncode}']
        return f'a trial failed ({lines[-1]})'
    return None


def _remedy() -> str:
    """Return what to do about a cv_bridge that is installed and does not work."""
    if int(np.__version__.partition('.')[0]) < 2:
        return f'run `{sys.executable} -c "import cv_bridge.boost.cv_bridge_boost"`, or reinstall it'
    return (
        f'it was probably built for NumPy 1, and this Python loads NumPy {np.__version__} from '
        f'{np.__path__[0]}: `{sys.executable} -m pip install "numpy<2"`, or remove that NumPy so that the '
        "distribution's is used"
    )
