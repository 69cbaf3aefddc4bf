"""Files that are no recordings, but are found in their place."""

from __future__ import annotations

from stream_infer_ros.graph.recordings.storage import UnreadableFile

_ANOTHER = 'name a folder of ros2 bag record, an .mcap, a .db3 or a ROS 1 .bag'
_UNPACK = 'unpack it, and name the recording in it'

# (offset, first bytes, what the file is, what to do)
_KNOWN = (
    (
        0,
        b'version https://git-lfs',
        'it is a Git LFS pointer, not the recording',
        'fetch the file with `git lfs pull`',
    ),
    (0, b'<!DOCTYPE', 'it is a web page, not the recording', 'download the file itself'),
    (0, b'<html', 'it is a web page, not the recording', 'download the file itself'),
    (0, b'PK\x03\x04', 'it is a zip archive', _UNPACK),
    (0, b'7z\xbc\xaf', 'it is a 7z archive', _UNPACK),
    (257, b'ustar', 'it is a tar archive', _UNPACK),
    (0, b'\x89PNG', 'it is a picture', _ANOTHER),
    (0, b'\xff\xd8\xff', 'it is a picture', _ANOTHER),
    (4, b'ftyp', 'it is a video', _ANOTHER),
    (0, b'rosbag2_bagfile_information', 'it is a metadata.yaml', 'name the folder that it is in'),
)
SNIFFED_BYTES = 300


def refuse(head: bytes, size: int) -> UnreadableFile:
    """Return the error for a file that is no recording, by its first SNIFFED_BYTES."""
    if size == 0:
        return UnreadableFile(
            'it is empty: the recorder was killed before it wrote anything, or the copy failed',
            'copy the file again; if the original is empty too, nothing was recorded in it',
        )
    if not head.strip(b'\0'):
        return UnreadableFile(
            'it begins with zeros: the recorder lost power, or the copy failed', 'copy the file again'
        )
    for offset, magic, what, remedy in _KNOWN:
        if head[offset : offset + len(magic)] == magic:
            return UnreadableFile(what, remedy)
    return UnreadableFile(f'it is not a recording (it begins with {head[:8]!r})', _ANOTHER)
