"""Names of image encodings: what drivers write, and the name in sensor_msgs/image_encodings."""

from __future__ import annotations

import re

BAYER_PATTERNS = ('bayer_rggb', 'bayer_bggr', 'bayer_gbrg', 'bayer_grbg')

# Names from V4L2, FFmpeg, GenICam and simulators, in lower case. Each has only one possible meaning.
_ALIASES = {
    **dict.fromkeys(['rgb', 'rgb24', 'r8g8b8', 'rgb_int8'], 'rgb8'),
    **dict.fromkeys(['bgr', 'bgr24', 'b8g8r8', 'bgr_int8'], 'bgr8'),
    **dict.fromkeys(['rgba', 'rgba32'], 'rgba8'),
    **dict.fromkeys(['bgra', 'bgra32'], 'bgra8'),
    **dict.fromkeys(['mono', 'gray', 'grey', 'gray8', 'grey8', 'y8', 'l8', 'l_int8', '8uc'], 'mono8'),
    **dict.fromkeys(['gray16', 'grey16', 'y16', 'l16', 'l_int16'], 'mono16'),
    **dict.fromkeys(['yuyv422', 'yuy2', 'yuv422_yuyv'], 'yuyv'),
    **dict.fromkeys(['uyvy422', 'yuv422_uyvy'], 'uyvy'),
    **dict(zip(BAYER_PATTERNS, (f'{pattern}8' for pattern in BAYER_PATTERNS), strict=True)),
    **{
        f'bayer{separator}{short}{bits}': f'bayer_{pattern}{bits}'
        for short, pattern in {'rg': 'rggb', 'bg': 'bggr', 'gb': 'gbrg', 'gr': 'grbg'}.items()
        for separator in ('', '_')
        for bits in (8, 16)
    },
    '16uc': '16UC1',
    '32fc': '32FC1',
}
_NUMBERS = re.compile(r'(8|16|32|64)([USF])C(\d*)', re.IGNORECASE)
_KINDS = {'u': 'unsigned', 's': 'signed', 'f': 'floating-point'}


def standard_name(encoding: str) -> str:
    """Return the usual name of an encoding that is written in another way ('RGB8', 'yuyv422', 'Mono8 ').

    A name that is not recognised is returned without surrounding spaces.

    >>> standard_name('BayerRG8')
    'bayer_rggb8'
    """
    name = encoding.strip(' \t\r\n\0')
    lower = name.lower()
    if numbers := _NUMBERS.fullmatch(name):
        return _ALIASES.get(lower, name.upper()) if not numbers[3] else name.upper()
    return _ALIASES.get(lower, lower)


def numbers_within(encoding: str) -> str:
    """Describe an encoding that gives only the type and number of the channels ('32FC3'); empty for others.

    >>> numbers_within('32FC3')
    '3 channels of floating-point numbers of 32 bits'
    """
    numbers = _NUMBERS.fullmatch(encoding)
    if numbers is None:
        return ''
    bits, kind, count = numbers[1], _KINDS[numbers[2].lower()], int(numbers[3] or 1)
    return f'{count} channel{"s" if count != 1 else ""} of {kind} numbers of {bits} bits'
