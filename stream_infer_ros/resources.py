"""Where the files that ship with the package lie: model, configuration, launch files."""

import os
import sys
from pathlib import Path

from stream_infer_ros.errors import ConfigError

PACKAGE = 'stream_infer_ros'


def share_directory() -> Path:
    """The folder with models/, config/ and launch/: source tree, ament prefix, or Python prefix.

    Raises ConfigError if none of them holds the package's files.
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
        f"expected {PACKAGE}'s share folder in one of {', '.join(map(str, candidates))}, found none; "
        f'reinstall the package, or source the setup file of the workspace it was built in'
    )


def default_model() -> Path:
    """The surround model that ships with the package."""
    return share_directory() / 'models' / 'surround.onnx'
