"""The options of a world: a frozen Struct whose fields are the options, their types and their defaults.

Scenarios give typed values, a command line gives text; both are taken. Mistakes are UsageErrors that list what is known.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from irkit.errors import UsageError

T = TypeVar("T")
_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def read(kind: type[T], given: Mapping[str, object], world: str) -> T:
    """An instance of the Struct `kind`. Raises UsageError for an unknown option or a value of the wrong kind."""
    hints = _hints(kind)         # type: ignore[arg-type]     # classes are hashable
    unknown = sorted(set(given) - set(hints))
    if unknown:
        raise UsageError(f"the {world} world has no option {unknown[0]!r}", next=f"use one of {', '.join(sorted(hints))}")
    return kind(**{name: _value(hints[name], value, f"{world}.{name}") for name, value in given.items()})


@functools.cache
def _hints(kind: type) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)


def _value(hint: Any, value: object, where: str) -> object:
    if typing.get_origin(hint) is typing.Literal:
        return _choice(typing.get_args(hint), value, where)
    if hint is bool and isinstance(value, str):
        value = _WORDS.get(value.lower(), value)
    if hint is int and isinstance(value, str) and value.isdecimal():
        value = int(value)
    if type(value) is not hint or (hint is int and typing.cast(int, value) < 0):
        want = {bool: "true or false", int: "a whole number", str: "text"}[hint]
        raise UsageError(f"{where} is {want}, not {value!r}")
    return value


def _choice(choices: tuple[str, ...], value: object, where: str) -> object:
    if value not in choices:
        raise UsageError(f"{where} is one of {', '.join(c or 'nothing' for c in choices)}, not {value!r}")
    return value

