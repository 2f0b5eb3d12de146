"""The JSON Schema of a runbook, so that an editor underlines mistakes while one types."""

from __future__ import annotations

import functools
import operator
import typing
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from irkit.runbook.load import ACTION_ONLY, KINDS
from irkit.runbook.model import Runbook, Step
from irkit.runbook.reader import keys_of
from irkit.runbook.template import Arg, Expr, Template
from irkit.runbook.values import DURATION

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# How the types that msgspec does not know are written in a file.
WRITTEN: Mapping[Any, Any] = {
    timedelta: Annotated[str, Meta(pattern=f"^{DURATION}$", description="90s, 15m, 72h or 60d")],
    Template: Annotated[str, Meta(min_length=1, description="a text with {{ expressions }}")],
    Expr: Annotated[str, Meta(min_length=1, description="an expression, without braces")],
    Arg: Annotated[Any, Meta(description="a value, or a text with {{ expressions }}")],
}


def schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12."""
    made = msgspec.json.schema(_written_record(Runbook))
    made["$defs"][Step.__name__]["oneOf"] = [_kind(kind) for kind in KINDS]
    return {"$schema": DIALECT, "title": "irkit runbook", **made}


def _kind(kind: str) -> dict[str, Any]:
    also = {"action": ["why"], "ask": ["choices"]}.get(kind, [])
    refused = (*(ACTION_ONLY if kind != "action" else ()), *(("choices",) if kind != "ask" else ()))
    return {"required": [kind, *also], "properties": dict.fromkeys(refused, False)}


@functools.cache
def _written_record(record: type[Any]) -> type[Any]:
    """A Struct of the record's keys, each of the type it has in a file."""
    fields = keys_of(record)
    keys = [(f.name, _written(f.type)) if f.required else (f.name, _written(f.type) | UnsetType, UNSET) for f in fields]
    return msgspec.defstruct(record.__name__, keys, namespace={"__doc__": record.__doc__}, kw_only=True,
                             rename={f.name: f.encode_name for f in fields}, forbid_unknown_fields=True)


def _written(kind: Any) -> Any:
    """The type as it is written in a file."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind in WRITTEN:
        return WRITTEN[kind]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _written_record(kind)
    if origin is Annotated:
        return Annotated[_written(inner[0]), *inner[1:]]
    if origin is tuple:
        return tuple[_written(inner[0]), ...]       # type: ignore[misc]  # made at run time
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return dict[str, _written(inner[1])]        # type: ignore[misc]
    if type(None) in inner:
        return functools.reduce(operator.or_, (_written(one) for one in inner if one is not type(None)))
    return kind
