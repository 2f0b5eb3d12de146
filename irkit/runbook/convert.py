"""Between texts and an action's Python types: its arguments, the responder's inputs, what is typed for a missing result.

Kinds are annotations: `UserId | None`, `list[str]`, `datetime`, `tuple[Item, ...]`.
"""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NewType

from msgspec import Struct

from irkit.action import Action, Email
from irkit.runbook.model import Input
from irkit.runbook.values import EPOCH, duration, duration_text, email, relative, rfc3339, timestamp

NOTHING = ("", "none", "-")                     # typed for an empty list, or for no value


# -- annotations -------------------------------------------------------------------------------------------------

def optional(kind: Any) -> tuple[Any, bool]:
    """The kind without `| None`, and whether it had that."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        rest = [inner for inner in typing.get_args(kind) if inner is not type(None)]
        return (rest[0] if len(rest) == 1 else Any), len(rest) < len(typing.get_args(kind))
    return kind, False


def plain_type(kind: Any) -> Any:
    """The kind without `| None`, NewType and parameters: list for `tuple[Item, ...]`."""
    kind = optional(kind)[0]
    while isinstance(kind, NewType):
        kind = kind.__supertype__
    origin = typing.get_origin(kind)
    if isinstance(origin, type):
        return list if issubclass(origin, Sequence) else dict if issubclass(origin, Mapping) else origin
    return list if kind in (list, tuple) else str if origin is Literal else kind


def element(kind: Any) -> Any:
    """The kind of a list's elements."""
    inner = typing.get_args(optional(kind)[0])
    return inner[0] if inner else Any


def fields_of(kind: Any) -> Mapping[str, Any] | None:
    """The fields of a record by name, or None when it is none."""
    return _fields(optional(kind)[0])


@functools.cache
def _fields(kind: Any) -> Mapping[str, Any] | None:
    return typing.get_type_hints(kind) if isinstance(kind, type) and issubclass(kind, Struct) else None


def result_fields(action: Action) -> Mapping[str, Any]:
    """The fields of an action's result by name; empty when it returns no record."""
    return fields_of(action.returns) or {}


# -- an action's arguments ---------------------------------------------------------------------------------------

def convert_args(action: Action, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `with` as the action's signature has them. Raises ValueError that names the parameter."""
    for name in raw:
        if name not in action.params:
            raise ValueError(f"{action.full_name} has no parameter {name!r}")
    found: dict[str, Any] = {}
    for param in action.params.values():
        if param.name in raw:
            try:
                found[param.name] = convert(param.type, raw[param.name])
            except ValueError as bad:
                raise ValueError(f"{param.name} of {action.full_name}: {bad}") from None
        elif param.required:
            raise ValueError(f"{action.full_name} needs {param.name!r}")
    return found


def convert(kind: Any, value: Any) -> Any:
    """A value out of YAML or a result as a `kind`. Raises ValueError with a sentence."""
    inner, may_lack = optional(kind)
    if value is None:
        if may_lack or inner is Any:
            return None
        raise ValueError("there is no value")
    if typing.get_origin(inner) is Literal:
        return _literal(inner, value)
    base = plain_type(inner)
    if base is list:
        return _list(inner, value)
    if base in _LEAVES:
        return _LEAVES[base](value)
    return value


def _list(kind: Any, value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError(f"a list is wanted, not {_said(value)}")
    made = [convert(element(kind), item) for item in value]
    return tuple(made) if typing.get_origin(kind) is tuple else made


def _literal(kind: Any, value: Any) -> Any:
    known = typing.get_args(kind)
    if value not in known:
        raise ValueError(f"{_said(value)} is none of {', '.join(map(str, known))}")
    return value


def _text(value: Any) -> str:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise ValueError(f"a text is wanted, not {_said(value)}")


def _int(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
        return int(value)
    raise ValueError(f"a whole number is wanted, not {_said(value)}")


def _bool(value: Any) -> bool:
    words = {"true": True, "yes": True, "false": False, "no": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ValueError(f"true or false is wanted, not {_said(value)}")


def _moment(value: Any) -> datetime:
    if isinstance(value, str) and value.strip() != "now":      # a `now` would differ at each resume
        return timestamp(value, EPOCH)
    raise ValueError(f"{_said(value)} is not a time; write it like 2026-03-07T23:40:00Z")


def _span(value: Any) -> timedelta:
    return duration(_text(value))


_LEAVES: Mapping[Any, Any] = {str: _text, int: _int, bool: _bool, datetime: _moment, timedelta: _span}


def _said(value: Any) -> str:
    if isinstance(value, list | tuple | Mapping):
        return f"a {'record' if isinstance(value, Mapping) else 'list'} of {len(value)}"
    return repr(value) if len(repr(value)) <= 60 else repr(value)[:59] + "…"


# -- what the responder types ------------------------------------------------------------------------------------

def parse_typed(kind: Any, text: str, now: datetime) -> Any:
    """Typed text as the JSON-able value of a result's field. Lists are separated by commas; records are named by their id.

    "none" is no value, where none may be. Raises ValueError with a sentence.
    """
    inner, may_lack = optional(kind)
    text = text.strip()
    if plain_type(inner) is list:
        parts = [] if text.lower() in NOTHING else re.split(r"\s*,\s*", text.strip(", "))
        return [parse_typed(element(inner), part, now) for part in parts]
    if may_lack and text.lower() in NOTHING:
        return None
    if fields_of(inner) is not None:
        return {"id": text}
    if inner is Email:
        return email(text)
    if plain_type(inner) is datetime:
        return rfc3339(timestamp(text, now))
    value = convert(inner, text)
    return duration_text(value) if isinstance(value, timedelta) else value


def no_value(kind: Any, text: str) -> bool:
    """Whether "none" was typed where a value of that kind has to be: not known, and neither nothing nor an empty list."""
    return text.strip().lower() in NOTHING and plain_type(kind) is not list and not optional(kind)[1]


def parse_input(found: Input, text: str, *, now: datetime, so_far: Mapping[str, Any]) -> Any:
    """An input as typed, JSON-able: times as RFC 3339 in UTC, durations like "72h". Its default's own words mean the default.

    Raises ValueError with a sentence.
    """
    text = text.strip()
    if text == found.default:
        text = default_input(found, now=now, so_far=so_far) or text
    if found.type == "choice":
        if text not in found.choices:
            raise ValueError(f"{text!r} is none of {', '.join(found.choices)}")
        return text
    if not text:
        raise ValueError(f"{found.name} is empty")
    if found.type == "timestamp":
        return rfc3339(timestamp(text, now))
    return _INPUTS[found.type](text)


_INPUTS: Mapping[str, Callable[[str], Any]] = {
    "email": email, "text": str, "int": _int, "duration": lambda text: duration_text(duration(text)),
}


def default_input(found: Input, *, now: datetime, so_far: Mapping[str, Any]) -> str | None:
    """The default as a text that `parse_input` takes: `aware_at - 30d` from the inputs `so_far`. None when there is none."""
    if found.default is None:
        return None
    if found.type == "timestamp":
        other = relative(found.default)
        if other is None:
            return rfc3339(timestamp(found.default, now))
        name, span = other
        if name not in so_far:
            return None
        try:
            return rfc3339(timestamp(str(so_far[name]), now) + span)
        except OverflowError:
            raise ValueError(f"{found.default} is out of the calendar") from None
    return found.default
