"""Functions of the Cyclone DDS library that its Python binding does not offer."""

from __future__ import annotations

from typing import Any

from cyclonedds.internal import load_cyclonedds

from stream_infer_ros.errors import GraphError

_library = load_cyclonedds()  # a separate handle, so that prototypes set here do not affect the binding


def function(name: str, result: Any, *arguments: Any) -> Any:
    """Return a C function with its prototype.

    Raises:
        GraphError: the library has no such function.
    """
    try:
        found = getattr(_library, name)
    except AttributeError as error:
        raise GraphError(
            f'this build of Cyclone DDS has no {name}: install the tested one, pip install cyclonedds==11.0.1'
        ) from error
    found.restype, found.argtypes = result, list(arguments)
    return found
