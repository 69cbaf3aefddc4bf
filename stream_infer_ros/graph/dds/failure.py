"""Conversion of errors of Cyclone DDS to graph errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cyclonedds.core import DDSException

from stream_infer_ros.errors import GraphError


@contextmanager
def as_graph_error(doing: str, remedy: str) -> Iterator[None]:
    """Turn a DDSException into a GraphError with the operation and the remedy."""
    try:
        yield
    except DDSException as error:
        raise GraphError(f'{doing}: Cyclone DDS refused ({error}); {remedy}') from error
