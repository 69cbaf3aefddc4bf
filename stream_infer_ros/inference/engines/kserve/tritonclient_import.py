"""tritonclient, imported when somebody asks for it."""

from __future__ import annotations

import importlib
from typing import Any, Literal

from stream_infer_ros.errors import EngineError


def import_tritonclient(part: Literal['grpc', 'http']) -> Any:
    """One of its halves. Raises EngineError with the remedy."""
    try:
        return importlib.import_module(f'tritonclient.{part}')
    except ImportError as error:
        raise EngineError(
            f'expected tritonclient, cannot import it ({error}); '
            f"`pip install 'stream_infer_ros[kserve]'`, or choose another engine.kind"
        ) from error
    except RuntimeError as error:  # what it makes of a missing dependency of its own
        raise EngineError(
            f'expected tritonclient with {part}, it says: {error}; '
            f"`pip install 'stream_infer_ros[kserve]'`, or choose another engine.kind"
        ) from error
