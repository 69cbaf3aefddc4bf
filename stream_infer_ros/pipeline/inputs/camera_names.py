"""Short names for cameras of which only the image topics are known."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

# The name of a camera whose topic is just `/image_raw`, as usb_cam publishes it.
DEFAULT_NAME = 'camera'

# Words in the last part of an image topic that describe its pixels, not its camera.
_PIXEL_WORDS = frozenset(
    (
        *('image', 'img', 'raw', 'rect', 'rectified', 'compressed', 'preview'),
        *('color', 'colour', 'rgb', 'bgr', 'mono', 'gray', 'grey'),
    )
)
_IMAGE_WORDS = frozenset(['image', 'img'])
# Folders that group topics and do not distinguish cameras.
_FOLDERS = frozenset(
    ['sensor', 'sensors', 'sensing', 'cameras', 'image', 'images', 'raw', 'rect', 'rectified']
)
# Endings of the node names of drivers: /zed/zed_node/rgb is the rgb of zed.
_DRIVER_ENDINGS = ('_node', '_driver')


def camera_names(image_topics: Sequence[str]) -> list[str]:
    """Return a different name for each image topic, in the same order; each is valid as part of a ROS name.

    A name depends only on its own topic, unless two topics would get the same name. These then get longer
    names, up to the whole topic, and a number if even the whole topics give equal names.

    Args:
        image_topics: without transport ('/compressed') and relative to the node's namespace.

    Examples:
        /front/image_raw -> front
        /image_raw -> camera
        /camera/camera/color/image_raw -> camera_color
        /zed/zed_node/rgb/image_rect_color -> zed_rgb
        /robot1/front_camera/image -> robot1_front_camera
        /stereo/left, /stereo/right -> stereo_left, stereo_right
    """
    names = [_short(topic) for topic in image_topics]
    for longer in (_with_pixel_words, _whole):
        names = _replace_twins(names, image_topics, longer)
    return _numbered(names)


def _short(topic: str) -> str:
    *folders, leaf = topic.strip('/').split('/')
    told = [folder for folder in folders if folder.lower() not in _FOLDERS]
    words = [word for word in leaf.split('_') if word.lower() not in _PIXEL_WORDS]
    return _valid([*_without_repetition(told), *words])


def camera_of_topic(image_topic: str) -> str:
    """Return the part of an image topic that all topics of one camera share.

    Examples:
        /front/image_raw, /front/image_rect_color/compressed -> /front
        /cameras/left_image, /cameras/left_rect -> /left
        /zed/left/raw/image, /zed/left/rect/image -> /zed/left
    """
    *folders, leaf = image_topic.removesuffix('/compressed').split('/')
    words = [word for word in leaf.split('_') if word.lower() not in _PIXEL_WORDS]
    kept = [folder for folder in folders if folder.lower() not in _FOLDERS]
    return '/'.join([*kept, '_'.join(words)] if words else kept)


def _with_pixel_words(topic: str) -> str:
    *folders, leaf = topic.strip('/').split('/')
    words = [word for word in leaf.split('_') if word.lower() not in _IMAGE_WORDS]
    return _valid([*(_without_repetition(folders) or [DEFAULT_NAME]), *words])


def _whole(topic: str) -> str:
    return _valid(topic.split('/'))


def _without_repetition(folders: Iterable[str]) -> list[str]:
    """Drop folders that repeat the previous one, or that the next one repeats in more detail."""
    kept: list[str] = []
    for folder in folders:
        before = kept[-1] if kept else ''
        if before and folder in (before, *(before + ending for ending in _DRIVER_ENDINGS)):
            continue
        if before and folder.startswith(before):
            kept.pop()
        kept.append(folder)
    return kept


def _valid(words: Iterable[str]) -> str:
    """Join the words to one name of letters, digits and single underscores that begins with a letter."""
    name = re.sub(r'[^A-Za-z0-9]+', '_', '_'.join(words)).strip('_')
    if not name:
        return DEFAULT_NAME
    return name if name[0].isalpha() else f'{DEFAULT_NAME}_{name}'


def _replace_twins(names: list[str], topics: Sequence[str], longer: Callable[[str], str]) -> list[str]:
    count = Counter(names)
    return [longer(topic) if count[name] > 1 else name for name, topic in zip(names, topics, strict=True)]


def _numbered(names: list[str]) -> list[str]:
    """Append a number to all but the first of equal names (/a_b/image and /a/b/image give equal ones)."""
    taken: set[str] = set()
    found = []
    for name in names:
        number, free = 1, name
        while free in taken:
            number += 1
            free = f'{name}_{number}'
        taken.add(free)
        found.append(free)
    return found
