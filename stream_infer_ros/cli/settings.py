"""A configuration file and the options that go over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stream_infer_ros.config import Config, load_config, parse_config


def configured(file: Path | None, **overrides: Any) -> Config:
    """The file's tree (or the defaults), with every override that is not None in its place.

    Overrides are named by their dotted place with '__' for '.': `engine__kind='fake'`.
    """
    tree = (load_config(file) if file else Config()).model_dump()
    for name, value in overrides.items():
        if value is None:
            continue
        *branches, leaf = name.split('__')
        section = tree
        for branch in branches:
            section = section[branch]
        section[leaf] = value
    return parse_config(tree, 'command line')
