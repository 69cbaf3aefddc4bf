"""Paths of the files that ship with the package: model, configuration, launch files."""

import os
import sys
from pathlib import Path

from stream_infer_ros.errors import ConfigError

PACKAGE = 'stream_infer_ros'


def share_directory() -> Path:
    """Return the folder with models/, config/ and launch/: in the source tree, an ament or a Python prefix.

    Raises:
        ConfigError: none of them contains the files of the package.
    """
    here = Path(__file__).resolve().parent
    prefixes = [Path(p) for p in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    prefixes += [parent for parent in here.parents if (parent / 'share' / PACKAGE).is_dir()]
    prefixes.append(Path(sys.prefix))
    candidates = [here.parent, *(prefix / 'share' / PACKAGE for prefix in prefixes)]
    for candidate in candidates:
        if (candidate / 'package.xml').is_file() and (candidate / 'models').is_dir():
            return candidate
    raise ConfigError(
        f'expected the share folder of {PACKAGE} in one of {", ".join(map(str, candidates))}, found none; '
        f'reinstall the package, or source the setup file of its workspace'
    )


def default_model() -> Path:
    """Return the path of the surround model that ships with the package."""
    return share_directory() / 'models' / 'surround.onnx'
