"""Conversion of errors of zenoh to graph errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import zenoh

from stream_infer_ros.errors import GraphError


@contextmanager
def as_graph_error(doing: str, remedy: str) -> Iterator[None]:
    """Turn a ZError into a GraphError with the operation and the remedy."""
    try:
        yield
    except zenoh.ZError as error:
        raise GraphError(f'{doing}: zenoh refused ({in_words(error)}); {remedy}') from error


def in_words(error: zenoh.ZError) -> str:
    """Return the message of an error, without its position in zenoh's sources."""
    return str(error).split(' at /')[0]
