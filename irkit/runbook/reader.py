"""Reading nodes into typed values, one field at a time, so that every mistake of a file is found in one pass.

msgspec converts the leaves (it stops at the first mistake, so it never sees more than one). Runbooks and scenarios are both
read with it:

    reader = Reader(mistakes, {timedelta: scalar(duration)})
    clock = reader.record(node, Clock)          # a msgspec Struct; its fields are the keys

What cannot be read is noted in `mistakes` and becomes a blank, so that reading goes on; the caller raises at the end.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec

from irkit.runbook.source import Mistakes, Node, Wrong, did_you_mean, plain, values_of

Custom = Callable[[Node], Any]
KIND_WORDS = {"scalar": "a single value", "sequence": "a list", "mapping": "a mapping of keys"}
TYPE_WORDS = {int: "a whole number", bool: "true or false", str: "a text", float: "a number"}


def scalar(parse: Callable[[str], Any]) -> Custom:
    """A custom leaf from a function of its text, which raises ValueError with a sentence."""
    def read(node: Node) -> Any:
        if node.kind != "scalar":
            raise Wrong(f"a single value is wanted, not {KIND_WORDS[node.kind]}", "quote a text that begins with { or [")
        try:
            return parse(node.value)
        except Wrong:
            raise
        except ValueError as bad:
            raise Wrong(str(bad)) from None
    return read


def keys_of(record: type[Any]) -> list[msgspec.structs.FieldInfo]:
    """The fields of a Struct that are keys of the file; its NOT_KEYS are none. Evaluated once, as annotations are slow."""
    if record not in _keys:
        hidden = getattr(record, "NOT_KEYS", frozenset({"node"}))
        _keys[record] = [field for field in msgspec.structs.fields(record) if field.name not in hidden]
    return _keys[record]


_keys: dict[type[Any], list[msgspec.structs.FieldInfo]] = {}



class Reader:
    """Converts nodes by type. `custom` reads the types that msgspec does not know; each may raise Wrong."""

    def __init__(self, mistakes: Mistakes, custom: Mapping[Any, Custom]) -> None:
        self.mistakes, self.custom = mistakes, custom

    # -- shapes ----------------------------------------------------------------------------------------------------

    def mapping(self, node: Node, what: str) -> dict[str, Node]:
        """The values by key. A repeated key, or one that is no text, is a mistake."""
        if node.kind != "mapping":
            self.mistakes.error(node, f"{what} is {KIND_WORDS['mapping']}, not {KIND_WORDS[node.kind]}")
            return {}
        return values_of(node, self.mistakes)

    def sequence(self, node: Node, what: str) -> tuple[Node, ...]:
        """The elements."""
        if node.kind != "sequence":
            self.mistakes.error(node, f"{what} is {KIND_WORDS['sequence']}, not {KIND_WORDS[node.kind]}")
        return node.items

    def fields(self, node: Node, known: Iterable[str], required: Iterable[str], what: str) -> dict[str, Node]:
        """The known keys of a mapping; unknown and missing ones are mistakes."""
        known, required = list(known), list(required)
        values = self.mapping(node, what)
        for key in [key for key in values if key not in known]:
            hint = did_you_mean(key, known, f"keys here: {', '.join(known)}")
            self.mistakes.error(node.key(key), f"unknown key '{key}'", hint)
            del values[key]
        if node.kind == "mapping":
            for key in required:
                if key not in values:
                    self.mistakes.error(node.pairs[0][0] if node.pairs else node, f"{what} lacks the key '{key}'")
        return values

    def plain(self, node: Node) -> Any:
        """A free-form value: see `irkit.runbook.source.plain`."""
        return plain(node, self.mistakes)

    # -- by type ---------------------------------------------------------------------------------------------------

    def read(self, node: Node, want: Any, what: str) -> Any:
        """The node as a `want`, or a blank once the mistake is noted. `what` names it in messages."""
        if want in self.custom:
            return self._custom(node, want, what)
        origin, inner = typing.get_origin(want), typing.get_args(want)
        if origin is typing.Union or origin is types.UnionType:
            rest = [kind for kind in inner if kind is not type(None)]
            return self.read(node, rest[0], what) if len(rest) == 1 else self.leaf(node, want, what)
        if origin is Annotated and (inner[0] in self.custom or typing.get_origin(inner[0]) is tuple):
            return self.read(node, inner[0], what)
        if origin is tuple:
            return tuple(self.read(item, inner[0], _one_of(inner[0], what)) for item in self.sequence(node, what))
        if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
            return {key: self.read(value, inner[1], key) for key, value in self.mapping(node, what).items()}
        if isinstance(want, type) and issubclass(want, msgspec.Struct):
            return self.record(node, want, what)
        return self.leaf(node, want, what)

    def record(self, node: Node, want: type[Any], what: str = "") -> Any:
        """A Struct; its field `node`, where it has one, says where it stands. Its NOT_KEYS are no keys of the file."""
        what = what or want.__name__.lower()
        fields = keys_of(want)
        values = self.fields(node, [f.encode_name for f in fields], [f.encode_name for f in fields if f.required], what)
        given: dict[str, Any] = {"node": node} if "node" in want.__struct_fields__ else {}
        for field in fields:
            if field.encode_name in values:
                given[field.name] = self.read(values[field.encode_name], field.type, f"'{field.encode_name}'")
            elif field.required:
                given[field.name] = blank(field.type)
        return want(**given)

    def leaf(self, node: Node, want: Any, what: str) -> Any:
        """One scalar, by msgspec: a text stays what was written, a number is decimal."""
        if node.kind != "scalar":
            self.mistakes.error(node, f"{what} is {_wanted(want)}, not {KIND_WORDS[node.kind]}",
                                "quote a text that begins with { or [")
            return blank(want)
        try:
            return msgspec.convert(node.value.strip(), want, strict=False)
        except msgspec.ValidationError:
            known = _literals(want)
            got = f"'{node.value[:60]}'" if node.value.strip() else "empty"
            self.mistakes.error(node, f"{what} is {got}, and wants {_wanted(want)}",
                                did_you_mean(node.value, known) if known else "")
            return blank(want)

    def _custom(self, node: Node, want: Any, what: str) -> Any:
        try:
            return self.custom[want](node)
        except Wrong as bad:
            self.mistakes.wrong(node, bad, what)
            return blank(want)


def _one_of(want: Any, what: str) -> str:
    """What an element is called: "a step", "an element of 'refs'"."""
    record = isinstance(want, type) and issubclass(want, msgspec.Struct)
    return f"a {want.__name__.lower()}" if record else f"an element of {what}"


def _literals(want: Any) -> list[str]:
    """Every word that a type allows, where it allows words only."""
    if typing.get_origin(want) is Literal:
        return [word for word in typing.get_args(want) if word]
    return [word for inner in typing.get_args(want) for word in _literals(inner)]


def _wanted(want: Any) -> str:
    if known := _literals(want):
        return "one of " + ", ".join(known) if len(known) > 1 else f"'{known[0]}'"
    if typing.get_origin(want) is not Annotated:
        return TYPE_WORDS.get(want, "a value")
    meta = typing.get_args(want)[1]
    return " ".join(part for part in (
        TYPE_WORDS.get(typing.get_args(want)[0], "a value"),
        f"that is {meta.description}" if meta.description else "",
        f"from {meta.ge} up" if meta.ge is not None else "") if part)


_BLANKS: Mapping[Any, Any] = {str: "", int: 0, bool: False, tuple: (), dict: {}}


def blank(want: Any) -> Any:
    """What stands for a value that could not be read."""
    origin = typing.get_origin(want)
    if origin is Annotated:
        return blank(typing.get_args(want)[0])
    if origin is Literal:
        return ""
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {}
    return _BLANKS.get(origin or want)
