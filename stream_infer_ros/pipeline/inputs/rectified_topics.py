"""Rectified images, as the names of their topics say, and the CameraInfo that belongs to an image."""

from __future__ import annotations

_RECTIFIED = frozenset(['rect', 'rectified', 'rectify', 'undistorted', 'undistort', 'undist'])
# Folders that only separate the images of one camera: /camera/rect/image, /camera/image_rect/image.
_OTHER_WORDS = frozenset(
    ['image', 'img', 'raw', 'color', 'colour', 'rgb', 'mono', 'gray', 'grey', 'compressed']
)


def is_rectified(image_topic: str) -> bool:
    """True if the name of an image topic says that its images are rectified.

    Examples:
        /front/image_rect, /front/image_rect_color/compressed, /left_rect/image, /zed/left/rect/image: True
        /front/image_raw, /rect_camera/image_raw, /front/image: False
    """
    *folders, leaf = image_topic.lower().removesuffix('/compressed').strip('/').split('/')
    words = leaf.split('_')
    if not _RECTIFIED.isdisjoint(words):
        return True
    if any(_is_image_folder(folder) for folder in folders):
        return True
    return 'raw' not in words and any(folder.rpartition('_')[2] in _RECTIFIED for folder in folders[-1:])


def info_topics(image_topic: str, rectified: bool) -> list[str]:
    """Return the names under which the CameraInfo of an image topic may be published, the likeliest first.

    Examples:
        /left/image_rect -> /left/camera_info_rect (Isaac ROS), /left/camera_info (image_proc)
        /left/rect/image -> /left/rect/camera_info, /left/camera_info
    """
    namespace = image_topic.removesuffix('/compressed').rpartition('/')[0]
    found = [f'{namespace}/camera_info_rect'] if rectified else []
    found.append(f'{namespace}/camera_info')
    outer, _, folder = namespace.rpartition('/')
    if folder and set(folder.lower().split('_')) <= _RECTIFIED | _OTHER_WORDS:
        found.append(f'{outer}/camera_info')
    return found


def _is_image_folder(folder: str) -> bool:
    """True for 'rect' or 'image_rect', but not for 'rect_camera'."""
    words = set(folder.split('_'))
    return bool(words & _RECTIFIED) and words <= _RECTIFIED | _OTHER_WORDS
