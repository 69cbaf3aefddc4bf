"""Checks at the start of a command that it can write its output at the end."""

from __future__ import annotations

import os
from pathlib import Path

from stream_infer_ros.errors import ConfigError


def check_writable(path: Path | None, option: str) -> None:
    """Raise ConfigError unless this file can be written. The check leaves the file as it was.

    Args:
        path: None if nothing will be written.
        option: the option with this path, for the error message.
    """
    if path is None:
        return
    target = path.resolve()
    try:
        if not target.exists():
            target.open('xb').close()
            target.unlink()
        elif (
            target.is_file() or target.is_dir()
        ):  # not a terminal or a pipe, because opening a pipe may wait for its reader
            os.close(os.open(target, os.O_WRONLY))
    except OSError as error:
        raise ConfigError(
            f'expected a file that can be written for {option}, got {path}: {error.strerror}; '
            f'choose a file in an existing folder in which you may write'
        ) from error


def check_new(path: Path | None, option: str) -> None:
    """Raise ConfigError unless this file can be written and does not exist yet. See `check_writable`."""
    if path is not None and path.exists():
        raise ConfigError(f'expected a new path for {option}, {path} exists; remove it or choose another')
    check_writable(path, option)
