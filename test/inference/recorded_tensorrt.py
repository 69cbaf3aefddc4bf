"""A TensorRT made of what was recorded: it has those names, takes those arguments, and no more."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / 'recorded/tensorrt_api.json').read_text())

# What a method answers: (object, arguments by name) -> anything. By 'Class.method'.
Answers = dict[str, Callable[[Any, dict[str, Any]], Any]]
_PLAIN = {'bool': True, 'int': 0, 'str': '', 'None': None}


def tensorrt_as_recorded(name: str, answers: Answers) -> SimpleNamespace:
    """The module, `calls` beside its own names: every call as ('Class.method', arguments by name).

    A method without an answer returns what its signature says: an object of that class, True, 0.
    """
    api = RECORDED[name]
    module = SimpleNamespace(__version__=name.split()[1], calls=[])
    for function, overloads in api['functions'].items():
        setattr(module, function, _function(module, function, overloads, answers))
    for kind, recorded in api['classes'].items():
        made = (
            IntEnum(kind, recorded['members'])
            if 'members' in recorded
            else _class(module, kind, recorded, answers)
        )
        setattr(module, kind, made)
    return module


def bound(what: str, overloads: list[dict[str, Any]], args: tuple[Any, ...], kwargs: Any) -> tuple[Any, str]:
    """Arguments by name, and what is returned, by the first overload that takes them. Raises TypeError."""
    for overload in overloads:
        names = [parameter.rstrip('=') for parameter in overload['parameters']]
        needed = {parameter for parameter in overload['parameters'] if not parameter.endswith('=')}
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        if len(given) == len(args) + len(kwargs) and needed <= set(given) <= set(names):
            return given, overload['returns']
    raise TypeError(f'{what} takes {[o["parameters"] for o in overloads]}, got {args} {kwargs}')


def _function(
    module: Any, what: str, overloads: list[dict[str, Any]], answers: Answers
) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        given, returns = bound(what, overloads, args, kwargs)
        module.calls.append((what, given))
        return answers[what](None, given) if what in answers else _answer(module, returns)

    return call


def _class(module: Any, name: str, recorded: dict[str, Any], answers: Answers) -> type:
    properties = set(recorded['properties'])

    def refuse_unknown(self: Any, attribute: str, value: Any) -> None:
        # Classes that are derived from, as listeners are, have attributes of their own.
        if type(self).__name__ == name and attribute not in properties:
            raise AttributeError(f'{name} has no property {attribute!r}')
        if type(self).__name__ == name:
            module.calls.append((f'{name}.{attribute}', {'value': value}))
        object.__setattr__(self, attribute, value)

    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        if '__init__' not in recorded['methods']:
            assert not args, f'{name} is not made by callers'
            return
        bound(name, recorded['methods']['__init__'], args, kwargs)

    members: dict[str, Any] = {'__setattr__': refuse_unknown, '__init__': made}
    for method, overloads in recorded['methods'].items():
        if method != '__init__':
            members[method] = _method(module, f'{name}.{method}', overloads, answers)
    for kind, nested in recorded['nested'].items():
        members[kind] = IntEnum(kind, nested['members'])
    for attribute in properties:
        if f'{name}.{attribute}' in answers:
            members[attribute] = property(lambda self, key=f'{name}.{attribute}': answers[key](self, {}))
    return type(name, (), members)


def _method(module: Any, what: str, overloads: list[dict[str, Any]], answers: Answers) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        given, returns = bound(what, overloads, args, kwargs)
        module.calls.append((what, given))
        return answers[what](self, given) if what in answers else _answer(module, returns)

    return call


def _answer(module: Any, returns: str) -> Any:
    if returns in _PLAIN:
        return _PLAIN[returns]
    kind = getattr(module, returns, None)
    return object() if kind is None else kind()
