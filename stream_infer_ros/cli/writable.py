"""Files that a command writes at its end: whether they can be written is known before it begins."""

from __future__ import annotations

import os
from pathlib import Path

from stream_infer_ros.errors import ConfigError


def check_writable(path: Path | None, option: str) -> None:
    """Raise ConfigError unless this file can be written; afterwards there is what was there before.

    `option` is what named it, for the error. None is fine: nothing is to be written.
    """
    if path is None:
        return
    target = path.resolve()
    try:
        if not target.exists():
            target.open('xb').close()
            target.unlink()
        elif target.is_file() or target.is_dir():  # else a terminal or a pipe: opening may wait for a reader
            os.close(os.open(target, os.O_WRONLY))
    except OSError as error:
        raise ConfigError(
            f'expected a file that can be written for {option}, got {path}: {error.strerror}; '
            f'name one in a folder that is there and may be written to'
        ) from error


def check_new(path: Path | None, option: str) -> None:
    """Raise ConfigError unless this can be made and is not there yet. See `check_writable`."""
    if path is not None and path.exists():
        raise ConfigError(f'expected a new path for {option}, {path} exists; remove it or name another')
    check_writable(path, option)
