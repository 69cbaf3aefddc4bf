"""The folder for files that are made once and used again, and how they are written."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder(configured: str) -> Path:
    """Return `engine.cache_dir`, or by default the user's cache folder ($XDG_CACHE_HOME on Linux)."""
    return Path(configured).expanduser() if configured else user_cache_path('stream_infer_ros')


def write_whole(path: Path, data: bytes, writer: int = 0) -> None:
    """Write a file completely or not at all, and create its folder. Raises OSError.

    `writer` distinguishes writers that may write the same file at the same time.
    """
    # The name is always the same, so that the file of a killed process is overwritten.
    half_way = path.with_name(f'{path.name}.{writer}.tmp')
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(half_way, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(half_way, path)
    except BaseException:
        half_way.unlink(missing_ok=True)
        raise
