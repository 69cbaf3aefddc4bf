"""Producers and consumers of the tensors in an ONNX graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def read_by(node: Any) -> Iterator[str]:
    """Yield the names of the tensors that a node reads, including those that its subgraphs read."""
    yield from (name for name in node.input if name)
    for graph in subgraphs(node):
        for inner in graph.node:
            yield from read_by(inner)
        yield from (value.name for value in graph.output)


def subgraphs(node: Any) -> Iterator[Any]:
    """Yield the graphs inside a node: branches and loop bodies."""
    for attribute in node.attribute:
        if attribute.HasField('g'):
            yield attribute.g
        yield from attribute.graphs


def readers(graph: Any) -> dict[str, list[Any]]:
    """Return the nodes that read each tensor."""
    by_name: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in set(read_by(node)):
            by_name.setdefault(name, []).append(node)
    return by_name


def makers(graph: Any) -> dict[str, Any]:
    """Return the node that produces each tensor."""
    return {name: node for node in graph.node for name in node.output if name}


def made_by(node: Any) -> str:
    """Return the first output of a node. It identifies the node, because node names may be empty."""
    return next((name for name in node.output if name), '')


def names_in(graph: Any) -> set[str]:
    """Return the names of all tensors."""
    names = {value.name for value in (*graph.input, *graph.output)}
    names |= {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        names.update(node.output)
        names.update(read_by(node))
    return names


def free_name(wish: str, taken: set[str]) -> str:
    """Return `wish`, with a number if the name is taken, and add it to `taken`."""
    name, number = wish, 1
    while name in taken:
        number += 1
        name = f'{wish}_{number}'
    taken.add(name)
    return name
